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
    /// What it asked for.
    var asked = AskedPauses()
    /// What the last connection that was measured brought.
    var pace: Pace?
    /// A flight to it brought no byte for a while, and none has come from it since.
    var hangs = false
    /// What it last failed with, if it has not answered since.
    var trouble: OriginTrouble?
    var breaker = CircuitBreaker()
    /// Who tries next while the breaker is not closed.
    var turns = ProbeTurns()
    var concurrency = ConcurrencyLimit()
    var retries: RetryBudget

    init(limits: FetchLimits) {
        retries = RetryBudget(burst: limits.retryBurst, percent: limits.retryPercent)
    }

    /// Nothing starts before.
    var pausedUntil: Moment? { [asked.ofAll, breaker.pausedUntil].compactMap(\.self).max() }

    /// Nothing of the object starts before.
    func pausedUntil(_ key: CacheKey) -> Moment? {
        [pausedUntil, asked.end(of: key)].compactMap(\.self).max()
    }

    /// A request was answered.
    ///
    /// - Parameter isNew: It was answered just now; else only more came of what was answered before.
    /// - Returns: Whether a pause may be over with it.
    mutating func answered(_ key: CacheKey, isNew: Bool, now: Moment) -> Bool {
        let wasPaused = !breaker.isClosed || isNew && asked.ofAll != nil
        if !breaker.isClosed { turns = ProbeTurns() }
        breaker.answered()
        if isNew { asked.answered(key, now: now) }
        return wasPaused
    }
}
