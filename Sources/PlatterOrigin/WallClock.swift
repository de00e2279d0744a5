#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What the clock on the wall says, for moments that origins name.
package enum WallClock {
    /// Seconds since 1970.
    package static let now: @Sendable () -> Int64 = { Int64(time(nil)) }
}
