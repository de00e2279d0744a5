import Foundation
import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore
import Testing

@testable import PlatterCache
@testable import PlatterProxy

/// One request for a film that is on disk, whole, on a disk that is not well. Time passes when the test
/// says so; the rest is as in a server.
final class Screening {
    static let path = "/film.mp4"
    static let length: Int64 = 6 << 20
    static let chunk: Int64 = 1 << 20

    let loop = NIOAsyncTestingEventLoop()
    let channel: NIOAsyncTestingChannel
    let disk: SickDisk
    /// Asked by flights, and for what goes past the store.
    let fetching = FilmOrigin()
    let passing = FilmOrigin()
    private let house: House
    private let services: ProxyServices
    private let pool: NIOThreadPool
    /// Whether the connection can take another request; nil while the response is not over.
    private let ending = NIOLockedValueBox<Bool?>(nil)
    private let exchange: NIOLoopBoundBox<Exchange?>
    private var outbound = Response()

    struct Response {
        var status: UInt?
        var bytes: [UInt8] = []
        /// The last part came.
        var isWhole = false
    }

    /// Runs `body` with a screening, and ends it whatever happens.
    static func run(_ body: (Screening) async throws -> Void) async throws {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        let screening: Screening
        do {
            screening = try Screening(pool: pool)
            do {
                try await screening.store()
                try await body(screening)
            } catch {
                try await screening.end()
                throw error
            }
            try await screening.end()
        } catch {
            try await pool.shutdownGracefully()
            throw error
        }
        try await pool.shutdownGracefully()
    }

    private init(pool: NIOThreadPool) throws {
        self.pool = pool
        let sick = NIOLockedValueBox<SickDisk?>(nil)
        house = try House(clock: LeisurelyClock(), pool: pool) { disk in
            let wrapped = SickDisk(disk)
            sick.withLockedValue { $0 = wrapped }
            return wrapped
        }
        disk = try #require(sick.withLockedValue { $0 })
        channel = NIOAsyncTestingChannel(loop: loop)
        exchange = .makeEmptyBox(valueType: Exchange.self, eventLoop: loop)
        let queue = FetchDispatcher(
            limits: FetchLimits(), clock: house.clock, loop: loop, pilot: house.pilot(fetching),
            jitter: { 0 })
        services = try house.services(queue: queue, passing: passing, loop: loop)
    }

    private func end() async throws {
        disk.openGate()
        try await loop.executeInContext { [exchange] in exchange.value = nil }
        await services.readers.queue.stop()
        try? await house.index.close()
    }

