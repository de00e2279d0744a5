internal import CPlatter

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Blocks for the file that SQLite's connections share (`-shm`). SQLite maps it and only touches a byte of each
/// 4 KiB of it; on a file system with smaller blocks the rest would be holes, and a write into one on a full disk
/// is a SIGBUS.
///
/// SQLite cuts the file to three bytes when nobody holds a lock on byte 128 of it (`UNIX_SHM_DMS`, its dead man
/// switch), for what a program that was killed has left there says nothing. Here that is done before SQLite opens
/// the database, and the lock held from then on, so that the file is never without its blocks.
final class SharedIndexMemory: Sendable {
    /// Enough for a log of half a gigabyte [1 MiB].
    static let length: UInt64 = 1 << 20

    /// The same in all versions of SQLite that have a log.
    private static let switchOffset: Int64 = 128

    private let path: String
    private let descriptor: Int32

    /// Makes the file where there is none. Where it cannot be opened, SQLite finds out why.
    ///
    /// - Parameters:
    ///   - path: Of the database, which this program is about to open.
    ///   - previous: What was made for the last one that it has opened there: its readers may have the file open still,
    ///     and lose their locks when that is released.
    /// - Returns: nil when the file cannot be opened.
    /// - Throws: `.full`.
    static func prepared(
        path: String, previous: SharedIndexMemory?
    ) throws(IndexError) -> SharedIndexMemory? {
        if let previous, try previous.isInPlace() {
            try previous.reserve()
            return previous
        }
        guard let memory = try? SharedIndexMemory(path: path, flags: O_CREAT) else { return nil }
        let number = platter_lock_byte(memory.descriptor, switchOffset, 1)
        if number == 0 { _ = ftruncate(memory.descriptor, 0) }
        do throws(IndexError) { try memory.reserve() } catch {
            // What it got of them is of no use.
            if number == 0 { _ = ftruncate(memory.descriptor, 0) }
            throw error
        }
        // Others have it open, who need what is in it. Where there are no such locks it is SQLite that empties it.
        if number == 0 || number == EAGAIN || number == EACCES { memory.share() }
        return memory
    }

    /// For the file that is there now, which others may have put in the place of what was prepared.
    ///
    /// - Parameter path: Of the database, which is open.
    /// - Throws: `.full`; `.cannotOpen`.
    static func confirmed(
        _ prepared: SharedIndexMemory?, path: String
    ) throws(IndexError) -> SharedIndexMemory {
        if let prepared, try prepared.isInPlace() {
            try prepared.reserve()
            return prepared
        }
        let found = try SharedIndexMemory(path: path)
        try found.reserve()
        // Before the other one is released, by which SQLite's own lock goes if they are one file after all.
        found.share()
        return found
    }

    /// From now on nobody takes himself for the first one who opens the file.
    private func share() { _ = platter_lock_byte(descriptor, Self.switchOffset, 0) }

    private init(path: String, flags: Int32 = 0) throws(IndexError) {
        self.path = path + "-shm"
        do throws(DiskError) {
            descriptor = try openDescriptor(
                AT_FDCWD, self.path, flags: O_RDWR | O_NOFOLLOW | O_NONBLOCK | flags,
                mode: Self.mode(of: path))
        } catch {
            throw IndexError(.cannotOpen, error.message)
        }
    }

    // Closing it takes SQLite's locks on the file away: POSIX locks belong to the process.
    deinit { close(descriptor) }

    /// Whoever may use the database may use this.
    private static func mode(of database: String) -> UInt32 {
        var status = stat()
        return stat(database, &status) == 0 ? UInt32(status.st_mode) & 0o777 : 0o644
    }

    /// Makes SQLite fill the file anew from the log. For when this process has the database open no more.
    ///
    /// - Throws: `.full`; `.io` where another program has it open, and it could not be written to.
    func wipe() throws(IndexError) {
        if platter_lock_byte(descriptor, Self.switchOffset, 1) == 0 {
            defer { share() }
            if ftruncate(descriptor, 0) == 0 { return try reserve() }
        }
        // To cut it off would end the others. Where both copies of the header (96 bytes) are empty, it is known to hold
        // nothing.
        let header = [UInt8](repeating: 0, count: 96)
        let count = pwrite(descriptor, header, header.count, 0)
        let number = errno
        if count == header.count { return }
        let isFull = count < 0 && (number == ENOSPC || number == EDQUOT)
        throw IndexError(isFull ? .full : .io, "could not empty \(path)")
    }

    private func isInPlace() throws(IndexError) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return try FileIdentity.at(path) == FileIdentity(status)
    }

    /// Where the file system cannot do that (other errors), all is as without it.
    private func reserve() throws(IndexError) {
        let number = posix_fallocate(descriptor, 0, off_t(Self.length))
        if number == ENOSPC || number == EDQUOT {
            throw IndexError(.full, "the disk of the cache folder is full; free some space")
        }
    }
}
