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

/// A data file on a real disk. Owns its descriptor. Offsets are explicit in every call, so threads
/// can share it without a lock.
final class PosixFile: DataFile {
    let path: String
    let fileDescriptor: Int32
    /// Opened on a file system that had become read-only.
    let isReadOnly: Bool
    private let reservesRoom: Bool
    private let latency: DiskLatency?
    private let sync: @Sendable (Int32) -> Int32
    private let watch: NIOLockedValueBox<FileWatch>
    private let unsettled = NIOLockedValueBox(Unsettled())
    /// One attempt at a time.
    private let settling = NIOLock()

    /// Takes the descriptor over.
    ///
    /// - Parameters:
    ///   - left: What the file was left like; nil when that is not known.
    ///   - sync: Puts what was written on the disk. 0, or the system's number of the error.
    init(
        path: String, fileDescriptor: Int32, isReadOnly: Bool, reservesRoom: Bool,
        left: FileStamp?, latency: DiskLatency? = nil,
        sync: @escaping @Sendable (Int32) -> Int32 = PosixFile.putOnDisk
    ) {
        self.path = path
        self.fileDescriptor = fileDescriptor
        self.isReadOnly = isReadOnly
        self.reservesRoom = reservesRoom
        self.latency = latency
        self.sync = sync
        watch = NIOLockedValueBox(FileWatch(left: left))
    }

    deinit { close(fileDescriptor) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try change { () throws(DiskError) in
            var rest = bytes
            var position = offset
            defer { unsettled.withLockedValue { [position] in $0.wrote(offset..<position) } }
            while !rest.isEmpty {
                let count = try latency.measured { () throws(DiskError) in
                    try systemCall("write it", path: path) {
                        pwrite(fileDescriptor, rest.baseAddress, rest.count, off_t(position))
                    }
                }
                // A regular file takes at least one byte or fails; else this would never end.
                guard count > 0 else {
                    throw DiskError(.io, "the file takes no bytes", path: path)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                position = position.addingClamped(Int64(count))
            }
        }
    }

    /// Does what changes the file, so that it is not taken for a change by somebody else.
    private func change(_ body: () throws(DiskError) -> Void) throws(DiskError) {
        try checkWritable()
        try look { $0.willChange($1) }
        defer { watch.withLockedValue { watch in watch.didChange(try? stampNow()) } }
        try body()
    }

    /// The stamp is taken under the lock: a change of our own in between would look like another's.
    private func look<Answer>(
        _ body: (inout FileWatch, FileStamp) -> Answer
    ) throws(DiskError) -> Answer {
        let answer: Result<Answer, DiskError> = watch.withLockedValue { watch in
            do throws(DiskError) {
                return .success(body(&watch, try stampNow()))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }

    private func stampNow() throws(DiskError) -> FileStamp {
        FileStamp(try fileStatus(fileDescriptor, path: path))
    }

    func foreignChange() throws(DiskError) -> ForeignChange? {
        try look { watch, stamp in
            watch.look(stamp)
            return watch.foreignChange
        }
    }

    func accept(_ change: ForeignChange) { watch.withLockedValue { $0.accept(change) } }

    var foreignChangeCount: Int { watch.withLockedValue { $0.foreignCount } }

    var stamp: FileStamp? { watch.withLockedValue { $0.stamp } }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let position = offset.addingClamped(Int64(done))
            let count = try latency.measured(isRead: true) { () throws(DiskError) in
                try systemCall("read it", path: path) {
                    pread(fileDescriptor, rest.baseAddress, rest.count, off_t(position))
                }
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func isResident(_ range: ByteRange) -> Bool {
        platter_is_resident(fileDescriptor, range.lowerBound, range.length) != 0
    }

    func allocate(_ range: ByteRange) throws(DiskError) {
        guard reservesRoom else { return }
        try change { () throws(DiskError) in
            let number = latency.measured {
                platter_allocate(fileDescriptor, range.lowerBound, range.length)
            }
            guard number != 0 else { return }
            let error = DiskError(errno: number, doing: "reserve room in it", path: path)
            // Only a saving: without it the blocks come with the writes.
            if error.code != .unsupported { throw error }
        }
    }

    // MARK: - Settling

    func isSettled(_ range: ByteRange) -> Bool {
        unsettled.withLockedValue { !$0.holds(range) }
    }

    func settle() throws(DiskError) {
        // The system tells of lost bytes once. Who waits here must find noted what another was told.
        settling.lock()
        defer { settling.unlock() }
        let bytes = unsettled.withLockedValue { $0.begins() }
        guard bytes > 0 else { return }
        defer { unsettled.withLockedValue { $0.ended() } }
        let number = latency.measured(writing: bytes) { sync(fileDescriptor) }
        guard number != 0 else { return }
        let error = DiskError(errno: number, doing: "put it on the disk", path: path)
        // Such a file system has no other place for it.
        if error.code == .unsupported { return }
        watch.withLockedValue { $0.doubt() }
        throw error
    }

    /// The system forgets memory in pieces of up to this size [2 MiB], and only whole ones.
    private static let memoryPiece: Int64 = 2 << 20

    func forget(_ range: ByteRange) {
        #if !canImport(Darwin)
            let start = range.lowerBound / Self.memoryPiece * Self.memoryPiece
            let end = range.upperBound.addingClamped(Self.memoryPiece)
            // For a regular file it cannot fail; what is not written back yet stays.
            _ = posix_fadvise(
                fileDescriptor, off_t(start), off_t(end - start), POSIX_FADV_DONTNEED)
        #endif
    }

    /// Not again when a signal interrupts it: the second answer would not tell of what the first lost.
    static let putOnDisk: @Sendable (Int32) -> Int32 = { descriptor in
        #if canImport(Darwin)
            return fsync(descriptor) == 0 ? 0 : errno
        #else
            return fdatasync(descriptor) == 0 ? 0 : errno
        #endif
    }

    func punch(_ range: ByteRange) throws(DiskError) {
        try change { () throws(DiskError) in
            let number = latency.measured {
                platter_punch_hole(fileDescriptor, range.lowerBound, range.length)
            }
            guard number == 0 else {
                throw DiskError(errno: number, doing: "give room in it back", path: path)
            }
        }
    }

    func status() throws(DiskError) -> FileStatus {
        let status = try fileStatus(fileDescriptor, path: path)
        return FileStatus(
            size: Int64(status.st_size), linkCount: UInt64(status.st_nlink),
            allocatedBytes: Int64(status.st_blocks).multipliedClamped(by: 512))
    }

    /// Whether both are the same file, open for the same.
    func isSame(as other: PosixFile) -> Bool {
        guard isReadOnly == other.isReadOnly,
            let mine = try? fileStatus(fileDescriptor, path: path),
            let theirs = try? fileStatus(other.fileDescriptor, path: path)
        else { return false }
        return mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
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
