import NIOCore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What is asked of the machine: the one seam for platform code of this target.
enum System {
    static var coreCount: Int { NIOCore.System.coreCount }

    /// What is wrong with an address that cannot be listened on, and what to do.
    static func reason(notToListen error: any Error) -> String {
        guard let error = error as? IOError else {
            return "\(error); check the host and the port"
        }
        let remedy =
            switch error.errnoCode {
            case EADDRINUSE: "choose another port, or end the program that uses it"
            case EACCES: "ports below 1024 are for root"
            case EADDRNOTAVAIL: "this machine has no such address"
            default: "check the host and the port"
            }
        return "\(String(cString: strerror(error.errnoCode))); \(remedy)"
    }

    /// Seconds since 1970.
    static let wallClock: @Sendable () -> Int64 = { Int64(time(nil)) }
}
