internal import NIOCore
package import NIOPosix

/// Runs tasks on threads that may block on the disk, so that neither an event loop nor the shared
/// pool of Swift's concurrency ever does.
package final class IOExecutor: TaskExecutor {
    private let pool: NIOThreadPool

    /// - Parameter pool: Started; the caller stops it.
    package init(pool: NIOThreadPool) { self.pool = pool }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        pool.submit { state in
            guard state == .cancelled else { return job.runSynchronously(on: executor) }
            // The pool has been stopped. A task that is never resumed would hang its waiters, and one that runs
            // at once, here, would do so within whatever its maker holds locked.
            NIOSingletons.posixBlockingThreadPool.submit { _ in
                job.runSynchronously(on: executor)
            }
        }
    }
}
