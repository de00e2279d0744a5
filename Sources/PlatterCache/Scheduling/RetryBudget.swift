/// How many retries that nobody waits for an origin gets: some at once, and then a share of the
/// fetches that succeed. Where most fail, retries would only add to the load that makes them fail.
struct RetryBudget: Hashable, Sendable {
    /// A retry costs so much.
    private static let price = 100

    /// Each fetch that succeeds brings the share in percent.
    private let share: Int
    private let most: Int
    private var credit: Int

    /// - Parameters:
    ///   - burst: Retries that can be saved up, and that it starts with.
    ///   - percent: Retries for 100 fetches that succeed.
    init(burst: Int, percent: Int) {
        most = min(max(0, burst), 1 << 20) * Self.price
        share = min(max(0, percent), Self.price)
        credit = most
    }

    mutating func succeeded() { credit = min(most, credit + share) }

    /// - Returns: Whether there was one left.
    mutating func take() -> Bool {
        guard credit >= Self.price else { return false }
        credit -= Self.price
        return true
    }
}
