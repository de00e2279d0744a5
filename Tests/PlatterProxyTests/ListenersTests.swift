import CPlatter
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import PlatterProxy

@Suite("The listeners of the event loops")
struct ListenersTests {
    private let accepted = NIOLockedValueBox<[any Channel]>([])

    private func start(
        on group: any EventLoopGroup,
        _ endpoint: ProxyServer.Endpoint = .address(host: "127.0.0.1", port: 0)
    ) async throws -> Listeners {
        try await Listeners.start(on: endpoint, loops: Array(group.makeIterator())) {
            [accepted] channel in accepted.withLockedValue { $0.append(channel) }
        }
    }

    /// Runs `body` with listeners, and closes them unless it throws.
    private func withListeners(
        loopCount: Int = 2,
        on endpoint: ProxyServer.Endpoint = .address(host: "127.0.0.1", port: 0),
        _ body: (Listeners, any EventLoopGroup) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        let listeners = try await start(on: group, endpoint)
        try await body(listeners, group)
        await listeners.close()
        try await group.shutdownGracefully()
    }

    /// Returns when it was accepted.
    private func connect(
        _ listeners: Listeners, _ group: any EventLoopGroup
    ) async throws -> (client: any Channel, server: any Channel) {
        let before = accepted.withLockedValue(\.count)
        let address = try #require(listeners.address)
        let client = try await ClientBootstrap(group: group).connect(to: address).get()
        while accepted.withLockedValue(\.count) == before { await Task.yield() }
        return (client, accepted.withLockedValue { $0[before] })
    }

    @Test("share the connections evenly", arguments: [1, 2, 3])
    func even(loopCount: Int) async throws {
        try await withListeners(loopCount: loopCount) { listeners, group in
            for _ in 0..<30 { _ = try await connect(listeners, group) }
        }
        var counts: [ObjectIdentifier: Int] = [:]
        for channel in accepted.withLockedValue(\.self) {
            counts[ObjectIdentifier(channel.eventLoop), default: 0] += 1
        }
        #expect(counts.count == loopCount)
        let (least, most) = (try #require(counts.values.min()), try #require(counts.values.max()))
        #expect(most - least <= 2)
    }

    @Test("leave a connection that follows another one to the same loop")
    func near() async throws {
        try await withListeners { listeners, group in
            for _ in 0..<10 {
                let (client, server) = try await connect(listeners, group)
                try await client.close().get()
                try await server.closeFuture.get()
            }
        }
        #expect(
            Set(accepted.withLockedValue { $0.map { ObjectIdentifier($0.eventLoop) } }).count == 1)
    }

    private func expectOptions(of channel: any Channel) async throws {
        #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() != 0)
        let unsent = try await channel.getOption(UnsentLimit.option).get()
        #expect(unsent == SocketOptionValue(UnsentLimit.first))
    }

    @Test("give each connection what a player's needs")
    func options() async throws {
        try await withListeners { listeners, group in
            for _ in 0..<4 { try await expectOptions(of: connect(listeners, group).server) }
        }
    }

    /// As a service manager has it.
    private func listeningSocket() throws -> (CInt, SocketAddress) {
        var descriptor: CInt = -1
        let anywhere = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        try #require(anywhere.withSockAddr { platter_bind($0, $1, &descriptor) } == 0)
        try #require(platter_listen(descriptor, 5) == 0)
        // A `sockaddr_in`: its port is the third and the fourth byte.
        var name = [UInt16](repeating: 0, count: 8)
        var length = socklen_t(MemoryLayout<UInt16>.stride * name.count)
        let answer = name.withUnsafeMutableBytes {
            $0.withMemoryRebound(to: sockaddr.self) {
                getsockname(descriptor, $0.baseAddress, &length)
            }
        }
        try #require(answer == 0)
        let port = Int(UInt16(bigEndian: name[1]))
        return (descriptor, try SocketAddress(ipAddress: "127.0.0.1", port: port))
    }

    @Test("give that also to those who came before an inherited socket was taken over")
    func early() async throws {
        let (descriptor, address) = try listeningSocket()
        let clients = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        for _ in 0..<3 { _ = try await ClientBootstrap(group: clients).connect(to: address).get() }
        try await withListeners(on: .inherited(descriptor: descriptor)) { _, _ in
            while accepted.withLockedValue(\.count) < 3 { await Task.yield() }
            for channel in accepted.withLockedValue(\.self) { try await expectOptions(of: channel) }
        }
        try await clients.shutdownGracefully()
    }

    #if os(Linux)
        @Test("let a thousand wait")
        func backlog() async throws {
            let (descriptor, _) = try listeningSocket()
            try await withListeners(on: .inherited(descriptor: descriptor)) { _, _ in
                // The start of `tcp_info`. Its `tcpi_sacked` is, of a socket that listens, how many may wait.
                var info = [UInt32](repeating: 0, count: 8)
                var length = socklen_t(MemoryLayout<UInt32>.stride * info.count)
                try #require(
                    getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &length) == 0)
                #expect(info[7] == 1024)
            }
        }
    #endif

    @Test("take no connection any more once they are closed")
    func closed() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let listeners = try await start(on: group)
        _ = try await connect(listeners, group)
        let address = try #require(listeners.address)
        await listeners.close()
        await #expect(throws: (any Error).self) {
            try await ClientBootstrap(group: group).connect(to: address).get()
        }
        #expect(accepted.withLockedValue(\.count) == 1)
        try await group.shutdownGracefully()
    }

    @Test("say that a port is another program's")
    func taken() async throws {
        try await withListeners { listeners, group in
            let port = try #require(listeners.address?.port)
            let error = await #expect(throws: IOError.self) {
                _ = try await start(on: group, .address(host: "127.0.0.1", port: port))
            }
            #expect(error?.errnoCode == EADDRINUSE)
        }
    }
}
