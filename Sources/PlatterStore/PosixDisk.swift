internal import NIOConcurrencyHelpers

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// The cache folder on a real file system, held by this process alone.
///
/// Everything is reached from descriptors that are kept open, a step at a time and never through a
/// symbolic link, so what is done to the path afterwards cannot lead us elsewhere. Only `restore`
/// looks at the path again.
package final class PosixDisk: Disk {
    /// The folder, as it was given.
    package let root: String
    let latency: DiskLatency?
    let place: FolderPlace
    let holes: HoleSupport
    /// What is worth a word about where the folder lies.
    package let warning: String?
    private let state: NIOLockedValueBox<State>
    let inUse = NIOLockedValueBox<[DataFileName: [InUse]]>([:])

    private struct State {
        var folder: CacheFolder
        var isUnlocked = false
    }

    struct InUse {
        weak var file: PosixFile?
    }

    /// Opens or makes the folder and locks it until this object goes away.
    ///
    /// - Parameter latency: Told how long operations take.
    /// - Throws: `.inUse`, `.notOurs`, `.permission`, `.unsupported`, or what the system says.
    package init(root: String, latency: DiskLatency? = nil) throws(DiskError) {
        self.latency = latency
        let folder = try CacheFolder.claim(try CacheFolder.openRoot(root), path: root)
        self.root = root
        place = FolderPlace(of: root, held: folder.root)
        warning = FileSystemKind(of: folder.root).warning
        holes = HoleSupport(isThere: Self.hasHoles(folder))
        state = NIOLockedValueBox(State(folder: folder))
    }

    /// Lets another process, or another object of this one, have the folder. Nothing may be done to it
    /// from then on.
    package func unlock() {
        state.withLockedValue { state in
            state.isUnlocked = true
            flock(state.folder.lock.number, LOCK_UN)
        }
    }

    var isUnlocked: Bool { state.withLockedValue { $0.isUnlocked } }

    /// A little write and a little read, to find out whether the disk answers.
    package func attempt() throws(DiskError) {
        let path = root + "/" + CacheFolder.lockName
        try withFolder { (folder) throws(DiskError) in
            let lock = folder.lock.number
            let bytes = Array(try readText(lock, limit: 1, path: path).utf8)
            if !folder.isReadOnly {
                _ = try systemCall("write it", path: path) { pwrite(lock, bytes, bytes.count, 0) }
                _ = try systemCall("write it to disk", path: path) { fsync(lock) }
            }
            #if !canImport(Darwin)
                // Else it is read from memory.
                posix_fadvise(lock, 0, 0, POSIX_FADV_DONTNEED)
            #endif
            _ = try readText(lock, limit: 1, path: path)
        }
    }

    /// Whether this system tells of writes by other programs, also beside our own.
    package static var seesWriters: Bool { ForeignWriters.shared != nil }

    /// Where the index belongs.
    package var indexPath: String { root + "/" + CacheFolder.indexName }

    /// Reserving room on tmpfs takes the memory at once.
    var reservesRoom: Bool { !state.withLockedValue { $0.folder.isMemory } }

    // MARK: - The folder in use

    /// Does something with the descriptors in use, which stay open meanwhile.
    func withFolder<Answer>(
        _ body: (CacheFolder) throws(DiskError) -> Answer
    ) throws(DiskError) -> Answer {
        let folder = state.withLockedValue { $0.folder }
        let answer = try body(folder)
        withExtendedLifetime(folder) {}
        return answer
    }

    /// From now on this folder is used. The one before is closed, and with it its lock, when nobody is
    /// at work in it any more. Nothing happens after `unlock`.
    func use(_ folder: CacheFolder) {
        state.withLockedValue { state in
            if !state.isUnlocked { state.folder = folder }
        }
    }

    /// The folder of the data files is another one now.
    func use(objects: Descriptor, in root: Descriptor) {
        state.withLockedValue { state in
            if state.folder.root === root { state.folder.objects = objects }
        }
    }
}
