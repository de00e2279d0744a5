import PlatterCore

/// Decides when people are told of what is given up for want of room on the disk. A value: no clock, no log.
struct LossNews: Sendable {
    /// Once in so long [60 s], with all that went since the last time.
    static let interval = Duration.seconds(60)

    private var untold: Int64 = 0
    private var toldAt: Moment?

    /// - Returns: The bytes to tell of; nil: not now.
    mutating func lost(_ bytes: Int64, now: Moment) -> Int64? {
        guard bytes > 0 else { return nil }
        untold = untold.addingClamped(bytes)
        if let toldAt, now.since(toldAt) < Self.interval { return nil }
        defer { untold = 0 }
        toldAt = now
        return untold
    }
}
