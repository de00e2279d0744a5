/// A point of a monotonic clock, in nanoseconds since some fixed start. Decisions take it as an
/// argument, so that a test can be its own clock.
package struct Moment: Hashable, Sendable, Comparable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let start = Moment(nanoseconds: 0)

    package static func < (lhs: Moment, rhs: Moment) -> Bool { lhs.nanoseconds < rhs.nanoseconds }

    /// The moment `duration` later, at most the end of time.
    package func advanced(by duration: Duration) -> Moment {
        Moment(nanoseconds: nanoseconds.addingClamped(duration.nanosecondsClamped))
    }

    /// How long after `earlier` this is; never negative.
    package func since(_ earlier: Moment) -> Duration {
        let (passed, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        if overflow { return .nanoseconds(earlier.nanoseconds < 0 ? Int64.max : 0) }
        return .nanoseconds(Swift.max(0, passed))
    }
}

extension Duration {
    /// Whole nanoseconds, clamped to what `Int64` holds.
    package var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if whole.overflow { return seconds < 0 ? .min : .max }
        return whole.partialValue.addingClamped(attoseconds / 1_000_000_000)
    }

    /// Seconds as a floating point number, for rates.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
