internal import CPlatter

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Which file lies at a path.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
    }

    /// Never opens the file: closing it again would take away SQLite's locks (POSIX locks belong to
    /// the process).
    ///
    /// - Returns: nil when there is none.
    /// - Throws: When that cannot be told.
    static func at(_ path: String) throws(IndexError) -> FileIdentity? {
        var status = stat()
        let answer = lstat(path, &status)
        let number = errno
        if answer < 0, number == ENOENT || number == ENOTDIR { return nil }
        try IndexPlace.check(answer, number, "look for \(path)")
        return FileIdentity(status)
    }
}

/// The place of the index in the cache folder: the database and SQLite's files beside it.
struct IndexPlace {
    private static let suffixes = ["", "-wal", "-shm"]
    private static let lostSuffix = ".lost"
    private static let folderSuffix = "-folder"
    private static let markerSuffix = ".giving-up"
    private static let doubtSuffix = ".doubted"
    /// Under which a folder in the place of a mark is put, one after the other.
    private static let folderSuffixes = [folderSuffix] + (2...9).map { "\(folderSuffix)-\($0)" }

    let path: String

    /// All that may lie at the path of an index, and beside it.
    static func names(of index: String) -> Set<String> {
        var names: Set<String> = []
        for mark in [index + markerSuffix, index + doubtSuffix] {
            names.formUnion([mark] + folderSuffixes.map { mark + $0 })
        }
        for suffix in suffixes {
            let lost = index + lostSuffix + suffix
            names.formUnion([index + suffix, lost, lost + folderSuffix])
        }
        return names
    }

    /// Of the database and the files beside it; nil where there is none.
    func identities() throws(IndexError) -> [FileIdentity?] {
        var identities: [FileIdentity?] = []
        for suffix in Self.suffixes { identities.append(try FileIdentity.at(path + suffix)) }
        return identities
    }

    /// - Throws: `.corrupt` where a folder or a link lies in the place of a file. A link may lead out of the folder.
    func checkKinds() throws(IndexError) {
        for suffix in Self.suffixes {
            switch try Self.kind(of: path + suffix) {
            case S_IFDIR:
                throw IndexError(.corrupt, "a folder lies in the place of \(path + suffix)")
            case S_IFLNK: throw IndexError(.corrupt, "a link lies in the place of \(path + suffix)")
            default: break
            }
        }
    }

    /// - Returns: nil where there is nothing.
    private static func kind(of path: String) throws(IndexError) -> mode_t? {
        var status = stat()
        let answer = lstat(path, &status)
        let number = errno
        if answer < 0, number == ENOENT || number == ENOTDIR { return nil }
        try check(answer, number, "look for \(path)")
        return status.st_mode & S_IFMT
    }

    /// While this file is there, what lies at the path is being given up: a database without its log,
    /// or the other way round, must never be opened.
    private var marker: String { path + Self.markerSuffix }

    /// Moves a useless index out of the way, in the place of the one before it. No connection to it
    /// may be in use.
    func setAside() throws(IndexError) {
        try makeRoom(marker)
        var isThere = false
        for suffix in Self.suffixes where try FileIdentity.at(path + suffix) != nil {
            isThere = true
        }
        guard isThere else {
            return try check(unlink(marker), "finish giving the index up", allowing: ENOENT)
        }
        let descriptor = creat(marker, 0o600)
        try check(descriptor, "give the index up")
        close(descriptor)
        for suffix in Self.suffixes { try setAside(suffix) }
        try check(unlink(marker), "finish giving the index up", allowing: ENOENT)
    }

    /// A file takes the place of a file, and a folder that of an empty one. Else what was set aside before makes room:
    /// a file of ours goes, and a folder, which is not ours, gets a name of its own.
    private func setAside(_ suffix: String) throws(IndexError) {
        let (from, to) = (path + suffix, path + Self.lostSuffix + suffix)
        if rename(from, to) == 0 { return }
        switch errno {
        case ENOENT: return
        case ENOTDIR: try check(unlink(to), "remove \(to)", allowing: ENOENT)
        case EISDIR, ENOTEMPTY, EEXIST:
            try check(rename(to, to + Self.folderSuffix), "move \(to) away", allowing: ENOENT)
        default: break
        }
        try check(rename(from, to), "set the index aside", allowing: ENOENT)
    }

    /// Goes on with what `setAside` did not get to the end of before the program ended.
    func finish() throws(IndexError) {
        // Anything else there is not ours, and says nothing.
        if try Self.kind(of: marker) == S_IFREG { try setAside() }
    }

