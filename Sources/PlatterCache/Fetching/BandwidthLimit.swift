package import PlatterCore

/// Bytes per second for all fetches together, and fewer for background work (REQUIREMENTS C5).
///
/// A token bucket kept as a debt: whoever has taken a piece is told how long to pause until it is paid
/// for. Each piece is paid for behind those taken before it, so takers take turns, a piece each.
/// Background pays twice, for the line and out of its own share: it waits for what everybody took,
/// others wait for no more of it than the piece that it took last.
package struct BandwidthLimit: Hashable, Sendable {
    /// A limit that nobody used for a while lets so much pass at once [250 ms of it].
    package static let burst = Duration.milliseconds(250)

    /// What may have been received by a connection, and not been taken from it, before it reads on
    /// [1 MiB: four reads of 256 KiB].
    private static let heldBytes: Int64 = 1 << 20
    /// A connection that reads nothing for longer may be taken for broken, whoever keeps it from
    /// reading [12 s; the stall time-out is 15 s].
    private static let longestTurn: Int64 = 12

    /// How many may take bytes at once, so that each has its turn before its connection breaks.
    ///
    /// - Parameters:
    ///   - wished: As many as this if that is possible.
    ///   - bytesPerSecond: nil is no limit.
    package static func mostTakers(_ wished: Int, bytesPerSecond: Int64?) -> Int {
        guard let bytesPerSecond else { return wished }
        let most = bytesPerSecond.multipliedClamped(by: longestTurn) / heldBytes
        return min(wished, Int(max(1, most)))
    }

    private var all: Line?
    private var background: Line?

    /// - Parameters:
    ///   - bytesPerSecond: For all, 1 or more; nil is no limit.
    ///   - background: For prefetch and fill, not more than for all; nil is no limit of their own.
    package init(bytesPerSecond: Int64? = nil, background: Int64? = nil) {
        all = bytesPerSecond.map { Line(bytesPerSecond: $0) }
        self.background = background.map { Line(bytesPerSecond: min($0, bytesPerSecond ?? .max)) }
    }

    package var isOff: Bool { all == nil && background == nil }

    /// Bytes were taken.
    ///
    /// - Returns: How long the taker must pause before it takes more.
    package mutating func take(_ bytes: Int, isBackground: Bool, now: Moment) -> Duration {
        all?.charge(bytes, now: now)
        if isBackground { background?.charge(bytes, now: now) }
        return pause(isBackground: isBackground, now: now)
    }

    /// How long somebody would pause now: for one that has become more urgent while it paused.
    package func pause(isBackground: Bool, now: Moment) -> Duration {
        let lines = isBackground ? [all, background] : [all]
        return lines.compactMap { $0?.pause(now: now) }.max() ?? .zero
    }

    /// What is taken at a rate.
    private struct Line: Hashable, Sendable {
        private let bytesPerSecond: UInt64
        /// When all that was taken is paid for; nil before the first byte.
        private var paidAt: Moment?
        /// What is owed beyond whole nanoseconds, in parts of `bytesPerSecond`: without it an hour of
        /// small pieces would be too long or too short.
        private var remainder: UInt64 = 0

        init(bytesPerSecond: Int64) { self.bytesPerSecond = UInt64(max(1, bytesPerSecond)) }

        mutating func charge(_ bytes: Int, now: Moment) {
            guard bytes > 0 else { return }
            let burst = BandwidthLimit.burst.nanosecondsClamped
            let earliest = Moment(nanoseconds: now.nanoseconds.addingClamped(-burst))
            if paidAt.map({ $0 < earliest }) ?? true { (paidAt, remainder) = (earliest, 0) }
            paidAt = paidAt?.advanced(by: .nanoseconds(cost(bytes)))
        }

        /// Whole nanoseconds.
        private mutating func cost(_ bytes: Int) -> Int64 {
            let product = UInt64(bytes).multipliedFullWidth(by: 1_000_000_000)
            let (low, carries) = product.low.addingReportingOverflow(remainder)
            let high = product.high + (carries ? 1 : 0)
            guard high < bytesPerSecond else {
                remainder = 0
                return .max
            }
            let result = bytesPerSecond.dividingFullWidth((high, low))
            remainder = result.remainder
            return Int64(clamping: result.quotient)
        }

        func pause(now: Moment) -> Duration {
            guard let paidAt, paidAt > now else { return .zero }
            let (debt, isOver) = paidAt.nanoseconds.subtractingReportingOverflow(now.nanoseconds)
            return .nanoseconds(isOver ? .max : debt)
        }
    }
}
