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
/// Everything is reached from descriptors opened once, a step at a time and never through a
/// symbolic link, so what is done to the path afterwards cannot lead us elsewhere.
package final class PosixDisk: Disk {
    /// The folder, as it was given.
    package let root: String
    private let folder: CacheFolder
    private let objects: Int32
    /// Reserving room on tmpfs takes the memory at once.
    private let isMemory: Bool
    private let latency: DiskLatency?
    private let inUse = NIOLockedValueBox<[DataFileName: InUse]>([:])

    private struct InUse {
        weak var file: PosixFile?
    }

    /// Opens or makes the folder and locks it until this object goes away.
    ///
    /// - Parameter latency: Told how long operations take.
    /// - Throws: `.inUse`, `.notOurs`, `.permission`, or what the system says.
    package init(root: String, latency: DiskLatency? = nil) throws(DiskError) {
        self.latency = latency
        let folder = try CacheFolder.open(root)
        do throws(DiskError) {
            var memory: Int32 = 0
            let number = platter_filesystem_is_memory(folder.root, &memory)
            guard number == 0 else {
                throw DiskError(errno: number, doing: "look at the file system", path: root)
            }
            objects = try Self.openFolder(folder.root, "objects", path: root + "/objects")
            isMemory = memory == 1
        } catch {
            close(folder.lock)
            close(folder.root)
            throw error
        }
        self.root = root
        self.folder = folder
    }

    deinit {
        close(objects)
        close(folder.root)
        close(folder.lock)
    }

    /// Lets another process, or another object of this one, have the folder. Nothing may be done to it
    /// from then on.
    package func unlock() { flock(folder.lock, LOCK_UN) }

    /// A little write and a little read, to find out whether the disk answers.
    package func attempt() throws(DiskError) {
        let path = root + "/" + CacheFolder.lockName
        let text = try readText(folder.lock, limit: 1, path: path)
        let bytes = Array(text.utf8)
        _ = try systemCall("write it", path: path) {
            pwrite(folder.lock, bytes, bytes.count, 0)
        }
    }

    /// Where the index belongs.
    package var indexPath: String { root + "/index.sqlite" }

    package func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        let path = path(of: name)
        let descriptor: Int32
        do throws(DiskError) {
            descriptor = try createDescriptor(name, path: path)
        } catch {
            // Its folder was removed at that very instant, because the last file in it was.
            guard error.code == .missing else { throw error }
            descriptor = try createDescriptor(name, path: path)
        }
        let status = try? fileStatus(descriptor, path: path)
        return share(
            PosixFile(
                path: path, fileDescriptor: descriptor, isReadOnly: false,
                reservesRoom: !isMemory, left: status.map { FileStamp($0) }, latency: latency),
            as: name)
    }

    private func createDescriptor(
        _ name: DataFileName, path: String
    ) throws(DiskError) -> Int32 {
        let parent = try Self.openFolder(objects, name.folder, path: path)
        defer { close(parent) }
        return try openDescriptor(
            parent, name.text, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
            path: path)
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
        let parent = try parent(of: name)
        defer { close(parent) }
        // Without O_NONBLOCK a planted pipe could hold us up here.
        let flags = O_NOFOLLOW | O_NONBLOCK
        var isReadOnly = false
        var descriptor: Int32
        do throws(DiskError) {
            descriptor = try openDescriptor(parent, name.text, flags: flags | O_RDWR, path: path)
        } catch {
            // A disk that was remounted read-only still serves what it has.
            guard error.code == .readOnly || error.code == .permission else { throw error }
            descriptor = try openDescriptor(parent, name.text, flags: flags | O_RDONLY, path: path)
            isReadOnly = true
        }
        let file = PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: isReadOnly,
            reservesRoom: !isMemory, left: left, latency: latency)
        guard try fileStatus(descriptor, path: path).st_mode & S_IFMT == S_IFREG else {
            throw DiskError(.notOurs, "it is not a regular file; remove it", path: path)
        }
        return share(file, as: name)
    }

    package func removeFile(_ name: DataFileName) throws(DiskError) {
        let parent = try parent(of: name)
        defer { close(parent) }
        _ = try systemCall("remove it", path: path(of: name)) { unlinkat(parent, name.text, 0) }
        // A folder takes an inode too. One that is not empty stays.
        unlinkat(objects, name.folder, AT_REMOVEDIR)
    }

    package func fileNames(inFolder number: UInt8) throws(DiskError) -> [DataFileName] {
        let digits = String(number, radix: 16)
        let name = digits.count == 1 ? "0" + digits : digits
        do throws(DiskError) {
            return try folderNames(objects, name, path: root + "/objects/" + name)
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

    package func dropBallast() -> Bool { unlinkat(folder.root, Self.ballastName, 0) == 0 }

    package func takeBallast() {
        guard let space = try? space(), space.free > Self.ballastNeeds,
            let descriptor = try? openDescriptor(
                folder.root, Self.ballastName, flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600,
                path: root + "/" + Self.ballastName)
        else { return }
        defer { close(descriptor) }
        // Without it the cache only has less to go on with.
        _ = platter_allocate(descriptor, 0, Self.ballastLength)
    }

    package func space() throws(DiskError) -> DiskSpace {
        var status = statvfs()
        _ = try systemCall("ask for the free space", path: root) {
            fstatvfs(folder.root, &status)
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
        try openDescriptor(
            objects, name.folder, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path: path(of: name))
    }

    /// Opens a folder below one of ours, making it first if it is not there.
    private static func openFolder(
        _ parent: Int32, _ name: String, path: String
    ) throws(DiskError) -> Int32 {
        if mkdirat(parent, name, 0o700) != 0, errno != EEXIST {
            throw DiskError(errno: errno, doing: "make the folder", path: path)
        }
        return try openDescriptor(
            parent, name, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, path: path)
    }
}