    /// What is no file cannot be a mark of ours, nor be overwritten by one: a folder gets a name of its own, unless
    /// it is empty.
    private func makeRoom(_ mark: String) throws(IndexError) {
        guard let kind = try Self.kind(of: mark), kind != S_IFREG else { return }
        guard kind == S_IFDIR else {
            return try check(unlink(mark), "remove \(mark)", allowing: ENOENT)
        }
        if rmdir(mark) == 0 { return }
        for suffix in Self.folderSuffixes.dropLast() where rename(mark, mark + suffix) == 0 {
            return
        }
        let last = mark + (Self.folderSuffixes.last ?? Self.folderSuffix)
        try check(rename(mark, last), "move \(mark) away", allowing: ENOENT)
    }

    /// While this file is there, what lies at the path may be as it was some time before: whoever opens it next
    /// compares all rows before they are used. It need not outlive a boot, after which that is done anyway.
    private var doubt: String { path + Self.doubtSuffix }

    /// - Throws: When that cannot be told.
    var isDoubted: Bool {
        get throws(IndexError) { try FileIdentity.at(doubt) != nil }
    }

    /// Nothing is made where the index is gone: the folder may be another one by now.
    ///
    /// - Parameter identity: Of the database that is open.
    /// - Returns: Whether the mark is there.
    func markDoubted(_ identity: FileIdentity?) -> Bool {
        do throws(IndexError) {
            guard let identity, try FileIdentity.at(path) == identity else { return false }
            try makeRoom(doubt)
        } catch {
            return false
        }
        var descriptor = creat(doubt, 0o600)
        if descriptor < 0, errno == ENOSPC || errno == EDQUOT {
            // That is what it is kept for.
            _ = unlink(folder + "/" + PosixDisk.ballastName)
            descriptor = creat(doubt, 0o600)
        }
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    /// - Returns: Whether the mark is gone.
    func unmark() -> Bool {
        do throws(IndexError) { try makeRoom(doubt) } catch { return false }
        return unlink(doubt) == 0 || errno == ENOENT
    }

    /// Whether all files may be written to, and those that lack may be made.
    var isWritable: Bool {
        access(folder, W_OK) == 0
            && Self.suffixes.allSatisfy { access(path + $0, W_OK) == 0 || errno == ENOENT }
    }

    private var folder: String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// SQLite maps the file that its connections share into memory, and where that finds no room the
    /// program is killed: so it is made sure of before.
    func checkRoom() throws(IndexError) {
        var status = statvfs()
        try check(statvfs(folder, &status), "look for room for the index")
        let isFree = Self.hasRoom(status, keepsBlocksForRoot: keepsBlocksForRoot, user: geteuid())
        if !isFree {
            throw IndexError(.full, "the disk of the cache folder is full; free some space")
        }
    }

    /// What is free for all is nothing where others have filled even the blocks that are kept for root, and of
    /// what is given back then the first goes to those. Root may use them, where there are any: what else a file
    /// system calls free and not available is for nobody.
    static func hasRoom(_ status: statvfs, keepsBlocksForRoot: Bool, user: UInt32) -> Bool {
        // Some file systems do not say how large they are.
        if status.f_blocks == 0 { return true }
        let available = UInt64(status.f_bavail)
        let blocks =
            keepsBlocksForRoot && user == 0 ? max(available, UInt64(status.f_bfree)) : available
        let free = blocks.multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return free.overflow || free.partialValue > SharedIndexMemory.length * 3 / 2
    }

    /// Where that cannot be told, none are.
    private var keepsBlocksForRoot: Bool {
        var answer: Int32 = 0
        return platter_filesystem_keeps_blocks_for_root(folder, &answer) == 0 && answer == 1
    }

    private func check(
        _ answer: Int32, _ action: String, allowing harmless: Int32 = 0
    ) throws(IndexError) {
        let number = errno
        if number != harmless { try Self.check(answer, number, action) }
    }

    fileprivate static func check(
        _ answer: Int32, _ number: Int32, _ action: String
    ) throws(IndexError) {
        guard answer < 0 else { return }
        let code: IndexError.Code =
            switch number {
            case ENOSPC, EDQUOT: .full
            case EROFS: .readOnly
            case EIO: .io
            default: .cannotOpen
            }
        throw IndexError(code, "could not \(action): \(String(cString: strerror(number)))")
    }
}
