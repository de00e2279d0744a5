#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The cache folder itself: made or recognised as ours, private to this user, and locked for as
/// long as this value's owner keeps `lock` open.
///
/// ```
/// CACHEDIR.TAG   says that the folder is ours, and tells backups to leave it out
/// lock           held with flock(2) by the process that uses the folder
/// index.sqlite   the index (and its -wal and -shm)
/// objects/ab/…   data files, by the first two digits of their names
/// ballast        room that is given back when the disk is full
/// ```
struct CacheFolder {
    static let markerName = "CACHEDIR.TAG"
    static let lockName = "lock"
    /// What else we make in it.
    private static let ownNames: Set = [
        "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "objects", PosixDisk.ballastName,
    ]
    /// The first line is that of the Cache Directory Tagging Specification.
    static let markerText = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This folder is a Platter cache, format 1. Everything in it can be fetched again.

        """

    let path: String
    let root: Int32
    let lock: Int32

    /// Opens the folder, making it and its parents if need be.
    ///
    /// - Throws: `.inUse` when another process has it, `.notOurs` when it holds other files,
    ///   `.permission` when it belongs to another user.
    static func open(_ path: String) throws(DiskError) -> CacheFolder {
        try make(path)
        let root = try openDescriptor(AT_FDCWD, path, flags: O_RDONLY | O_DIRECTORY)
        do throws(DiskError) {
            try makePrivate(root, path: path)
            let isMarked = try checkMarker(root, path: path)
            let lock = try takeLock(root, path: path)
            do throws(DiskError) {
                if !isMarked { try writeMarker(root) }
                return CacheFolder(path: path, root: root, lock: lock)
            } catch {
                close(lock)
                throw error
            }
        } catch {
            close(root)
            throw error
        }
    }

    private static func make(_ path: String) throws(DiskError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        let number = errno
        guard number == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw DiskError(errno: number, doing: "make the folder", path: path)
        }
        try make(String(path[..<slash]))
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        throw DiskError(errno: errno, doing: "make the folder", path: path)
    }

    /// What is cached may be private, and a file planted by someone else would be served.
    private static func makePrivate(_ root: Int32, path: String) throws(DiskError) {
        let status = try fileStatus(root, path: path)
        guard status.st_uid == geteuid() else {
            throw DiskError(
                .permission,
                "it belongs to user \(status.st_uid); give it to the user that runs Platter",
                path: path)
        }
        guard status.st_mode & 0o077 != 0 else { return }
        _ = try systemCall("make the folder private", path: path) { fchmod(root, 0o700) }
    }

    /// - Returns: Whether our marker is there; if not, the folder is empty.
    private static func checkMarker(_ root: Int32, path: String) throws(DiskError) -> Bool {
        let names = Set(try folderNames(root, ".", path: path))
        var text = ""
        if names.contains(markerName) {
            let descriptor = try openDescriptor(root, markerName, flags: O_RDONLY | O_NOFOLLOW)
            defer { close(descriptor) }
            text = try readText(descriptor, limit: 1024, path: path + "/" + markerName)
        }
        if text == markerText { return true }
        // An empty marker is what a crash between making and writing it leaves, and a power cut before
        // it was on disk; then what else is there can only be ours.
        var harmless: Set = [markerName, lockName, "lost+found"]
        if names.contains(markerName) { harmless.formUnion(ownNames) }
        guard text.allSatisfy({ $0 == "\0" }), names.isSubset(of: harmless) else {
            throw DiskError(
                .notOurs,
                "the folder holds files and no \(markerName) of this version; choose an empty one",
                path: path)
        }
        return false
    }

    private static func writeMarker(_ root: Int32) throws(DiskError) {
        let marker = try openDescriptor(
            root, markerName, flags: O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
        defer { close(marker) }
        try writeText(markerText, to: marker, path: markerName)
        // SQLite makes its files last over a power cut; without the marker beside them the folder
        // would look like somebody else's.
        _ = try systemCall("write it to disk", path: markerName) { fsync(marker) }
        _ = try systemCall("write it to disk", path: markerName) { fsync(root) }
    }

    private static func takeLock(_ root: Int32, path: String) throws(DiskError) -> Int32 {
        let lockPath = path + "/" + lockName
        let lock = try openDescriptor(
            root, lockName, flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        do throws(DiskError) {
            _ = try systemCall("lock the folder", path: lockPath) { flock(lock, LOCK_EX | LOCK_NB) }
        } catch {
            defer { close(lock) }
            guard error.code == .inUse else { throw error }
            let holder = try readText(lock, limit: 32, path: lockPath).prefix { $0 != "\n" }
            throw DiskError(
                .inUse,
                "another platter uses this folder (\(holder)); stop it or choose another folder",
                path: path, systemCode: error.systemCode)
        }
        // Only for that message: a full disk must not keep us from starting.
        try? writeText("pid \(getpid())\n", to: lock, path: lockPath)
        return lock
    }
}

private func writeText(_ text: String, to descriptor: Int32, path: String) throws(DiskError) {
    let bytes = Array(text.utf8)
    _ = try systemCall("empty it", path: path) { ftruncate(descriptor, 0) }
    let count = try systemCall("write it", path: path) { pwrite(descriptor, bytes, bytes.count, 0) }
    if count < bytes.count { throw DiskError(errno: ENOSPC, doing: "write it", path: path) }
}

/// The names in a folder, without `.` and `..`.
func folderNames(_ parent: Int32, _ name: String, path: String) throws(DiskError) -> [String] {
    let descriptor = try openDescriptor(
        parent, name, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path: path)
    guard let folder = fdopendir(descriptor) else {
        let number = errno
        close(descriptor)
        throw DiskError(errno: number, doing: "list the folder", path: path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
        errno = 0
        guard let entry = readdir(folder) else { break }
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw DiskError(errno: errno, doing: "list the folder", path: path) }
    return names
}
