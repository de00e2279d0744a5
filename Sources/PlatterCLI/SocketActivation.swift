import Foundation

/// The socket that a service manager has opened for us (sd_listen_fds(3)): it stays open while the server
/// is started anew, so that nobody is refused.
enum SocketActivation {
    /// The first descriptor that is passed.
    private static let firstDescriptor: Int32 = 3

    /// nil when there is none.
    static var socket: Int32? {
        let environment = ProcessInfo.processInfo.environment
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int($0) }), count > 0
        else { return nil }
        // Programs that we start have no business with it.
        _ = fcntl(firstDescriptor, F_SETFD, FD_CLOEXEC)
        return firstDescriptor
    }
}
