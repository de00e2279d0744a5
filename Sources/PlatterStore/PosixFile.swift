internal import CPlatter
internal import NIOConcurrencyHelpers
internal import PlatterCore
internal import Synchronization

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
    private let holes: HoleSupport
    let latency: DiskLatency?
    let sync: @Sendable (Int32) -> Int32
    let lost: @Sendable (Int32) -> Int32
    private let watching: NIOLockedValueBox<Watching>
    /// Of `watching`, whose lock is held while the system is asked: who holds other locks must not wait for that.
    private let foreignCount = Synchronization.Atomic(0)
    private let acceptedCount = Synchronization.Atomic(0)
    private let hasLostName = Synchronization.Atomic(false)
    let unsettled = NIOLockedValueBox(Unsettled())
    private let punched = NIOLockedValueBox(Punched())
    /// One attempt at a time.
    let settling = NIOLock()

    private struct Watching {
        var watch: FileWatch
        /// From our first change on; nil where the system does not tell.
        var writers: WatchedWriters?
        var isWatched = false
    }

    /// Takes the descriptor over.
    ///
    /// - Parameters:
    ///   - left: What the file was left like; nil when that is not known.
    ///   - sync: Puts what was written on the disk. 0, or the system's number of the error.
    ///   - lost: Says at once whether that has failed since it was last asked, by itself; the same numbers.
    init(
        path: String, fileDescriptor: Int32, isReadOnly: Bool, reservesRoom: Bool,
        holes: HoleSupport, left: FileStamp?, latency: DiskLatency? = nil,
        sync: @escaping @Sendable (Int32) -> Int32 = PosixFile.putOnDisk,
        lost: @escaping @Sendable (Int32) -> Int32 = { platter_write_error($0) }
    ) {
        self.path = path
        self.fileDescriptor = fileDescriptor
        self.isReadOnly = isReadOnly
        self.reservesRoom = reservesRoom
        self.holes = holes
        self.latency = latency
        self.sync = sync
        self.lost = lost
        watching = NIOLockedValueBox(Watching(watch: FileWatch(left: left)))
    }

    deinit {
        watching.withLockedValue { $0.writers?.end(fileDescriptor) }
        close(fileDescriptor)
    }

    private func watched<Answer>(_ body: (inout Watching) -> Answer) -> Answer {
        watching.withLockedValue { state in
            let answer = body(&state)
            foreignCount.store(state.watch.foreignCount, ordering: .releasing)
            acceptedCount.store(state.watch.acceptedCount, ordering: .releasing)
            return answer
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try change { () throws(DiskError) in
            var rest = bytes
            var position = offset
            defer {
                let written = offset..<position
                unsettled.withLockedValue { $0.wrote(written) }
                punched.withLockedValue { $0.wrote(written) }
            }
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
        watchWriters()
        _ = try look { $0.willChange($1, othersWrote: $2) }
        defer {
            watched { state in
                let stamp = try? stampNow()
                // After the stamp: what comes between the two is seen twice rather than never.
                let othersWrote = state.writers?.haveWritten() ?? false
                state.watch.didChange(stamp, othersWrote: othersWrote)
            }
        }
        try body()
    }

    /// Files that are only read need no such care: their stamps tell.
    private func watchWriters() {
        watched { state in
            guard !state.isWatched else { return }
            state.isWatched = true
            state.writers = ForeignWriters.shared?.watch(fileDescriptor)
            if state.writers != nil { state.watch.beginsToHear() }
        }
    }

    /// The stamp is taken under the lock: a change of our own in between would look like another's.
    private func look<Answer>(
        _ body: (inout FileWatch, FileStamp, _ othersWrote: Bool?) -> Answer
    ) throws(DiskError) -> (answer: Answer, status: stat) {
        let answer: Result<(Answer, stat), DiskError> = watched { state in
            do throws(DiskError) {
                let status = try fileStatus(fileDescriptor, path: path)
                let stamp = FileStamp(status)
                let isUnclear = state.watch.isUnclear(stamp) { stamp.isSettled(now: changeClock()) }
                let othersWrote = isUnclear ? state.writers?.haveWritten() : false
                return .success((body(&state.watch, stamp, othersWrote), status))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }

    private func stampNow() throws(DiskError) -> FileStamp {
        FileStamp(try fileStatus(fileDescriptor, path: path))
    }

    func foreignChange() throws(DiskError) -> ForeignChange? { try look().foreignChange }

    func look() throws(DiskError) -> FileLook {
        noticeLoss()
        let (change, status) = try look { watch, stamp, othersWrote in
            watch.look(stamp, othersWrote: othersWrote)
            return watch.foreignChange
        }
        return FileLook(status: FileStatus(status), foreignChange: change)
    }

    func accept(_ change: ForeignChange) { watched { $0.watch.accept(change) } }

    /// See `FileWatch.doubt`.
    func doubt() { watched { $0.watch.doubt() } }

    var foreignChangeCount: Int { foreignCount.load(ordering: .acquiring) }

    var acceptedChangeCount: Int { acceptedCount.load(ordering: .acquiring) }

    var isDetached: Bool { hasLostName.load(ordering: .acquiring) }

    func detach() { hasLostName.store(true, ordering: .releasing) }

    var stamp: FileStamp? { isDetached ? nil : watching.withLockedValue { $0.watch.stamp } }

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

    func readResident(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int? {
        guard let memory = buffer.baseAddress else { return 0 }
        var count = 0
        switch platter_read_resident(fileDescriptor, memory, buffer.count, offset, &count) {
        case 0: return count
        case EAGAIN: return nil
        case ENOTSUP:
            let range = ByteRange.starting(at: offset, length: Int64(buffer.count))
            return isResident(range) ? try read(into: buffer, at: offset) : nil
        case let number: throw DiskError(errno: number, doing: "read it", path: path)
        }
    }

    func isResident(_ range: ByteRange) -> Bool {
        platter_is_resident(fileDescriptor, range.lowerBound, range.length) != 0
    }

    func allocate(_ range: ByteRange) throws(DiskError) {
        // Without holes what is reserved and not needed could not be given back.
        guard reservesRoom, holes.isThere else { return }
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

    func punch(_ range: ByteRange) throws(DiskError) {
        try change { () throws(DiskError) in
            // Before the hole is there, and if it fails all the same: it may have got half-way.
            punched.withLockedValue { $0.punches(range) }
            let number = latency.measured {
                platter_punch_hole(fileDescriptor, range.lowerBound, range.length)
            }
            guard number == 0 else {
                let error = DiskError(errno: number, doing: "give room in it back", path: path)
                // Whatever the probe said.
                if error.code == .unsupported { holes.set(false) }
                throw error
            }
        }
    }

    func wasPunched(in range: ByteRange) -> Bool { punched.withLockedValue { $0.overlaps(range) } }

    func status() throws(DiskError) -> FileStatus {
        FileStatus(try fileStatus(fileDescriptor, path: path))
    }

    /// Whether `status` is of this file.
    func isOne(of status: stat) -> Bool {
        guard let mine = try? fileStatus(fileDescriptor, path: path) else { return false }
        return mine.st_dev == status.st_dev && mine.st_ino == status.st_ino
    }

    private func checkWritable() throws(DiskError) {
        guard isReadOnly else { return }
        throw DiskError(errno: EROFS, doing: "change it", path: path)
    }
}

extension FileStatus {
    init(_ status: stat) {
        self.init(
            size: Int64(status.st_size), linkCount: UInt64(status.st_nlink),
            allocatedBytes: Int64(status.st_blocks).multipliedClamped(by: 512))
    }
}

/// What fstat(2) says.
func fileStatus(_ descriptor: Int32, path: String) throws(DiskError) -> stat {
    var status = stat()
    _ = try systemCall("look at it", path: path) { fstat(descriptor, &status) }
    return status
}

/// The time by the clock that a change of a file is stamped with.
private func changeClock() -> (seconds: Int64, nanoseconds: Int64) {
    var time = timespec()
    #if canImport(Darwin)
        clock_gettime(CLOCK_REALTIME, &time)
    #else
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
    #endif
    return (Int64(time.tv_sec), Int64(time.tv_nsec))
}
