import Dispatch
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterStore

@testable import PlatterCache

/// Runs the jobs of tasks when it is told to, on the thread that tells it.
final class HandExecutor: TaskExecutor {
    private let jobs = ConditionLock(value: 0)
    private let waiting = NIOLockedValueBox<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.lock()
        let count = waiting.withLockedValue { waiting in
            waiting.append(job)
            return waiting.count
        }
        jobs.unlock(withValue: count)
    }

    var count: Int { waiting.withLockedValue { $0.count } }

    /// Runs one of the jobs that wait; on a pool of threads any may be the next.
    func run(_ pick: (Int) -> Int) {
        jobs.lock()
        let (job, rest) = waiting.withLockedValue { waiting in
            let job = waiting.isEmpty ? nil : waiting.remove(at: pick(waiting.count))
            return (job, waiting.count)
        }
        jobs.unlock(withValue: rest)
        job?.runSynchronously(on: asUnownedTaskExecutor())
    }

    /// Waits for a job that another thread is about to hand over.
    ///
    /// - Returns: Whether there is one.
    func await() -> Bool {
        for _ in 0..<200 where count == 0 {
            if jobs.lock(whenValue: 1, timeoutSeconds: 0.01) { jobs.unlock() }
        }
        return count > 0
    }
}

/// The clock, the event loop's timers and the delays of one life: they pass when they are told to.
final class HandClock: MonotonicClock, EventLoop {
    private struct Timer {
        let number: UInt64
        let at: Moment
        let action: @Sendable () -> Void
    }

    private struct State {
        var now: Moment
        var timers: [Timer] = []
        var next: UInt64 = 1
        var isStopped = false
    }

    private let state: NIOLockedValueBox<State>

    init(now: Moment) { state = NIOLockedValueBox(State(now: now)) }

    var now: Moment { state.withLockedValue { $0.now } }

    /// When the next timer is due.
    var due: Moment? { state.withLockedValue { $0.timers.map(\.at).min() } }

    func advance(to moment: Moment) { state.withLockedValue { $0.now = max($0.now, moment) } }

    /// Runs the first timer that is due.
    ///
    /// - Returns: Whether there was one.
    func fire() -> Bool {
        let timer: Timer? = state.withLockedValue { state in
            let first = state.timers.indices.min {
                (state.timers[$0].at, state.timers[$0].number)
                    < (state.timers[$1].at, state.timers[$1].number)
            }
            guard let first, state.timers[first].at <= state.now else { return nil }
            return state.timers.remove(at: first)
        }
        timer?.action()
        return timer != nil
    }

    /// Nothing fires any more.
    func stop() {
        let timers = state.withLockedValue { state in
            state.isStopped = true
            defer { state.timers = [] }
            return state.timers
        }
        // What they hold goes away outside of the lock.
        withExtendedLifetime(timers) {}
    }

    @discardableResult
    func add(after duration: Duration, _ action: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLockedValue { state in
            let number = state.next
            state.next += 1
            guard !state.isStopped else { return number }
            let timer = Timer(
                number: number, at: state.now.advanced(by: max(.zero, duration)), action: action)
            state.timers.append(timer)
            return number
        }
    }

    private func remove(_ number: UInt64) {
        let removed = state.withLockedValue { state in
            let index = state.timers.firstIndex { $0.number == number }
            return index.map { state.timers.remove(at: $0) }
        }
        withExtendedLifetime(removed) {}
    }

    // MARK: - EventLoop

    /// One thread does all.
    var inEventLoop: Bool { true }

    func execute(_ task: @escaping @Sendable () -> Void) { add(after: .zero, task) }

    func scheduleTask<Value>(
        in time: TimeAmount, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        let promise = makePromise(of: Value.self)
        let number = add(after: .nanoseconds(time.nanoseconds)) {
            do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
        }
        return Scheduled(promise: promise) { [weak self] in self?.remove(number) }
    }

    func scheduleTask<Value>(
        deadline: NIODeadline, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        let at = Int64(clamping: deadline.uptimeNanoseconds)
        return scheduleTask(in: .nanoseconds(at - now.nanoseconds), task)
    }

    func shutdownGracefully(
        queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void
    ) { callback(nil) }
}

/// Keeps the thread of the index's writer waiting until it is let through, so that what it commits and
/// whom it tells come at a moment of the seed's choice.
final class WriterGate: Sendable {
    private let arrived = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)
    private let isHeld = NIOLockedValueBox(false)
    private let index: IndexWriter

    init(_ index: IndexWriter) { self.index = index }

    /// All that was asked of the writer is done, and no more. Without an index it is refused.
    func turn() {
        let wasHeld = isHeld.withLockedValue { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        // Its completion comes after all commands before it.
        index.touch([:]) { [arrived, opened, isHeld] result in
            guard case .success = result else {
                arrived.signal()
                return
            }
            isHeld.withLockedValue { $0 = true }
            arrived.signal()
            opened.wait()
        }
        if wasHeld { opened.signal() }
        arrived.wait()
    }

    /// Nothing is held any more until the next turn.
    func release() {
        let wasHeld = isHeld.withLockedValue { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        if wasHeld { opened.signal() }
    }
}
