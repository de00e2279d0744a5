import PlatterCore
import PlatterHTTP

/// Decides which answers that cannot be used are told to people: players ask again and again, and the same
/// origin has the same flaw each time. A value: no clock, no log.
struct FlawNews: Sendable {
    private struct Flaw: Hashable {
        let key: CacheKey
        let reason: Verdict.MalformedReason
    }

    /// The same flaw of the same object is no news for so long [60 s].
    static let quiet = Duration.seconds(60)
    /// Flaws remembered [1,000]; with more all are news again.
    static let limit = 1000

    private var toldAt: [Flaw: Moment] = [:]

    /// - Returns: Whether it is to be told.
    mutating func isNews(
        _ reason: Verdict.MalformedReason, of key: CacheKey, now: Moment
    ) -> Bool {
        let flaw = Flaw(key: key, reason: reason)
        if let last = toldAt[flaw], now.since(last) < Self.quiet { return false }
        if toldAt.count >= Self.limit { toldAt = [:] }
        toldAt[flaw] = now
        return true
    }
}