    /// All of the film is on disk, and is believed.
    private func store() async throws {
        let key = try request().resource.key
        let representation = Representation(
            key: key, validator: .strong(tag: FilmOrigin.tag), completeLength: Self.length)
        let new = try #require(
            NewEntry(
                representation, chunkLength: Self.chunk,
                file: DataFileName(representation, salt: 1), origin: "http://origin.example",
                contentType: FilmOrigin.type, createdAt: 1))
        try await house.store(new)
    }

    /// Nothing on disk is believed before it was compared.
    func distrust() async throws {
        house.index.distrust(try record().id, because: .excused) { _ in }
        try await house.index.flush()
    }

    private func record() throws -> EntryRecord {
        try #require(try house.index.makeReader().entry(for: try request().resource.key))
    }

    /// The index does not know of these bytes any more.
    func forget(_ range: ByteRange) async throws {
        house.index.drop(range, of: try record().id) { _ in }
        try await house.index.flush()
    }

    /// From now on the index answers nobody.
    func condemnIndex() throws {
        let epoch = try house.index.makeReader().faults().epoch
        house.index.condemn(epoch, because: "a test wants it")
    }

    /// The film's file, which whoever opens it shares for as long as it is kept.
    func openFile() throws -> any DataFile {
        let record = try record()
        return try house.disk.openFile(record.file, left: record.stamp)
    }

    /// Somebody puts a file of zeros in its place, and somebody else opens that.
    func swapFile() throws {
        let path = try openFile().path
        try FileManager.default.removeItem(atPath: path)
        try Data(count: Int(Self.length)).write(to: URL(fileURLWithPath: path))
        _ = try openFile()
    }

    /// Why the next request for the film goes past the store; nil when it does not.
    func reasonToBypass() throws -> EntryTable.PassReason? {
        house.table.reasonToBypass(try request().resource.key, now: .start)
    }

    private func request() throws -> PlayerRequest {
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: Self.path, headers: ["Host": "127.0.0.1"])
        return try PlayerRequest(head, address: "127.0.0.1", routes: services.routes)
    }

    // MARK: - The player

    /// Asks for all of it.
    ///
    /// - Parameter others: Responses of the same event loop that are not over.
    func begin(beside others: Int = 0) async throws {
        let (request, services, channel) = (try request(), services, channel)
        let (index, ending, exchange) = (house.index, ending, exchange)
        try await loop.executeInContext {
            let tools = LoopTools(index: index.makeReader(), loop: channel.eventLoop)
            for _ in 0..<others { tools.turns.begins() }
            let made = Exchange(
                request: request, pace: ClientPace(), services: services, tools: tools,
                channel: channel,
                finished: { isReusable in ending.withLockedValue { $0 = isReusable } })
            exchange.value = made
            made.begin()
        }
        await loop.run()
    }

    /// Takes what there is.
    ///
    /// - Returns: So many bytes so far.
    func takenLength() async throws -> Int {
        try await take()
        return outbound.bytes.count
    }

    /// Takes what there is. Returns when the response is over, and whether its connection can be used on.
    func finish() async throws -> (Response, isReusable: Bool) {
        try await until { isOver }
        try await take()
        return (outbound, try #require(ending.withLockedValue { $0 } as Bool?))
    }

    var isOver: Bool { ending.withLockedValue { $0 != nil } }

    private func take() async throws {
        while let part = try await channel.readOutbound(as: HTTPServerResponsePart.self) {
            switch part {
            case .head(let head): outbound.status = head.status.code
            case .body(.byteBuffer(let buffer)): outbound.bytes += buffer.readableBytesView
            case .body(.fileRegion): Issue.record("a slow player is sent copies")
            case .end: outbound.isWhole = true
            }
        }
    }

    /// Returns when the condition is true; the time limit of the test ends the wait otherwise.
    func until(_ condition: () -> Bool) async throws {
        while !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}

/// Ages with every look, so that players seem slow and are sent copies.
private final class LeisurelyClock: MonotonicClock {
    private let time = NIOLockedValueBox(Moment.start)

    var now: Moment {
        time.withLockedValue { time in
            time = time.advanced(by: ClientPace.fast)
            return time
        }
    }
}

/// Gives bytes of the film, and notes for which it was asked.
final class FilmOrigin: Origin {
    static let tag = "\"v1\""
    static let type = "video/mp4"
    /// Bytes that come at once.
    private static let piece: Int64 = 64 << 10

    private let ranges = NIOLockedValueBox<[ByteRange]>([])

    var asked: [ByteRange] { ranges.withLockedValue { $0 } }

    /// A ramp modulo 251.
    static func bytes(_ range: ByteRange) -> [UInt8] { range.map { UInt8($0 % 251) } }

    func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse {
        guard case .from(let first, let end) = request.range else { throw .unreachable }
        let range = first..<min(end ?? Screening.length, Screening.length)
        ranges.withLockedValue { $0.append(range) }
        var fields: HTTPFields = [:]
        fields[.eTag] = Self.tag
        fields[.contentType] = Self.type
        fields[.contentLength] = "\(range.length)"
        fields[.contentRange] =
            "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(Screening.length)"
        let body = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            var position = range.lowerBound
            while position < range.upperBound {
                let next = min(position + Self.piece, range.upperBound)
                continuation.yield(ByteBuffer(bytes: Self.bytes(position..<next)))
                position = next
            }
            continuation.finish()
        }
        return OriginResponse(status: 206, fields: fields, body: body)
    }
}
