import NIOConcurrencyHelpers
package import NIOCore
import NIOHTTP1
import NIOPosix
import PlatterCore
package import PlatterStore

/// The listener for players.
package final class ProxyServer: Sendable {
    package let address: SocketAddress
    private let listeners: Listeners
    private let connections: Connections
    private let responses: ResponseCount
    private let warmAnswers: AnswerCount

    private init(
        listeners: Listeners, address: SocketAddress, connections: Connections,
        responses: ResponseCount, warmAnswers: AnswerCount
    ) {
        self.warmAnswers = warmAnswers
        self.responses = responses
        self.listeners = listeners
        self.address = address
        self.connections = connections
    }

    /// Where to listen.
    package enum Endpoint: Hashable, Sendable {
        case address(host: String, port: Int)
        /// A socket that listens already: of a service manager that keeps it open, so that nobody is
        /// refused while the server is started anew.
        case inherited(descriptor: CInt)
    }

    /// - Parameter index: Opens the index for one event loop.
    package static func start(
        on endpoint: Endpoint, group: any EventLoopGroup, services: ProxyServices,
        index: @escaping @Sendable () throws -> IndexReader
    ) async throws -> ProxyServer {
        let loops = try await Loops(group: group, open: index)
        let connections = Connections()
        let responses = ResponseCount()
        let warmAnswers = AnswerCount()
        let listeners = try await Listeners.start(on: endpoint, loops: Array(group.makeIterator()))
        {
            channel in
            connections.add(channel)
            let tools = try loops.tools(of: channel.eventLoop)
            let connection = ProxyConnection(
                services: services, tools: tools, responses: responses)
            let lane = WarmLane(
                connection: connection, services: services, tools: tools, answers: warmAnswers)
            // Between them comes the HTTP codec, for the first request that the lane does not answer.
            try channel.pipeline.syncOperations.addHandlers(lane, connection)
        }
        guard let address = listeners.address else { throw ChannelError.unknownLocalAddress }
        return ProxyServer(
            listeners: listeners, address: address, connections: connections,
            responses: responses, warmAnswers: warmAnswers)
    }

    /// Open connections.
    package var connectionCount: Int { connections.count }

    /// Responses that have begun, or wait for their first byte, and are not over.
    package var responseCount: Int { responses.value }

    /// Requests that were answered before they came to the HTTP codec; see `WarmLane`.
    var warmAnswerCount: Int { warmAnswers.value }

    /// Stops listening, lets the responses under way come to their ends, and closes all connections.
    ///
    /// - Parameter drain: What is not over by then is cut off, with FIN: players ask for the rest.
    package func stop(drain: Duration) async {
        await listeners.close()
        await connections.end(.afterResponse, within: drain)
        await connections.end(.now, within: Self.closeTime)
        await connections.closeAll()
    }

    /// For players to take what was sent before the end of their connection [2 s].
    private static let closeTime = Duration.seconds(2)
}

/// The tools of each event loop.
private struct Loops: Sendable {
    private let tools: [ObjectIdentifier: NIOLoopBound<LoopTools>]

    init(
        group: any EventLoopGroup, open: @escaping @Sendable () throws -> IndexReader
    ) async throws {
        var tools: [ObjectIdentifier: NIOLoopBound<LoopTools>] = [:]
        for loop in group.makeIterator() {
            tools[ObjectIdentifier(loop)] = try await loop.submit {
                let reader = try open()
                let weak = NIOLoopBound(WeakReader(reader: reader), eventLoop: loop)
                reader.whenToLetGo { loop.execute { weak.value.reader?.letGo() } }
                return NIOLoopBound(LoopTools(index: reader, loop: loop), eventLoop: loop)
            }.get()
        }
        self.tools = tools
    }

    private struct WeakReader {
        weak var reader: IndexReader?
    }

    func tools(of loop: any EventLoop) throws -> LoopTools {
        guard let bound = tools[ObjectIdentifier(loop)] else {
            throw EventLoopError.unsupportedOperation
        }
        return bound.value
    }
}
