import NIOConcurrencyHelpers
package import PlatterCore

/// The bandwidth limit as all flights share it.
package final class BandwidthGate: Sendable {
    /// nil: there is no limit, and nobody has to take a lock to learn that.
    private let limit: NIOLockedValueBox<BandwidthLimit>?
    private let clock: any MonotonicClock

    package init(_ limit: BandwidthLimit, clock: any MonotonicClock) {
        self.limit = limit.isOff ? nil : NIOLockedValueBox(limit)
        self.clock = clock
    }

    /// - Returns: How long the taker must pause before it takes more.
    package func take(_ bytes: Int, isBackground: Bool) -> Duration {
        guard let limit else { return .zero }
        let now = clock.now
        return limit.withLockedValue { $0.take(bytes, isBackground: isBackground, now: now) }
    }

    /// How long somebody would pause now.
    package func pause(isBackground: Bool) -> Duration {
        guard let limit else { return .zero }
        let now = clock.now
        return limit.withLockedValue { $0.pause(isBackground: isBackground, now: now) }
    }
}
