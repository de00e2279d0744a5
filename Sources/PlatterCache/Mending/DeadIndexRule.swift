import PlatterCore

/// When an index is given up that the disk does not give, or not take, while it is well otherwise. Pure.
///
///     well ──(it has failed)──▶ doubted ──(a trial passes)──▶ well
///                                 └──(trials [5] fail one after another, over 30 s)──▶ dead
///
/// A trial that says nothing, for the disk fails as a whole or something else stands in the way, begins the
/// counting anew.
struct DeadIndexRule: Hashable, Sendable {
    /// Failures in a row [5], over so long [30 s].
    static let failures = 5
    static let least = Duration.seconds(30)
    /// Each index that dies has the next one given twice as much time, up to this [1 h]: it was not the index
    /// then.
    static let most = Duration.seconds(3600)
    /// Between two trials [5 s].
    static let interval = Duration.seconds(5)

    enum Trial: Hashable, CaseIterable {
        case passed
        /// The index fails, and the disk is well.
        case failed
        case unknown
    }

    private var isDoubted = false
    private var isTrying = false
    private var nextTrial: Moment?
    /// Of the failures in a row.
    private var first: Moment?
    private var count = 0
    private var patience = least

    /// The disk has not given or taken a part of the index.
    mutating func failed() { isDoubted = true }

    /// Whether a trial is to begin now. `ended` is called for each.
    mutating func beginsTrial(now: Moment) -> Bool {
        if !isDoubted || isTrying { return false }
        if let nextTrial, now < nextTrial { return false }
        isTrying = true
        return true
    }

    /// A trial has ended, one that was asked for here or another.
    ///
    /// - Returns: Whether the index is dead. Then all begins anew, with the next one.
    mutating func ended(_ trial: Trial, now: Moment) -> Bool {
        isTrying = false
        nextTrial = now.advanced(by: Self.interval)
        switch trial {
        case .passed:
            isDoubted = false
            (first, count) = (nil, 0)
        case .unknown: (first, count) = (nil, 0)
        case .failed:
            count += 1
            let begun = first ?? now
            first = begun
            guard count >= Self.failures, now.since(begun) >= patience else { return false }
            let patience = min(patience * 2, Self.most)
            self = DeadIndexRule()
            self.patience = patience
            return true
        }
        return false
    }
}
