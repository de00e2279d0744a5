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

    private init(channel: any Channel, address: SocketAddress, connections: Connections) {
        self.channel = channel
        self.address = address
        self.connections = connections
    }

    /// - Parameter index: Opens the index for one event loop.
    package static func start(
        host: String, port: Int, group: any EventLoopGroup, services: ProxyServices,
        index: @escaping @Sendable () throws -> IndexReader
    ) async throws -> ProxyServer {
        let indexes = try await LoopIndexes(group: group, open: index)
        let connections = Connections()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(UnsentLimit.option, value: UnsentLimit.first)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
                    let index = try indexes.reader(for: channel.eventLoop)
                    try pipeline.addHandler(ProxyConnection(services: services, index: index))
                }
            }
        let channel = try await bootstrap.bind(host: host, port: port).get()
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return ProxyServer(channel: channel, address: address, connections: connections)
    }

    /// Open connections.
    package var connectionCount: Int { connections.count }

    /// Stops listening and closes all connections.
    package func stop() async {
        // A listener that is closed already fails to close.
        try? await channel.close().get()
        await connections.closeAll()
    }
}

/// The open connections, to count and to close them.
private final class Connections: Sendable {
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    var count: Int { channels.withLockedValue { $0.count } }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLockedValue { $0[id] = channel }
        channel.closeFuture.whenComplete { [channels] _ in
            channels.withLockedValue { $0[id] = nil }
        }
    }

    func closeAll() async {
        let open = channels.withLockedValue { Array($0.values) }
        for channel in open {
            // One that closes by itself meanwhile is what we want.
            try? await channel.close().get()
        }
    }
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
                NIOLoopBound(try open(), eventLoop: loop)
            }.get()
        }
        self.readers = readers
    }

    func reader(for loop: any EventLoop) throws -> IndexReader {
        guard let bound = readers[ObjectIdentifier(loop)] else {
            throw EventLoopError.unsupportedOperation
        }
        return bound.value
    }
}
