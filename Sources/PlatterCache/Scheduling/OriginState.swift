import PlatterCore

/// Why the last request to an origin brought nothing, for people.
package enum OriginTrouble: Hashable, Sendable {
    /// No connection, or it ended before an answer.
    case unreachable
    /// No answer came for too long.
    case timedOut
    /// An answer that is worth another try.
    case status(Int)
}

/// What the scheduler remembers of an origin.
struct OriginState: Hashable, Sendable {
    /// It asked for a pause until then.
    var retryAfter: Moment?
    /// What the last connection that was measured brought.
    var pace: Pace?
    /// A flight to it brought no byte for a while, and none has come from it since.
    var hangs = false
    /// What it last failed with, if it has not answered since.
    var trouble: OriginTrouble?
    var breaker = CircuitBreaker()
    var concurrency = ConcurrencyLimit()
    var retries: RetryBudget

    init(limits: FetchLimits) {
        retries = RetryBudget(burst: limits.retryBurst, percent: limits.retryPercent)
    }

    /// Nothing starts before.
    var pausedUntil: Moment? { [retryAfter, breaker.pausedUntil].compactMap(\.self).max() }
}
