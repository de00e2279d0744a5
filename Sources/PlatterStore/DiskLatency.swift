package import Logging
internal import NIOConcurrencyHelpers
package import PlatterCore

/// Whether the disk answers in time. Every operation that may wait for it is measured; after one that
/// took too long, or while one does, the disk is to be left alone until a trial is quick again.
///
///     quick ──(an operation lasts longer than `limit`)──▶ slow ──(a trial is quick)──▶ quick
package final class DiskLatency: Sendable {
    private struct State {
        var underWay: [UInt64: Moment] = [:]
        var next: UInt64 = 0
        var isSlow = false
    }

    /// An operation that lasts longer is slow [3 s].
    package let limit: Duration
    private let state = NIOLockedValueBox(State())
    private let clock: any MonotonicClock
    private let log: Logger

    package init(limit: Duration = .seconds(3), clock: any MonotonicClock, log: Logger) {
        self.limit = limit
        self.clock = clock
        self.log = log
    }

    /// Whether the store is to be left alone.
    package var isSlow: Bool {
        let now = clock.now
        let (isSlow, isNew) = state.withLockedValue { state in
            let isNew = !state.isSlow && hasOverdue(state, now: now)
            if isNew { state.isSlow = true }
            return (state.isSlow, isNew)
        }
        if isNew { report(after: limit) }
        return isSlow
    }

    /// Does what may wait for the disk.
    package func measure<Value, Failure: Error>(
        _ operation: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let number = begin()
        do throws(Failure) {
            let value = try operation()
            end(number)
            return value
        } catch {
            end(number)
            throw error
        }
    }

    /// Does something that waits for the disk, to find out whether it is quick again. Only where it may
    /// block.
    package func attempt<Failure: Error>(_ operation: () throws(Failure) -> Void) {
        let begun = clock.now
        // Whether it can be done at all is for others to find out.
        try? measure(operation)
        let now = clock.now
        let isOver = state.withLockedValue { state in
            guard state.isSlow, now.since(begun) < limit, !hasOverdue(state, now: now) else {
                return false
            }
            state.isSlow = false
            return true
        }
        if isOver { log.notice("The disk answers in time again") }
    }

    private func begin() -> UInt64 {
        let now = clock.now
        return state.withLockedValue { state in
            state.next += 1
            state.underWay[state.next] = now
            return state.next
        }
    }

    private func end(_ number: UInt64) {
        let now = clock.now
        let slow: Duration? = state.withLockedValue { state in
            guard let begun = state.underWay.removeValue(forKey: number), !state.isSlow,
                now.since(begun) >= limit
            else { return nil }
            state.isSlow = true
            return now.since(begun)
        }
        if let slow { report(after: slow) }
    }

    private func hasOverdue(_ state: State, now: Moment) -> Bool {
        state.underWay.values.contains { now.since($0) >= limit }
    }

    private func report(after duration: Duration) {
        log.error(
            "The disk is slow: requests are passed through until it answers in time",
            metadata: ["waited": "\(duration)", "remedy": "check the disk and what else uses it"])
    }
}

extension DiskLatency? {
    /// As `measure`, where there is somebody to tell.
    func measured<Value, Failure: Error>(
        _ operation: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let self else { return try operation() }
        return try self.measure(operation)
    }
}
