import NIOCore
import NIOEmbedded
import NIOPosix
import PlatterCore
import Testing

@testable import PlatterCache
@testable import PlatterProxy
@testable import PlatterStore

@Suite("A connection, one of whose requests is answered beside the codec")
struct WarmConnectionTests {
    @Test("is neither free nor idle before the socket has taken the answer, and both after that")
    func idle() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let house = try House(pool: pool)
        let origin = FilmOrigin()
        let group = MultiThreadedEventLoopGroup.singleton
        let queue = house.dispatcher(origin, on: group)
        let services = try house.services(queue: queue, passing: origin, loop: group.any())
        try Self.play(services, index: house.index.makeReader())
        await queue.stop()
        try await house.index.close()
        try await pool.shutdownGracefully()
    }

    @Test("closes the index with the server")
    func closed() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let house = try House(pool: pool)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        try await Self.serve(house, on: group)
        try await group.shutdownGracefully()
        // Whatever the loops still had to do was done with them.
        #expect(house.index.life.leases.openCount == 0)
        try await house.index.close()
        try await pool.shutdownGracefully()
    }

    private static func serve(_ house: House, on group: MultiThreadedEventLoopGroup) async throws {
        let origin = FilmOrigin()
        let queue = house.dispatcher(origin, on: group)
        let services = try house.services(queue: queue, passing: origin, loop: group.any())
        #expect(house.index.life.leases.openCount == 0)
        let server = try await ProxyServer.start(
            on: .address(host: "127.0.0.1", port: 0), group: group, services: services,
            index: { [index = house.index] in
                let reader = index.makeReader()
                reader.prepare()
                return reader
            })
        #expect(house.index.life.leases.openCount == 2)
        await server.stop(drain: .zero)
        await queue.stop()
    }

    private static func play(_ services: ProxyServices, index: IndexReader) throws {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        let responses = ResponseCount()
        let connection = ProxyConnection(
            services: services, tools: LoopTools(index: index, loop: loop), responses: responses)
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        #expect(connection.isFree && responses.value == 0)
        connection.beginsAnswer()
        #expect(!connection.isFree && responses.value == 1)
        loop.advanceTime(by: ProxyConnection.idleTime * 3)
        #expect(channel.isActive)
        connection.hasSent()
        #expect(connection.isFree && responses.value == 0)
        loop.advanceTime(by: ProxyConnection.idleTime - .seconds(1))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive && !connection.isFree)
        // Too late to be of interest.
        connection.hasSent()
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
