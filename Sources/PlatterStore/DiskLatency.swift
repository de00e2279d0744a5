package import Logging
internal import NIOConcurrencyHelpers
package import PlatterCore

/// Whether the disk answers in time. Every operation that may wait for it is measured; after one that
/// took too long, or while one does, the disk is to be left alone until a trial is quick again.
///
///     quick ──(an operation lasts longer than `limit`)──▶ slow ──(a trial is quick)──▶ quick
package final class DiskLatency: Sendable {
    private struct Operation {
        let begun: Moment
        let limit: Duration
    }

    private struct State {
        var underWay: [UInt64: Operation] = [:]
        var next: UInt64 = 0
        var isSlow = false
    }

    /// A change that lasts longer is slow [3 s]. A burst of them may wait for its turn.
    package let limit: Duration
    /// A read that does is [1 s]: it is of a few pages, and somebody waits for it.
    package let readLimit: Duration
    /// A trial must not take longer [0.3 s].
    package let attemptLimit: Duration
    /// A disk that takes less of what is waiting in memory is slow [4 MiB/s].
    private static let leastWritingRate = Double(4 << 20)
    private let state = NIOLockedValueBox(State())
    private let clock: any MonotonicClock
    private let log: Logger

    package init(
        limit: Duration = .seconds(3), readLimit: Duration = .seconds(1),
        attemptLimit: Duration = .milliseconds(300), clock: any MonotonicClock, log: Logger
    ) {
        self.limit = limit
        self.readLimit = readLimit
        self.attemptLimit = attemptLimit
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
        if isNew { report(nil) }
        return isSlow
    }

    /// Does what may wait for the disk.
    ///
    /// - Parameters:
    ///   - isRead: Nothing is changed by it.
    ///   - bytes: It ends when so many are on the disk. Nobody waits for that: it may take its time, as
    ///     long as it does not stand still.
    package func measure<Value, Failure: Error>(
        isRead: Bool = false, writing bytes: Int64 = 0,
        _ operation: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let extra = Duration.seconds(Double(bytes) / Self.leastWritingRate)
        let number = begin(isRead ? readLimit : limit + extra)
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
            guard state.isSlow, now.since(begun) < attemptLimit, !hasOverdue(state, now: now) else {
                return false
            }
            state.isSlow = false
            return true
        }
        if isOver { log.notice("The disk answers in time again") }
    }

    private func begin(_ limit: Duration) -> UInt64 {
        let operation = Operation(begun: clock.now, limit: limit)
        return state.withLockedValue { state in
            state.next += 1
            state.underWay[state.next] = operation
            return state.next
        }
    }

    private func end(_ number: UInt64) {
        let now = clock.now
        let slow: Duration? = state.withLockedValue { state in
            guard let operation = state.underWay.removeValue(forKey: number), !state.isSlow,
                now.since(operation.begun) >= operation.limit
            else { return nil }
            state.isSlow = true
            return now.since(operation.begun)
        }
        if let slow { report(slow) }
    }

    private func hasOverdue(_ state: State, now: Moment) -> Bool {
        state.underWay.values.contains { now.since($0.begun) >= $0.limit }
    }

    /// - Parameter duration: nil: it has not ended yet.
    private func report(_ duration: Duration?) {
        log.error(
            "The disk is slow: requests are passed through until it answers in time",
            metadata: [
                "waited": "\(duration.map { "\($0)" } ?? "and still waiting")",
                "remedy": "check the disk and what else uses it",
            ])
    }
}

extension DiskLatency? {
    /// As `measure`, where there is somebody to tell.
    func measured<Value, Failure: Error>(
        isRead: Bool = false, writing bytes: Int64 = 0,
        _ operation: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let self else { return try operation() }
        return try self.measure(isRead: isRead, writing: bytes, operation)
    }
}
