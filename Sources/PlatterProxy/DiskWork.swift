import NIOCore
package import NIOPosix
package import PlatterStore

/// Does what may wait for the disk on threads of its own, so that no event loop does, and gives up on it
/// after a while.
package struct DiskWork: Sendable {
    /// The origin is asked then [5 s].
    static let deadline = TimeAmount.seconds(5)

    /// It took too long. The work goes on all the same.
    struct TooSlow: Error {}

    /// Between two looks whether the disk is slow: then nobody waits for his turn [0.5 s].
    private static let lookInterval = TimeAmount.milliseconds(500)

    private let pool: NIOThreadPool
    private let latency: DiskLatency

    /// - Parameter pool: Started; the caller stops it.
    package init(pool: NIOThreadPool, latency: DiskLatency) {
        self.pool = pool
        self.latency = latency
    }

    /// - Parameters:
    ///   - loop: The current one.
    ///   - completion: Called once, on the loop.
    func perform<Value: Sendable>(
        on loop: any EventLoop, _ work: @escaping @Sendable () throws -> Value,
        completion: @escaping (Result<Value, any Error>) -> Void
    ) {
        let promise = loop.makePromise(of: Value.self)
        let timer = loop.scheduleTask(in: Self.deadline) { promise.fail(TooSlow()) }
        let looks = loop.scheduleRepeatedTask(
            initialDelay: Self.lookInterval, delay: Self.lookInterval
        ) { [latency] _ in
            if latency.isSlow { promise.fail(TooSlow()) }
        }
        promise.futureResult.assumeIsolated().whenComplete { result in
            timer.cancel()
            looks.cancel()
            completion(result)
        }
        pool.runIfActive(eventLoop: loop, work).assumeIsolated().whenComplete { result in
            // The second of two answers is dropped.
            promise.completeWith(result)
        }
    }
}
