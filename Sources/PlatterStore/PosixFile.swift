internal import CPlatter
internal import PlatterCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A data file on a real disk. Owns its descriptor. Offsets are explicit in every call, so threads
/// can share it without a lock.
final class PosixFile: DataFile {
    let path: String
    let fileDescriptor: Int32
    /// Opened on a file system that had become read-only.
    private let isReadOnly: Bool
    private let reservesRoom: Bool

    /// Takes the descriptor over.
    init(path: String, fileDescriptor: Int32, isReadOnly: Bool, reservesRoom: Bool) {
        self.path = path
        self.fileDescriptor = fileDescriptor
        self.isReadOnly = isReadOnly
        self.reservesRoom = reservesRoom
    }

    deinit { close(fileDescriptor) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try checkWritable()
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = try systemCall("write it", path: path) {
                pwrite(fileDescriptor, rest.baseAddress, rest.count, off_t(position))
            }
            // A regular file takes at least one byte or fails; if it did not, this would never end.
            guard count > 0 else {
                throw DiskError(.io, "the file takes no bytes", path: path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position = position.addingClamped(Int64(count))
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let position = offset.addingClamped(Int64(done))
            let count = try systemCall("read it", path: path) {
                pread(fileDescriptor, rest.baseAddress, rest.count, off_t(position))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func allocate(_ range: ByteRange) throws(DiskError) {
        guard reservesRoom else { return }
        try checkWritable()
        let number = platter_allocate(fileDescriptor, range.lowerBound, range.length)
        guard number != 0 else { return }
        let error = DiskError(errno: number, doing: "reserve room in it", path: path)
        // Only a saving: without it the blocks come with the writes.
        if error.code != .unsupported { throw error }
    }

    func punch(_ range: ByteRange) throws(DiskError) {
        try checkWritable()
        let number = platter_punch_hole(fileDescriptor, range.lowerBound, range.length)
        guard number == 0 else {
            throw DiskError(errno: number, doing: "give room in it back", path: path)
        }
    }

    func status() throws(DiskError) -> FileStatus {
        let status = try fileStatus(fileDescriptor, path: path)
        return FileStatus(
            size: Int64(status.st_size), linkCount: UInt64(status.st_nlink),
            allocatedBytes: Int64(status.st_blocks).multipliedClamped(by: 512))
    }

    private func checkWritable() throws(DiskError) {
        guard isReadOnly else { return }
        throw DiskError(errno: EROFS, doing: "change it", path: path)
    }
}

/// What fstat(2) says.
func fileStatus(_ descriptor: Int32, path: String) throws(DiskError) -> stat {
    var status = stat()
    _ = try systemCall("look at it", path: path) { fstat(descriptor, &status) }
    return status
}
