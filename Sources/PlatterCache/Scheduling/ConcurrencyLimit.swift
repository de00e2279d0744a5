import PlatterCore

/// How many fetches at once an origin gets that has asked for less (429, 503): half as many, and one
/// more for each run of successes. "Additive increase, multiplicative decrease", as in RFC 5681.
struct ConcurrencyLimit: Hashable, Sendable {
    private struct Reduction: Hashable, Sendable {
        var limit: Int
        var since: Moment
        /// Successes in a row.
        var run = 0
    }

    private var reduction: Reduction?

    /// - Parameter full: The limit of an origin that does not complain.
    func value(full: Int) -> Int { min(full, reduction?.limit ?? full) }

    /// The origin asks for less. Of several that were out when it did so first, only one counts.
    ///
    /// - Parameter startedAt: When the fetch began that was told so.
    mutating func slowDown(startedAt: Moment, full: Int, now: Moment) {
        if let since = reduction?.since, startedAt < since { return }
        reduction = Reduction(limit: max(1, value(full: full) / 2), since: now)
    }

    /// A fetch brought what it was to bring.
    mutating func succeeded(full: Int) {
        guard var reduced = reduction else { return }
        reduced.run += 1
        if reduced.run >= reduced.limit {
            reduced.limit += 1
            reduced.run = 0
        }
        reduction = reduced.limit < full ? reduced : nil
    }

    /// Forgets what was asked for long ago.
    mutating func expire(after lasting: Duration, now: Moment) {
        guard let since = reduction?.since, now >= since.advanced(by: lasting) else { return }
        reduction = nil
    }
}
