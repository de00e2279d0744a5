import NIOConcurrencyHelpers
package import NIOCore
import NIOHTTP1
import NIOPosix
import PlatterCore
package import PlatterStore

/// The listener for players.
package final class ProxyServer: Sendable {
    package let address: SocketAddress
    private let channel: any Channel
    private let connections: Connections
    private let responses: ResponseCount
    private let warmAnswers: AnswerCount
    private let group: any EventLoopGroup

    private init(
        channel: any Channel, address: SocketAddress, connections: Connections,
        responses: ResponseCount, warmAnswers: AnswerCount, group: any EventLoopGroup
    ) {
        self.warmAnswers = warmAnswers
        self.responses = responses
        self.group = group
        self.channel = channel
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
        let indexes = try await LoopIndexes(group: group, open: index)
        let connections = Connections()
        let responses = ResponseCount()
        let warmAnswers = AnswerCount()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(UnsentLimit.option, value: UnsentLimit.first)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    let pipeline = channel.pipeline.syncOperations
                    let index = try indexes.reader(for: channel.eventLoop)
                    let connection = ProxyConnection(
                        services: services, index: index, responses: responses)
                    try pipeline.addHandler(
                        WarmLane(
                            connection: connection, services: services, index: index,
                            answers: warmAnswers))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
                    try pipeline.addHandler(connection)
                }
            }
        let channel =
            switch endpoint {
            case .address(let host, let port):
                try await bootstrap.bind(host: host, port: port).get()
            case .inherited(let descriptor):
                try await bootstrap.withBoundSocket(descriptor).get()
            }
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return ProxyServer(
            channel: channel, address: address, connections: connections, responses: responses,
            warmAnswers: warmAnswers, group: group)
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
        await stopAccepting()
        // A listener that is closed already fails to close.
        try? await channel.close().get()
        await connections.end(.afterResponse, within: drain)
        await connections.end(.now, within: Self.closeTime)
        await connections.closeAll()
    }

    /// A connection that is accepted at the instant in which the listener closes would be reset.
    private func stopAccepting() async {
        // Only a listener that is closed already refuses.
        try? await channel.setOption(.autoRead, value: false).get()
        // What was accepted before is on its way from the listener's loop to its own, and back.
        for loop in [channel.eventLoop] + Array(group.makeIterator()) + [channel.eventLoop] {
            try? await loop.submit {}.get()
        }
    }

    /// For players to take what was sent before the end of their connection [2 s].
    private static let closeTime = Duration.seconds(2)
}

/// One index reader for each event loop: a reader belongs to its thread.
private struct LoopIndexes: Sendable {
    private let readers: [ObjectIdentifier: NIOLoopBound<IndexReader>]

    init(
        group: any EventLoopGroup, open: @escaping @Sendable () throws -> IndexReader
    ) async throws {
        var readers: [ObjectIdentifier: NIOLoopBound<IndexReader>] = [:]
        for loop in group.makeIterator() {
            readers[ObjectIdentifier(loop)] = try await loop.submit {
                let reader = try open()
                let weak = NIOLoopBound(WeakReader(reader: reader), eventLoop: loop)
                reader.whenToLetGo { loop.execute { weak.value.reader?.letGo() } }
                return NIOLoopBound(reader, eventLoop: loop)
            }.get()
        }
        self.readers = readers
    }

    private struct WeakReader {
        weak var reader: IndexReader?
    }

    func reader(for loop: any EventLoop) throws -> IndexReader {
        guard let bound = readers[ObjectIdentifier(loop)] else {
            throw EventLoopError.unsupportedOperation
        }
        return bound.value
    }
}
