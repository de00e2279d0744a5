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

/// Whether what was written has reached the disk itself.
extension PosixFile {
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
        let answer = latency.measured(writing: bytes) { askUntilQuiet() }
        let earlier = unsettled.withLockedValue { $0.takeLoss() }
        if let answer { throw answer }
        guard let error = lossError(earlier) else { return }
        doubt()
        throw error
    }

    /// nil: nothing was lost.
    private func lossError(_ number: Int32) -> DiskError? {
        guard number != 0 else { return nil }
        let error = DiskError(errno: number, doing: "put it on the disk", path: path)
        // Such a file system has no other place for it.
        return error.code == .unsupported ? nil : error
    }

    /// Questions at most about one attempt [4]: a system that was shut down says the same for ever.
    private static let questions = 4

    /// Linux does not wait for what is still on its way when something could not be sent there at all.
    /// That may be lost later: it is not settled before the system has nothing more to say.
    ///
    /// - Returns: The first error.
    private func askUntilQuiet() -> DiskError? {
        var first: DiskError?
        for _ in 0..<Self.questions {
            let answer = sync(fileDescriptor)
            if answer == 0 { break }
            guard let error = lossError(answer) else { continue }
            // At once: nobody else is told, and the next question may take long.
            doubt()
            first = first ?? error
        }
        return first
    }

    /// What the system could not put on the disk it may have forgotten since, and read what was there
    /// before: bytes that are in memory prove nothing.
    func noticeLoss() {
        // Under the lock, so that `settle` finds noted what the system has told here instead of there, and
        // everybody else that it is doubted.
        unsettled.withLockedValue { unsettled in
            guard !unsettled.isEmpty else { return }
            let number = lost(fileDescriptor)
            guard number != 0 else { return }
            unsettled.lost(number)
            doubt()
        }
    }

    /// What direct reads are aligned to, on all file systems [4 KiB].
    private static let block: Int64 = 4096

    func readFromDisk(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        let start = offset / Self.block * Self.block
        let skipped = Int(offset - start)
        let length =
            (skipped + buffer.count + Int(Self.block) - 1) / Int(Self.block) * Int(Self.block)
        let blocks = UnsafeMutableRawBufferPointer.allocate(
            byteCount: length, alignment: Int(Self.block))
        defer { blocks.deallocate() }
        guard let base = blocks.baseAddress else { return 0 }
        var count = 0
        let number = latency.measured(isRead: true) {
            platter_read_direct(fileDescriptor, base, length, start, &count)
        }
        if number == EINVAL { return try readForgotten(into: buffer, at: offset) }
        if number != 0 { throw DiskError(errno: number, doing: "read it", path: path) }
        let found = blocks[..<count].dropFirst(skipped).prefix(buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: found))
        return found.count
    }

    /// The next best: what somebody uses just now, as sendfile does, stays in memory.
    private func readForgotten(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        forget(.starting(at: offset, length: Int64(buffer.count)))
        return try read(into: buffer, at: offset)
    }

    /// The system forgets memory in pieces of up to this size [2 MiB], and only whole ones.
    private static let memoryPiece: Int64 = 2 << 20

    /// Takes bytes out of memory.
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
}
