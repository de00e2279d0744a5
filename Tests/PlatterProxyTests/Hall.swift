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
    private let services: ProxyServices
    private let house: House

    init(path: String = "/film.mp4") throws {
        channel = EmbeddedChannel(loop: loop)
        // Never started: there is nothing to be read.
        house = try House(pool: NIOThreadPool(numberOfThreads: 1))
        queue = FetchDispatcher(
            limits: FetchLimits(), clock: house.clock, loop: loop, pilot: notes, jitter: { 0 })
        services = try house.services(queue: queue, passing: NoOrigin(), loop: loop)
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path, headers: ["Host": "127.0.0.1"])
        exchange = Exchange(
            request: try PlayerRequest(head, address: "127.0.0.1", routes: services.routes),
            pace: ClientPace(), services: services,
            tools: LoopTools(index: house.index.makeReader(), loop: loop),
            channel: channel,
            finished: { _ in })
    }

    /// The connection of a player, which takes requests from the channel.
    func connect() throws -> ProxyConnection {
        let connection = ProxyConnection(
            services: services, tools: LoopTools(index: house.index.makeReader(), loop: loop),
            responses: ResponseCount())
        try channel.pipeline.syncOperations.addHandler(connection)
        return connection
    }

    /// The status of the response, if there is one by now.
    func status() throws -> UInt? {
        guard case .head(let head) = try channel.readOutbound(as: HTTPServerResponsePart.self)
        else { return nil }
        return head.status.code
    }
}
