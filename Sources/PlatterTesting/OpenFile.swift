import NIOCore
import PlatterCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A file that is being sent with sendfile. Must be closed.
final class OpenFile {
    let path: String
    private let handle: NIOFileHandle

    /// - Returns: nil when it cannot be opened for reading.
    init?(path: String) {
        guard let handle = try? NIOFileHandle(_deprecatedPath: path) else { return nil }
        self.path = path
        self.handle = handle
    }

    /// - Returns: nil when the file is too short by now: sendfile would give 0 for ever, and the
    ///   event loop would spin.
    func region(_ range: ByteRange) -> FileRegion? {
        guard let length = try? handle.withUnsafeFileDescriptor(Self.length),
            range.upperBound <= length
        else { return nil }
        return FileRegion(
            fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
    }

    /// Closing a descriptor that was opened for reading loses nothing, whatever it returns.
    func close() { try? handle.close() }

    private static func length(_ descriptor: CInt) -> Int64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
    }
}
