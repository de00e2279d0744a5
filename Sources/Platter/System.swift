import NIOCore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What is asked of the machine: the one seam for platform code of this target.
enum System {
    static var coreCount: Int { NIOCore.System.coreCount }

    /// Seconds since 1970.
    static let wallClock: @Sendable () -> Int64 = { Int64(time(nil)) }
}
