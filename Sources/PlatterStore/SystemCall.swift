internal import CPlatter

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Runs a call that answers -1 and errno, again while a signal interrupts it.
func systemCall<Answer: FixedWidthInteger & SignedInteger>(
    _ action: String, path: String, _ call: () -> Answer
) throws(DiskError) -> Answer {
    while true {
        let answer = call()
        if answer >= 0 { return answer }
        let number = errno
        if number != EINTR { throw DiskError(errno: number, doing: action, path: path) }
    }
}

/// Opens `name` below a folder. The descriptor does not survive exec.
///
/// - Parameter path: What to call it in an error, if not by its name.
func openDescriptor(
    _ folder: Int32, _ name: String, flags: Int32, mode: UInt32 = 0, path: String? = nil
) throws(DiskError) -> Int32 {
    var descriptor: Int32 = -1
    let number = platter_open_at(folder, name, flags | O_CLOEXEC, mode, &descriptor)
    guard number == 0 else {
        throw DiskError(errno: number, doing: "open it", path: path ?? name)
    }
    return descriptor
}

/// The first `limit` bytes of a small file as text.
func readText(_ descriptor: Int32, limit: Int, path: String) throws(DiskError) -> String {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = try systemCall("read it", path: path) { pread(descriptor, &bytes, limit, 0) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// An open file or folder, closed when nobody uses it any more.
final class Descriptor: Sendable {
    let number: Int32

    /// Takes the descriptor over.
    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Which file it is; nil when that cannot be seen.
    var identity: FileIdentity? {
        var status = stat()
        return fstat(number, &status) == 0 ? FileIdentity(status) : nil
    }
}

/// Which file has a name in a folder; nil when there is none. A symbolic link is not followed.
func fileIdentity(_ folder: Descriptor, _ name: String) -> FileIdentity? {
    var status = stat()
    guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    return FileIdentity(status)
}

/// Opens a folder below one of ours, making it first if it is not there.
func openFolder(_ parent: Int32, _ name: String, path: String) throws(DiskError) -> Int32 {
    if mkdirat(parent, name, 0o700) != 0, errno != EEXIST {
        throw DiskError(errno: errno, doing: "make the folder", path: path)
    }
    return try openDescriptor(
        parent, name, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path: path)
}
