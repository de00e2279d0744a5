internal import NIOConcurrencyHelpers
package import PlatterCore

/// A clock that stands still until it is told how much time passes.
package final class ManualClock: MonotonicClock {
    private let moment = NIOLockedValueBox(Moment.start)

    package init() {}

    package var now: Moment { moment.withLockedValue { $0 } }

    package func pass(_ duration: Duration) {
        moment.withLockedValue { $0 = $0.advanced(by: duration) }
    }
}
