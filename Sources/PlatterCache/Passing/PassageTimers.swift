import NIOConcurrencyHelpers
import NIOCore
import PlatterCore

/// Waiting for a moment, and limits on what else is waited for.
struct PassageTimers: Sendable {
    let clock: any MonotonicClock
    let loop: any EventLoop

    /// Returns earlier when the task is cancelled.
    func sleep(until end: Moment) async {
        let rest = end.since(clock.now)
        guard rest > .zero else { return }
        let (stream, sleeper) = AsyncStream<Void>.makeStream()
        let timer = loop.scheduleTask(in: .nanoseconds(rest.nanosecondsClamped)) {
            sleeper.finish()
        }
        for await _ in stream {}
        timer.cancel()
    }

    /// Runs `body`, cancelled when `limit` returns first.
    func run<Value: Sendable>(
        limitedBy limit: @escaping @Sendable () async -> Void,
        body: @escaping @Sendable () async -> Value?
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await body() }
            group.addTask {
                await limit()
                return nil
            }
            var result: Value?
            // The other one ends soon; what it brings nevertheless must not be lost.
            for await value in group {
                group.cancelAll()
                result = result ?? value
            }
            return result
        }
    }
}

/// When the one who waits loses patience: moved on with each step, looked at by one timer.
final class PassageWatch: Sendable {
    private struct State {
        /// nil: nothing is waited for that could be blamed.
        var end: Moment?
        var isOver = false
    }

    private let state = NIOLockedValueBox(State())
    private let timers: PassageTimers
    /// How long the timer sleeps when nothing is waited for.
    private let interval: Duration

    init(timers: PassageTimers, interval: Duration) {
        self.timers = timers
        self.interval = interval
    }

    /// Something is waited for from now on.
    func expect(by end: Moment) { state.withLockedValue { $0.end = end } }

    /// Nothing is.
    func rest() { state.withLockedValue { $0.end = nil } }

    /// Patience was lost.
    var isOver: Bool { state.withLockedValue { $0.isOver } }

    /// Returns when patience is lost, or the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let now = timers.clock.now
            let end = state.withLockedValue { state in
                if let end = state.end, end <= now { state.isOver = true }
                // What is expected from now on may be due earlier.
                let look = now.advanced(by: interval)
                return state.end.map { min($0, look) } ?? look
            }
            if isOver { return }
            await timers.sleep(until: end)
        }
    }
}
