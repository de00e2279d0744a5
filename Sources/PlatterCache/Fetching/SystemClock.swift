import NIOCore
package import PlatterCore

/// The machine's monotonic clock.
package struct SystemClock: MonotonicClock {
    package init() {}

    package var now: Moment {
        Moment(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }
}
