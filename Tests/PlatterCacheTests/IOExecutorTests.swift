import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PlatterCache
import Testing

@Suite("Threads for what may block")
struct IOExecutorTests {
    @Test(
        "a task that is made under a lock when they have been stopped waits for that lock elsewhere",
        .timeLimit(.minutes(1)))
    func stopped() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let executor = IOExecutor(pool: pool)
        try await pool.shutdownGracefully()
        let count = NIOLockedValueBox(0)
        let task = count.withLockedValue { _ in
            Task(executorPreference: executor) { count.withLockedValue { $0 += 1 } }
        }
        await task.value
        #expect(count.withLockedValue { $0 } == 1)
    }
}
