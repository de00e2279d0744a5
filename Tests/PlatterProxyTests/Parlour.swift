import Foundation
import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PlatterCore
import PlatterHTTP
import PlatterStore
import PlatterTesting
import Testing

@testable import PlatterCache
@testable import PlatterProxy

/// A server that has one film on disk, whole, and clients of it.
final class Parlour {
    static let path = "/film.mp4"
    static let length = Screening.length

    let server: ProxyServer
    private let house: House
    private let queue: FetchDispatcher

    static func run(_ body: (Parlour) async throws -> Void) async throws {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Void, any Error>
        do {
            let parlour = try await Parlour(pool: pool, group: group)
            do {
                try await parlour.store()
                try await body(parlour)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await parlour.server.stop(drain: .zero)
            await parlour.queue.stop()
            try? await parlour.house.index.close()
        }
        try await group.shutdownGracefully()
        try await pool.shutdownGracefully()
        try result.get()
    }

    private init(pool: NIOThreadPool, group: any EventLoopGroup) async throws {
        let house = try House(pool: pool)
        let origin = FilmOrigin()
        queue = house.dispatcher(origin, on: group)
        let services = try house.services(queue: queue, passing: origin, loop: group.any())
        let index = house.index
        server = try await ProxyServer.start(
            on: .address(host: "127.0.0.1", port: 0), group: group, services: services,
            index: { index.makeReader() })
        self.house = house
    }

    private func store() async throws {
        let url = try OriginURL("http://origin.example" + Self.path)
        let representation = Representation(
            key: Resource(url, fields: [:]).key, validator: .strong(tag: FilmOrigin.tag),
            completeLength: Self.length)
        let new = try #require(
            NewEntry(
                representation, chunkLength: Screening.chunk,
                file: DataFileName(representation, salt: 1), origin: url.origin,
                contentType: FilmOrigin.type,
                fields: "content-type: video/mp4\r\netag: \(FilmOrigin.tag)\r\n", createdAt: 1))
        try await house.store(new)
    }

    func connect() async throws -> RawClient {
        try await RawClient.connect(port: server.address.port ?? 0)
    }

    /// One answer, with all of its body.
    func answer(to client: RawClient) async throws -> Answer {
        let head = try await client.head()
        let length = head.values(of: "content-length").first.flatMap { Int($0) } ?? 0
        return Answer(head: head, body: try await client.read(length))
    }

    struct Answer: Hashable {
        let head: RawClient.Head
        let body: [UInt8]
    }
}
