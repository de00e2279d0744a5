import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import PlatterProxy

@Suite("The listeners of the event loops")
struct ListenersTests {
    private let accepted = NIOLockedValueBox<[any Channel]>([])

    private func start(on group: any EventLoopGroup) async throws -> Listeners {
        try await Listeners.start(
            on: .address(host: "127.0.0.1", port: 0), loops: Array(group.makeIterator())
        ) { [accepted] channel in accepted.withLockedValue { $0.append(channel) } }
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
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        let listeners = try await start(on: group)
        for _ in 0..<30 { _ = try await connect(listeners, group) }
        var counts: [ObjectIdentifier: Int] = [:]
        for channel in accepted.withLockedValue(\.self) {
            counts[ObjectIdentifier(channel.eventLoop), default: 0] += 1
        }
        #expect(counts.count == loopCount)
        let (least, most) = (try #require(counts.values.min()), try #require(counts.values.max()))
        #expect(most - least <= 2)
        await listeners.close()
        try await group.shutdownGracefully()
    }

    @Test("leave a connection that follows another one to the same loop")
    func near() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let listeners = try await start(on: group)
        for _ in 0..<10 {
            let (client, server) = try await connect(listeners, group)
            try await client.close().get()
            try await server.closeFuture.get()
        }
        #expect(
            Set(accepted.withLockedValue { $0.map { ObjectIdentifier($0.eventLoop) } }).count == 1)
        await listeners.close()
        try await group.shutdownGracefully()
    }

    @Test("give each connection what a player's needs")
    func options() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let listeners = try await start(on: group)
        for _ in 0..<4 {
            let channel = try await connect(listeners, group).server
            #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() != 0)
            #expect(
                try await channel.getOption(UnsentLimit.option).get()
                    == SocketOptionValue(UnsentLimit.first))
        }
        await listeners.close()
        try await group.shutdownGracefully()
    }

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
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let listeners = try await start(on: group)
        let port = try #require(listeners.address?.port)
        let error = await #expect(throws: IOError.self) {
            _ = try await Listeners.start(
                on: .address(host: "127.0.0.1", port: port), loops: Array(group.makeIterator())
            ) { _ in }
        }
        #expect(error?.errnoCode == EADDRINUSE)
        await listeners.close()
        try await group.shutdownGracefully()
    }
}
