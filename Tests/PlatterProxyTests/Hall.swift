import Foundation
import Logging
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

/// One request at a cache that is empty. What the scheduler orders is done by nobody but the test, and
/// the event loop turns when the test says so.
final class Hall {
    /// Notes what the scheduler orders.
    final class Notes: Pilot {
        private let orders = NIOLockedValueBox<[(order: FlightOrder, entry: Entry)]>([])

        var all: [(order: FlightOrder, entry: Entry)] { orders.withLockedValue { $0 } }

        func begin(
            _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
            queue: FetchDispatcher
        ) { orders.withLockedValue { $0.append((order, entry)) } }

        func fly(
            _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
            queue: FetchDispatcher
        ) { Issue.record("nothing was opened that could be fetched") }
    }

    private struct NoOrigin: Origin {
        func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse {
            throw .unreachable
        }
    }

    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let notes = Notes()
    let queue: FetchDispatcher
    let exchange: Exchange
    private let folder: String

    init(path: String = "/film.mp4") throws {
        folder = NSTemporaryDirectory() + "platter-hall-\(UUID().uuidString)"
        let (clock, log) = (SystemClock(), Logger(label: "test"))
        let wallClock: @Sendable () -> Int64 = { 1_000 }
        channel = EmbeddedChannel(loop: loop)
        queue = FetchDispatcher(
            limits: FetchLimits(), clock: clock, loop: loop, pilot: notes, jitter: { 0 })
        let disk = try PosixDisk(root: folder)
        let index = try IndexWriter(path: disk.indexPath, boot: "boot")
        let table = EntryTable(disk: disk)
        let damage = DamageWatch(
            index: index, table: table, clock: clock, wallClock: wallClock, log: log)
        let latency = DiskLatency(clock: clock, log: log)
        // Never started: there is nothing to be read.
        let pool = NIOThreadPool(numberOfThreads: 1)
        let executor = IOExecutor(pool: pool)
        let settler = Settler(
            table: table, admission: Admission(damage: damage, clock: clock, log: log),
            evictor: Evictor(
                settings: .init(), recorded: 0, table: table, disk: disk, index: index,
                search: IndexSearch(reader: index.makeReader()), clock: clock,
                wallClock: wallClock, executor: executor, delay: { _, _ in }, log: log),
            damage: damage, executor: executor, delay: { _, _ in }, log: log)
        let routes = Routes(
            origin: try OriginURL("http://origin.example"), named: [:], streams: StreamRegistry())
        let services = ProxyServices(
            routes: routes, table: table, index: index,
            readers: ReaderServices(
                queue: queue,
                verifier: Verifier(
                    index: index, damage: damage, executor: executor, log: log),
                spans: table.spans,
                accesses: AccessNotes(index: index, wallClock: wallClock, log: log), clock: clock,
                filler: nil),
            bypass: Bypass(
                origin: NoOrigin(), queue: queue, gate: PassageGate(),
                bandwidth: BandwidthGate(BandwidthLimit(), clock: clock), clock: clock,
                wallClock: wallClock, loop: loop, log: log), damage: damage,
            settler: settler, latency: latency, disk: DiskWork(pool: pool, latency: latency),
            wallClock: wallClock,
            log: log)
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path, headers: ["Host": "127.0.0.1"])
        exchange = Exchange(
            request: try PlayerRequest(head, address: "127.0.0.1", routes: routes),
            pace: ClientPace(), services: services, index: index.makeReader(), channel: channel,
            finished: { _ in })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The status of the response, if there is one by now.
    func status() throws -> UInt? {
        guard case .head(let head) = try channel.readOutbound(as: HTTPServerResponsePart.self)
        else { return nil }
        return head.status.code
    }
}
