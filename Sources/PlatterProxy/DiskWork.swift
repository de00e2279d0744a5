import NIOCore
package import NIOPosix
import PlatterStore

/// Does what may wait for the disk on threads of its own, so that no event loop does, and gives up on it
/// after a while.
package struct DiskWork: Sendable {
    /// The origin is asked then [5 s].
    static let deadline = TimeAmount.seconds(5)

    /// It took too long. The work goes on all the same.
    struct TooSlow: Error {}

    private let pool: NIOThreadPool

    /// - Parameter pool: Started; the caller stops it.
    package init(pool: NIOThreadPool) { self.pool = pool }

    /// - Parameters:
    ///   - loop: The current one.
    ///   - completion: Called once, on the loop.
    func perform<Value: Sendable>(
        on loop: any EventLoop, _ work: @escaping @Sendable () throws -> Value,
        completion: @escaping (Result<Value, any Error>) -> Void
    ) {
        let promise = loop.makePromise(of: Value.self)
        let timer = loop.scheduleTask(in: Self.deadline) { promise.fail(TooSlow()) }
        promise.futureResult.assumeIsolated().whenComplete { result in
            timer.cancel()
            completion(result)
        }
        pool.runIfActive(eventLoop: loop, work).assumeIsolated().whenComplete { result in
            // The second of two answers is dropped.
            promise.completeWith(result)
        }
    }
}
