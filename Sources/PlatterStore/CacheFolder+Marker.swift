#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Whose a folder is, and the file that says so.
extension CacheFolder {
    enum Marker {
        case whole
        /// Nobody else's, or there was nothing yet.
        case unwritten
        /// Somebody took it away from what looks like a cache.
        case removed
    }

    /// - Throws: `.notOurs` where there is none of ours, and more than could only be ours.
    static func checkMarker(_ root: Descriptor, path: String) throws(DiskError) -> Marker {
        let names = Set(try folderNames(root.number, ".", path: path))
        var text = ""
        if names.contains(markerName) {
            let markerPath = path + "/" + markerName
            let marker = try openDescriptor(
                root.number, markerName, flags: O_RDONLY | O_NOFOLLOW, path: markerPath)
            defer { close(marker) }
            text = try readText(marker, limit: 1024, path: markerPath)
        }
        if text == markerText { return .whole }
        // A crash leaves the beginning of a marker, or nothing of it, and so does a disk that was full; a power
        // cut before it was on disk zeros. Then what else is there can only be ours. But the first line alone is
        // the whole marker of other caches.
        let written = text.prefix { $0 != "\0" }
        let firstLine = markerText.prefix { $0 != "\n" }
        let isTorn =
            markerText.hasPrefix(written) && written != firstLine && written != firstLine + "\n"
            && text.dropFirst(written.count).allSatisfy { $0 == "\0" }
        let harmless: Set = [markerName, lockName, "lost+found"]
        if isTorn, names.isSubset(of: harmless) { return .unwritten }
        guard isTorn, names.isSubset(of: harmless.union(ownNames)) else { throw notOurs(path) }
        if names.contains(markerName) { return .unwritten }
        // The lock is the first of them, also where all was removed beside a server that was killed then.
        guard names.contains(lockName) else { throw notOurs(path) }
        let hasAll = names.isSuperset(of: [objectsName, indexName])
        if !hasAll, try !isOurLock(root, path: path) { throw notOurs(path) }
        return .removed
    }

    /// Whether it says by whom it was held, as ours do unless the disk was full.
    private static func isOurLock(_ root: Descriptor, path: String) throws(DiskError) -> Bool {
        let path = path + "/" + lockName
        let lock = try openDescriptor(
            root.number, lockName, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, path: path)
        defer { close(lock) }
        let text = try readText(lock, limit: 32, path: path)
        guard text.hasPrefix("pid "), text.hasSuffix("\n") else { return false }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let number = text.utf8.dropFirst(4).dropLast()
        return !number.isEmpty && number.allSatisfy { digits.contains($0) }
    }

    private static func notOurs(_ path: String) -> DiskError {
        DiskError(
            .notOurs,
            "the folder holds files and no \(markerName) of this version; choose an empty one. To keep a cache that "
                + "has lost it, move all else out of the folder and make an empty \(markerName) there",
            path: path)
    }

    /// Without a marker an index says whose the folder is, if there is one.
    static func checkIndex(_ root: Descriptor, path: String) throws(DiskError) {
        let indexPath = path + "/" + indexName
        var status = stat()
        let answer = fstatat(root.number, indexName, &status, AT_SYMLINK_NOFOLLOW)
        if answer < 0, errno == ENOENT { return }
        // Nothing but a file is opened: a pipe would keep us waiting.
        guard answer == 0, status.st_mode & S_IFMT == S_IFREG else { throw notOurs(path) }
        let index = try openDescriptor(
            root.number, indexName, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, path: indexPath)
        defer { close(index) }
        let header = try readText(index, limit: 16, path: indexPath)
        guard header == "SQLite format 3\0" else { throw notOurs(path) }
    }

    static func writeMarker(_ root: Descriptor, path: String) throws(DiskError) {
        let path = path + "/" + markerName
        let marker = try openDescriptor(
            root.number, markerName, flags: O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600, path: path
        )
        defer { close(marker) }
        try writeText(markerText, to: marker, path: path)
        // SQLite makes its files last over a power cut; without the marker beside them the folder
        // would look like somebody else's.
        _ = try systemCall("write it to disk", path: path) { fsync(marker) }
        _ = try systemCall("write it to disk", path: path) { fsync(root.number) }
    }

    /// Makes the marker again where somebody has removed it.
    func mendMarker() throws(DiskError) {
        if fileIdentity(root, Self.markerName) == nil { try Self.writeMarker(root, path: path) }
    }
}
