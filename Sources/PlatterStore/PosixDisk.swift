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

/// The cache folder on a real file system, held by this process alone.
///
/// Everything is reached from descriptors that are kept open, a step at a time and never through a
/// symbolic link, so what is done to the path afterwards cannot lead us elsewhere. Only `restore`
/// looks at the path again.
package final class PosixDisk: Disk {
    /// The folder, as it was given.
    package let root: String
    private let latency: DiskLatency?
    let place: FolderPlace
    private let state: NIOLockedValueBox<State>
    private let inUse = NIOLockedValueBox<[DataFileName: InUse]>([:])

    private struct State {
        var folder: CacheFolder
        var isUnlocked = false
    }

    private struct InUse {
        weak var file: PosixFile?
    }

    /// Opens or makes the folder and locks it until this object goes away.
    ///
    /// - Parameter latency: Told how long operations take.
    /// - Throws: `.inUse`, `.notOurs`, `.permission`, or what the system says.
    package init(root: String, latency: DiskLatency? = nil) throws(DiskError) {
        self.latency = latency
        let folder = try CacheFolder.claim(try CacheFolder.openRoot(root), path: root)
        self.root = root
        place = FolderPlace(of: root, held: folder.root)
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
            _ = try systemCall("write it", path: path) { pwrite(lock, bytes, bytes.count, 0) }
            _ = try systemCall("write it to disk", path: path) { fsync(lock) }
            #if !canImport(Darwin)
                // Else it is read from memory.
                posix_fadvise(lock, 0, 0, POSIX_FADV_DONTNEED)
            #endif
            _ = try readText(lock, limit: 1, path: path)
        }
    }

    /// Where the index belongs.
    package var indexPath: String { root + "/index.sqlite" }

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

    // MARK: - Data files

    package func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        let path = path(of: name)
        let descriptor = try latency.measured { () throws(DiskError) in
            try createDescriptor(name, path: path)
        }
        let status = try? fileStatus(descriptor, path: path)
        return share(
            PosixFile(
                path: path, fileDescriptor: descriptor, isReadOnly: false,
                reservesRoom: reservesRoom, left: status.map { FileStamp($0) }, latency: latency),
            as: name)
    }

    /// Reserving room on tmpfs takes the memory at once.
    private var reservesRoom: Bool { !state.withLockedValue { $0.folder.isMemory } }

    private func createDescriptor(
        _ name: DataFileName, path: String
    ) throws(DiskError) -> Int32 {
        for _ in 1...2 {
            do throws(DiskError) {
                return try createOnce(name, path: path)
            } catch {
                // Its folder was removed at that very instant, because the last file in it was.
                guard error.code == .missing else { throw error }
            }
        }
        // Somebody has removed the folder of them all.
        try restoreObjects()
        return try createOnce(name, path: path)
    }

    private func createOnce(_ name: DataFileName, path: String) throws(DiskError) -> Int32 {
        try withFolder { (folder) throws(DiskError) in
            let parent = try openFolder(folder.objects.number, name.folder, path: path)
            defer { close(parent) }
            return try openDescriptor(
                parent, name.text, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
                path: path)
        }
    }

    /// Keeps the file findable for as long as it is in use.
    private func share(_ file: PosixFile, as name: DataFileName) -> PosixFile {
        inUse.withLockedValue { inUse in
            if let known = inUse[name]?.file, known.isSame(as: file) { return known }
            if inUse.count >= Self.sweepCount { inUse = inUse.filter { $0.value.file != nil } }
            inUse[name] = InUse(file: file)
            return file
        }
    }

    /// Names of files not in use any more are dropped when so many are known [4096].
    private static let sweepCount = 4096

    package func openFile(
        _ name: DataFileName, left: FileStamp?
    ) throws(DiskError) -> any DataFile {
        let path = path(of: name)
        let (descriptor, isReadOnly) = try latency.measured(isRead: true) { () throws(DiskError) in
            try descriptorOfFile(name, path: path)
        }
        let file = PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: isReadOnly,
            reservesRoom: reservesRoom, left: left, latency: latency)
        guard try fileStatus(descriptor, path: path).st_mode & S_IFMT == S_IFREG else {
            throw DiskError(.notOurs, "it is not a regular file; remove it", path: path)
        }
        return share(file, as: name)
    }

    private func descriptorOfFile(
        _ name: DataFileName, path: String
    ) throws(DiskError) -> (Int32, isReadOnly: Bool) {
        let parent = try parent(of: name)
        defer { close(parent) }
        // Without O_NONBLOCK a planted pipe could hold us up here.
        let flags = O_NOFOLLOW | O_NONBLOCK
        do throws(DiskError) {
            let descriptor = try openDescriptor(
                parent, name.text, flags: flags | O_RDWR, path: path)
            return (descriptor, isReadOnly: false)
        } catch {
            // A disk that was remounted read-only still serves what it has.
            guard error.code == .readOnly || error.code == .permission else { throw error }
        }
        let descriptor = try openDescriptor(
            parent, name.text, flags: flags | O_RDONLY, path: path)
        return (descriptor, isReadOnly: true)
    }

    package func removeFile(_ name: DataFileName) throws(DiskError) {
        let parent = try parent(of: name)
        defer { close(parent) }
        let path = path(of: name)
        _ = try latency.measured { () throws(DiskError) in
            try systemCall("remove it", path: path) { unlinkat(parent, name.text, 0) }
        }
        // A folder takes an inode too. One that is not empty stays.
        _ = try withFolder { (folder) throws(DiskError) in
            unlinkat(folder.objects.number, name.folder, AT_REMOVEDIR)
        }
    }

    package func fileNames(inFolder number: UInt8) throws(DiskError) -> [DataFileName] {
        let digits = String(number, radix: 16)
        let name = digits.count == 1 ? "0" + digits : digits
        do throws(DiskError) {
            return try withFolder { (folder) throws(DiskError) in
                try folderNames(folder.objects.number, name, path: root + "/objects/" + name)
            }
            .compactMap(DataFileName.init)
            // Where another one's file was put nobody would find it.
            .filter { $0.folder == name }
        } catch {
            // Folders are made with their first file.
            guard error.code == .missing else { throw error }
            return []
        }
    }

    // MARK: - Ballast

    static let ballastName = "ballast"
    /// Enough for the index to be opened, and to grow by while a hundred chunks are evicted [4 MiB].
    private static let ballastLength: Int64 = 4 << 20
    /// With less free room than this it is not taken [64 MiB].
    private static let ballastNeeds: Int64 = 64 << 20

    package func dropBallast() -> Bool {
        let answer = try? withFolder { (folder) throws(DiskError) in
            unlinkat(folder.root.number, Self.ballastName, 0)
        }
        return answer == 0
    }

    package func takeBallast() {
        guard let space = try? space(), space.free > Self.ballastNeeds,
            let descriptor = try? withFolder({ (folder) throws(DiskError) in
                try openDescriptor(
                    folder.root.number, Self.ballastName, flags: O_RDWR | O_CREAT | O_NOFOLLOW,
                    mode: 0o600, path: root + "/" + Self.ballastName)
            })
        else { return }
        defer { close(descriptor) }
        // Without it the cache only has less to go on with.
        _ = platter_allocate(descriptor, 0, Self.ballastLength)
    }

    package func space() throws(DiskError) -> DiskSpace {
        let status = try withFolder { (folder) throws(DiskError) in
            var status = statvfs()
            _ = try latency.measured(isRead: true) { () throws(DiskError) in
                try systemCall("ask for the free space", path: root) {
                    fstatvfs(folder.root.number, &status)
                }
            }
            return status
        }
        let block = Int64(clamping: status.f_frsize)
        return DiskSpace(
            free: Int64(clamping: status.f_bavail).multipliedClamped(by: block),
            total: Int64(clamping: status.f_blocks).multipliedClamped(by: block))
    }

    private func path(of name: DataFileName) -> String {
        root + "/objects/" + name.folder + "/" + name.text
    }

    private func parent(of name: DataFileName) throws(DiskError) -> Int32 {
        try withFolder { (folder) throws(DiskError) in
            try openDescriptor(
                folder.objects.number, name.folder, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                path: path(of: name))
        }
    }
}
