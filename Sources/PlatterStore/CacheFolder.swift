internal import CPlatter

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The cache folder itself: made or recognised as ours, private to this user, and locked for as
/// long as `lock` is in use.
///
/// ```
/// CACHEDIR.TAG   says that the folder is ours, and tells backups to leave it out
/// lock           held with flock(2) by the process that uses the folder
/// index.sqlite   the index (and its -wal and -shm, one that was lost, and a mark while it is in doubt)
/// objects/ab/…   data files, by the first two digits of their names
/// ballast        room that is given back when the disk is full
/// ```
struct CacheFolder {
    static let markerName = "CACHEDIR.TAG"
    static let lockName = "lock"
    static let objectsName = "objects"
    static let indexName = "index.sqlite"
    /// What else we make in it.
    static let ownNames = IndexPlace.names(of: indexName)
        .union([objectsName, PosixDisk.ballastName])
    /// The first line is that of the Cache Directory Tagging Specification.
    static let markerText = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This folder is a Platter cache, format 1. Everything in it can be fetched again.

        """

    let path: String
    let root: Descriptor
    let lock: Descriptor
    var objects: Descriptor
    /// On tmpfs.
    let isMemory: Bool
    /// Whether the lock could only be opened for reading: as a rule nothing may be changed in the folder then.
    let isReadOnly: Bool

    /// Opens the folder, making it and its parents if need be, and changes nothing in it.
    static func openRoot(_ path: String) throws(DiskError) -> Descriptor {
        try make(path)
        return Descriptor(try openDescriptor(AT_FDCWD, path, flags: O_RDONLY | O_DIRECTORY))
    }

    /// Takes a folder that is open into use.
    ///
    /// - Throws: `.inUse` when another process has it, `.notOurs` when it holds other files,
    ///   `.permission` when it belongs to another user, `.unsupported` on a file system of a network.
    static func claim(_ root: Descriptor, path: String) throws(DiskError) -> CacheFolder {
        if let objection = FileSystemKind(of: root).objection {
            throw DiskError(.unsupported, objection, path: path)
        }
        try checkOwner(root, path: path)
        let marker = try checkMarker(root, path: path)
        let (lock, isReadOnly) = try takeLock(root, path: path)
        // Not before the lock is ours: to close a database takes the locks of who has it open in this process.
        if marker == .removed { try checkIndex(root, path: path) }
        try makePrivate(root, path: path)
        // On btrfs a full disk else kills whoever writes to a page of the index that is mapped. Elsewhere, or
        // where it is refused, all goes on without.
        _ = platter_overwrite_in_place(root.number)
        if marker != .whole { try writeMarker(root, path: path) }
        return CacheFolder(
            path: path, root: root, lock: lock, objects: try openObjects(root, path: path),
            isMemory: try isMemory(root, path: path), isReadOnly: isReadOnly)
    }

    /// The same folder with what was removed of it made anew; nil when all is there.
    func mended() throws(DiskError) -> CacheFolder? {
        let hasMarker = fileIdentity(root, Self.markerName) != nil
        let hasObjects = holds(Self.objectsName, objects)
        if hasLock, hasMarker, hasObjects { return nil }
        let (lock, isReadOnly) =
            hasLock ? (lock, isReadOnly) : try Self.takeLock(root, path: path)
        if !hasMarker { try Self.writeMarker(root, path: path) }
        let objects = hasObjects ? objects : try Self.openObjects(root, path: path)
        return CacheFolder(
            path: path, root: root, lock: lock, objects: objects, isMemory: isMemory,
            isReadOnly: isReadOnly)
    }

    /// The same folder, claimed once more when its lock may be written to by now; nil when not.
    func reclaimed() throws(DiskError) -> CacheFolder? {
        let (_, isReadOnly) = try Self.openLock(root, path: path)
        if isReadOnly { return nil }
        // It would keep the next one out.
        flock(lock.number, LOCK_UN)
        return try Self.claim(root, path: path)
    }

    /// Whether the lock at its path is the one that we hold.
    var hasLock: Bool { holds(Self.lockName, lock) }

    /// Whether what we have open is still what has this name.
    private func holds(_ name: String, _ descriptor: Descriptor) -> Bool {
        guard let identity = fileIdentity(root, name) else { return false }
        return identity == descriptor.identity
    }

    /// Opens the folder of the data files, making it if need be.
    static func openObjects(_ root: Descriptor, path: String) throws(DiskError) -> Descriptor {
        Descriptor(try openFolder(root.number, objectsName, path: path + "/" + objectsName))
    }

    private static func isMemory(_ root: Descriptor, path: String) throws(DiskError) -> Bool {
        var memory: Int32 = 0
        let number = platter_filesystem_is_memory(root.number, &memory)
        guard number == 0 else {
            throw DiskError(errno: number, doing: "look at the file system", path: path)
        }
        return memory == 1
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

    /// A file planted by someone else would be served.
    private static func checkOwner(_ root: Descriptor, path: String) throws(DiskError) {
        let status = try fileStatus(root.number, path: path)
        guard status.st_uid == geteuid() else {
            throw DiskError(
                .permission,
                "it belongs to user \(status.st_uid); give it to the user that runs Platter",
                path: path)
        }
    }

    /// What is cached may be private.
    private static func makePrivate(_ root: Descriptor, path: String) throws(DiskError) {
        let status = try fileStatus(root.number, path: path)
        guard status.st_mode & 0o077 != 0 else { return }
        do throws(DiskError) {
            _ = try systemCall("make the folder private", path: path) { fchmod(root.number, 0o700) }
        } catch {
            // Nothing is written to it either until it can be.
            guard error.code == .readOnly else { throw error }
        }
    }

    /// Locks the file that has the lock's name: one that is removed at that very instant locks nothing.
    private static func takeLock(
        _ root: Descriptor, path: String
    ) throws(DiskError) -> (Descriptor, isReadOnly: Bool) {
        for _ in 1...lockTries {
            let (lock, isReadOnly) = try openLock(root, path: path)
            try hold(lock, path: path)
            if fileIdentity(root, lockName) == lock.identity { return (lock, isReadOnly) }
        }
        throw DiskError(.inUse, "its lock is removed all the time; see by whom", path: path)
    }

    private static let lockTries = 8

    /// Where nothing may be changed the lock that is there is as good for keeping others out.
    private static func openLock(
        _ root: Descriptor, path: String
    ) throws(DiskError) -> (Descriptor, isReadOnly: Bool) {
        do throws(DiskError) {
            let flags = O_RDWR | O_CREAT | O_NOFOLLOW
            let lock = try openDescriptor(
                root.number, lockName, flags: flags, mode: 0o600, path: path + "/" + lockName)
            return (Descriptor(lock), false)
        } catch {
            guard error.code == .readOnly || error.code == .permission,
                let lock = try? openDescriptor(
                    root.number, lockName, flags: O_RDONLY | O_NOFOLLOW)
            else { throw error }
            return (Descriptor(lock), true)
        }
    }

    private static func hold(_ lock: Descriptor, path: String) throws(DiskError) {
        let lockPath = path + "/" + lockName
        do throws(DiskError) {
            _ = try systemCall("lock the folder", path: lockPath) {
                flock(lock.number, LOCK_EX | LOCK_NB)
            }
        } catch {
            guard error.code == .inUse else { throw error }
            let holder = try readText(lock.number, limit: 32, path: lockPath).prefix { $0 != "\n" }
            withExtendedLifetime(lock) {}
            throw DiskError(
                .inUse,
                "another platter uses this folder (\(holder)); stop it or choose another folder",
                path: path, systemCode: error.systemCode)
        }
        // Only for that message: a full disk must not keep us from starting.
        try? writeText("pid \(getpid())\n", to: lock.number, path: lockPath)
    }
}

func writeText(_ text: String, to descriptor: Int32, path: String) throws(DiskError) {
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
