#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Names the time between two boots. Bytes written since the last boot are in the page cache or on
/// disk; bytes written before it may have been lost by a power cut, so they are checked first.
package enum BootID {
    /// The running boot.
    ///
    /// - Throws: When the system does not tell. A caller that goes on without it must use a value
    ///   that never comes again, so that everything is checked.
    package static func current() throws(DiskError) -> String {
        #if os(Linux) || os(Android)
            let path = "/proc/sys/kernel/random/boot_id"
            let descriptor = try openDescriptor(AT_FDCWD, path, flags: O_RDONLY)
            defer { close(descriptor) }
            let text = try readText(descriptor, limit: 64, path: path).filter { !$0.isWhitespace }
            guard text.utf8.count == 36 else {
                throw DiskError(.other, "holds no boot id: \(text.debugDescription)", path: path)
            }
            return text
        #else
            var boot = timeval()
            var size = MemoryLayout<timeval>.size
            guard sysctlbyname("kern.boottime", &boot, &size, nil, 0) == 0 else {
                throw DiskError(errno: errno, doing: "read the boot time", path: "kern.boottime")
            }
            return "\(boot.tv_sec).\(boot.tv_usec)"
        #endif
    }
}
