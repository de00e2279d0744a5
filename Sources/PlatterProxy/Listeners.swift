import CPlatter
import NIOCore
import NIOPosix

/// The socket that players connect to, as each event loop has it: the one that accepts a connection keeps it. To hand it to
/// another one would cost a player who seeks the time in which a thread wakes up.
struct Listeners: Sendable {
    /// Connections that wait to be accepted [1024].
    private static let backlog: CInt = 1024

    private let channels: [any Channel]
    private let turns: AcceptTurns

    /// - Parameter prepare: Called for each connection, on its event loop.
    static func start(
        on endpoint: ProxyServer.Endpoint, loops: [any EventLoop],
        prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Listeners {
        let socket =
            switch endpoint {
            case .address(let host, let port):
                try bind(to: SocketAddress.makeAddressResolvingHost(host, port: port))
            case .inherited(let descriptor): descriptor
            }
        var channels: [any Channel] = []
        let turns = AcceptTurns(loopCount: loops.count)
        do {
            for (number, loop) in loops.enumerated() {
                // The first one has it for its own, and closes it.
                let own = number == 0 ? socket : try duplicate(of: socket)
                let bootstrap = bootstrap(loop) { channel in
                    turns.opened(on: number)
                    channel.closeFuture.whenComplete { _ in turns.closed(on: number) }
                    try prepare(channel)
                }
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptTurns.Gate(number: number, turns: turns))
                    }
                }
                channels.append(try await bootstrap.withBoundSocket(own).get())
            }
            // Each of them has begun to listen with 128.
            try check(platter_listen(socket, backlog), "listen")
        } catch {
            for channel in channels { try? await channel.close().get() }
            throw error
        }
        return Listeners(channels: channels, turns: turns)
    }

    private static func bootstrap(
        _ loop: any EventLoop, _ prepare: @escaping @Sendable (any Channel) throws -> Void
    ) -> ServerBootstrap {
        ServerBootstrap(group: loop)
            // The turn may be another one's then.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // At once: as options of the bootstrap each has futures of its own.
                    let options = channel.syncOptions
                    try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    try options?.setOption(
                        UnsentLimit.option, value: SocketOptionValue(UnsentLimit.first))
                    try prepare(channel)
                }
            }
    }

    private static func bind(to address: SocketAddress) throws -> CInt {
        var descriptor: CInt = -1
        try check(address.withSockAddr { platter_bind($0, $1, &descriptor) }, "bind")
        return descriptor
    }

    private static func duplicate(of descriptor: CInt) throws -> CInt {
        var duplicate: CInt = -1
        try check(platter_duplicate(descriptor, &duplicate), "dup")
        return duplicate
    }

    private static func check(_ number: CInt, _ call: String) throws {
        guard number == 0 else { throw IOError(errnoCode: number, reason: call) }
    }

    var address: SocketAddress? { channels.first?.localAddress }

    /// Takes no more connections. One that was accepted before is begun first: it would be reset.
    func close() async {
        turns.end()
        // A listener that is closed already refuses.
        for channel in channels { try? await channel.setOption(.autoRead, value: false).get() }
        // What was accepted before is begun.
        for channel in channels { try? await channel.eventLoop.submit {}.get() }
        for channel in channels { try? await channel.close().get() }
    }
}
