import PlatterCore

/// Decides when people are told again of something that goes on. A value: no clock, no log.
struct Reminder: Hashable, Sendable {
    /// Once in so long [60 s].
    static let interval = Duration.seconds(60)

    private var toldAt: Moment?

    /// Whether it is to be told now; notes that it is.
    mutating func isDue(now: Moment) -> Bool {
        if let toldAt, now.since(toldAt) < Self.interval { return false }
        toldAt = now
        return true
    }
}
