internal import CPlatter
internal import NIOConcurrencyHelpers
internal import PlatterCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Whether the file system gives the room of a range back, as far as is known: as a probe has shown it,
/// until a data file shows the contrary.
final class HoleSupport: Sendable {
    private let state: NIOLockedValueBox<Bool>

    init(isThere: Bool) { state = NIOLockedValueBox(isThere) }

    var isThere: Bool { state.withLockedValue { $0 } }

    func set(_ isThere: Bool) { state.withLockedValue { $0 = isThere } }
}

/// Finds out by trying whether a file system can punch holes. Many cannot: NFS before 4.2, exFAT, most of
/// FUSE; and some only write zeros.
struct HoleProbe {
    static let name = "hole-probe"
    /// Bytes written [1 MiB], and punched out of them [all but the last 64 KiB]: more than a block of most
    /// file systems.
    static let length: Int64 = 1 << 20
    static let hole: ByteRange = 0..<length - (64 << 10)

    /// The file system has refused, for want of such a call.
    var isRefused = false
    /// Zeros in the hole, what was written behind it.
    var isContentRight = true
    /// What the file took of the disk before and after.
    var before: Int64 = 0
    var after: Int64 = 0

    /// What this says of the file system.
    var isThere: Bool {
        guard !isRefused, isContentRight else { return false }
        // Some count the blocks later, or have compressed them: then its word has to do.
        return before < Self.length || after < before
    }

    /// Tries it with a file that has no name any more by then.
    ///
    /// - Throws: What kept it from being found out.
    static func run(in folder: Descriptor, path: String) throws(DiskError) -> HoleProbe {
        // What a crash has left.
        unlinkat(folder.number, name, 0)
        let file = Descriptor(
            try openDescriptor(
                folder.number, name, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
                path: path))
        _ = try systemCall("remove it", path: path) { unlinkat(folder.number, name, 0) }
        var probe = HoleProbe()
        try write(file, path: path)
        probe.before = try allocated(file, path: path)
        let number = platter_punch_hole(file.number, hole.lowerBound, hole.length)
        guard number == 0 else {
            let error = DiskError(errno: number, doing: "punch a hole in it", path: path)
            guard error.code == .unsupported else { throw error }
            probe.isRefused = true
            return probe
        }
        probe.after = try allocated(file, path: path)
        probe.isContentRight = try content(file, path: path) == expected
        return probe
    }

    private static func write(_ file: Descriptor, path: String) throws(DiskError) {
        let bytes = [UInt8](repeating: 1, count: Int(length))
        let count = try systemCall("write it", path: path) {
            pwrite(file.number, bytes, bytes.count, 0)
        }
        guard count == bytes.count else {
            throw DiskError(errno: ENOSPC, doing: "write it", path: path)
        }
    }

    private static func allocated(_ file: Descriptor, path: String) throws(DiskError) -> Int64 {
        Int64(try fileStatus(file.number, path: path).st_blocks).multipliedClamped(by: 512)
    }

    private static var expected: [UInt8] {
        [UInt8](repeating: 0, count: Int(hole.length))
            + [UInt8](repeating: 1, count: Int(length - hole.length))
    }

    private static func content(_ file: Descriptor, path: String) throws(DiskError) -> [UInt8] {
        var bytes = [UInt8](repeating: 2, count: Int(length))
        let count = try systemCall("read it", path: path) {
            pread(file.number, &bytes, bytes.count, 0)
        }
        return Array(bytes.prefix(count))
    }
}
