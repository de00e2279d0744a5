import Foundation
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("A cache folder that goes away")
struct FolderLossTests {
    let folder: TemporaryFolder
    let disk: PosixDisk
    let name: DataFileName
    private let files = FileManager.default

    init() throws {
        folder = try TemporaryFolder()
        disk = try PosixDisk(root: folder.path + "/cache")
        name = DataFileName(
            Representation(key: CacheKey("k"), validator: .absent, completeLength: 1), salt: 7)
    }

    private var path: String { disk.root + "/objects/\(name.folder)/\(name.text)" }

    private func put(_ text: String, at path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Expects that files can be made and found, and that nobody else can have the folder.
    private func expectInUse() throws {
        #expect(disk.isInPlace)
        _ = try disk.createFile(name)
        #expect(files.fileExists(atPath: path))
        #expect(files.fileExists(atPath: disk.root + "/CACHEDIR.TAG"))
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: disk.root) }
        #expect(error?.code == .inUse)
    }

    private func expectRefused(_ code: DiskError.Code) {
        #expect(!disk.isInPlace)
        let error = #expect(throws: DiskError.self) { try disk.restore() }
        #expect(error?.code == code)
    }

    @Test("nothing is done to one that is in its place")
    func untouched() throws {
        #expect(try !disk.restore())
        try expectInUse()
    }

    @Test("the marker alone is made again at the next look, and nothing is lost with it")
    func marker() throws {
        try files.removeItem(atPath: disk.root + "/CACHEDIR.TAG")
        #expect(disk.isInPlace)
        #expect(files.fileExists(atPath: disk.root + "/CACHEDIR.TAG"))
        #expect(try !disk.restore())
        try expectInUse()
    }

    @Test(
        "files without an index are seen, and neither a new folder nor a cache with one is taken for such"
    )
    func withoutIndex() throws {
        #expect(!disk.lacksIndex)
        _ = try disk.createFile(name)
        #expect(disk.lacksIndex)
        try put("", at: disk.indexPath)
        #expect(disk.lacksIndex)
        try put("SQLite", at: disk.indexPath)
        #expect(!disk.lacksIndex)
    }

    @Test("one that was removed is made again, and who reads from it reads on")
    func removed() throws {
        let old = try disk.createFile(name)
        try [UInt8](repeating: 5, count: 9).withUnsafeBytes { (bytes) throws(any Error) in
            try old.write(bytes, at: 0)
        }
        try files.removeItem(atPath: disk.root)
        #expect(!disk.isInPlace)
        #expect(throws: DiskError.self) { try disk.createFile(name) }
        #expect(try disk.restore())
        #expect(try !disk.restore())
        try expectInUse()
        #expect(try disk.openFile(name, left: nil).status().size == 0)
        #expect(try old.status().size == 9)
    }

    @Test("it is made again with the folders above it")
    func removedWithParents() throws {
        let deep = try PosixDisk(root: folder.path + "/a/b/cache")
        try files.removeItem(atPath: folder.path + "/a")
        #expect(try deep.restore())
        _ = try deep.createFile(name)
        #expect(deep.isInPlace)
    }

    @Test("one that was moved away is let go when another is in use")
    func movedAway() throws {
        let elsewhere = folder.path + "/elsewhere"
        try files.moveItem(atPath: disk.root, toPath: elsewhere)
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: elsewhere) }
        #expect(error?.code == .inUse)
        #expect(try disk.restore())
        try expectInUse()
        _ = try PosixDisk(root: elsewhere)
        #expect(throws: DiskError.self) { try PosixDisk(root: elsewhere).openFile(name, left: nil) }
    }

    @Test("one that was emptied has all that belongs to it again")
    func emptied() throws {
        for item in try files.contentsOfDirectory(atPath: disk.root) {
            try files.removeItem(atPath: disk.root + "/" + item)
        }
        #expect(!disk.isInPlace)
        #expect(try disk.restore())
        #expect(try !disk.restore())
        try expectInUse()
    }

    @Test("one whose lock was removed is locked again, unless another has taken it meanwhile")
    func lockRemoved() throws {
        try files.removeItem(atPath: disk.root + "/lock")
        #expect(!disk.isInPlace)
        #expect(try disk.restore())
        try expectInUse()
        try disk.removeFile(name)
        try files.removeItem(atPath: disk.root + "/lock")
        let other = try PosixDisk(root: disk.root)
        expectRefused(.inUse)
        other.unlock()
        #expect(try disk.restore())
        try expectInUse()
    }

    @Test("the folder of the data files is made again with the next file")
    func objectsRemoved() throws {
        _ = try disk.createFile(name)
        try files.removeItem(atPath: disk.root + "/objects")
        _ = try disk.createFile(name)
        #expect(files.fileExists(atPath: path))
        #expect(try disk.fileNames(inFolder: try #require(UInt8(name.folder, radix: 16))) == [name])
        #expect(try !disk.restore())
    }

    @Test("another folder of data files is taken for the one it replaced")
    func objectsReplaced() throws {
        try files.moveItem(atPath: disk.root + "/objects", toPath: folder.path + "/objects")
        #expect(try disk.restore())
        try expectInUse()
    }

    @Test("where somebody else's folder lies now nothing is done to it")
    func strangers() throws {
        try files.removeItem(atPath: disk.root)
        try files.createDirectory(
            atPath: disk.root, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755])
        try put("mine", at: disk.root + "/holiday.mov")
        expectRefused(.notOurs)
        #expect(try files.contentsOfDirectory(atPath: disk.root) == ["holiday.mov"])
        let mode = try files.attributesOfItem(atPath: disk.root)[.posixPermissions]
        #expect(mode as? Int == 0o755)
        try files.removeItem(atPath: disk.root)
        #expect(try disk.restore())
        try expectInUse()
    }

    @Test("one that another process has made meanwhile is left to it for as long as it runs")
    func taken() throws {
        try files.removeItem(atPath: disk.root)
        do {
            let other = try PosixDisk(root: disk.root)
            expectRefused(.inUse)
            _ = try other.createFile(name)
            #expect(try !other.restore())
        }
        #expect(try disk.restore())
        #expect(disk.isInPlace)
        #expect(throws: Never.self) { try disk.openFile(name, left: nil) }
    }

    @Test("one that was given up is not made again")
    func unlocked() throws {
        disk.unlock()
        try files.removeItem(atPath: disk.root)
        expectRefused(.inUse)
        #expect(!files.fileExists(atPath: disk.root))
        _ = try PosixDisk(root: disk.root)
    }

    @Test("one behind a symbolic link is made again where it was")
    func linked() throws {
        let target = folder.path + "/big/target"
        try files.createDirectory(atPath: target, withIntermediateDirectories: true)
        let link = folder.path + "/link"
        try files.createSymbolicLink(atPath: link, withDestinationPath: target)
        let linked = try PosixDisk(root: link)
        try files.removeItem(atPath: folder.path + "/big")
        #expect(!linked.isInPlace)
        #expect(try linked.restore())
        #expect(linked.isInPlace)
        #expect(files.fileExists(atPath: target + "/CACHEDIR.TAG"))
    }

    @Test("a link that leads to another folder is followed")
    func relinked() throws {
        let link = folder.path + "/link"
        for target in ["first", "second"] {
            try files.createDirectory(
                atPath: folder.path + "/" + target, withIntermediateDirectories: false)
        }
        try files.createSymbolicLink(atPath: link, withDestinationPath: "first")
        let linked = try PosixDisk(root: link)
        try files.removeItem(atPath: link)
        try files.createSymbolicLink(atPath: link, withDestinationPath: "second")
        #expect(try linked.restore())
        #expect(files.fileExists(atPath: folder.path + "/second/CACHEDIR.TAG"))
    }
}

@Suite("Where a cache folder may be made again")
struct FolderPlaceTests {
    /// What is there, and on which file system.
    private typealias Tree = [String: UInt64]

    private static let path = "/mnt/disk/a/cache"
    /// The folder on a file system of its own, 2, which is mounted at /mnt/disk.
    private static let mounted: Tree = [
        "/": 1, "/mnt": 1, "/mnt/disk": 2, "/mnt/disk/a": 2, "/mnt/disk/a/cache": 2,
    ]

    private func isAllowed(
        _ now: Tree, was: Tree = FolderPlaceTests.mounted, path: String = FolderPlaceTests.path
    ) throws -> Bool {
        let device = try #require(was[path])
        let place = FolderPlace(path: path, device: device) { was[$0] }
        return place.mayHoldFolder { now[$0] }
    }

    @Test("on the same file system, whatever is left of the folders above it")
    func same() throws {
        #expect(try isAllowed(Self.mounted))
        #expect(try isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 2, "/mnt/disk/a": 2]))
        #expect(try isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 2]))
    }

    @Test("never below the mount point of one that is gone")
    func unmounted() throws {
        #expect(try !isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 1]))
        #expect(try !isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 1, "/mnt/disk/a": 1]))
        #expect(
            try !isAllowed([
                "/": 1, "/mnt": 1, "/mnt/disk": 1, "/mnt/disk/a": 1, "/mnt/disk/a/cache": 1,
            ]))
        #expect(try !isAllowed(["/": 1, "/mnt": 1]))
        #expect(try !isAllowed(["/": 1]))
    }

    @Test("on another one that is mounted in the same place")
    func remounted() throws {
        #expect(try isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 3]))
        #expect(try isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 3, "/mnt/disk/a": 3]))
        // Above it, or below it.
        #expect(try !isAllowed(["/": 1, "/mnt": 3, "/mnt/disk": 3]))
        #expect(try !isAllowed(["/": 1, "/mnt": 1, "/mnt/disk": 3, "/mnt/disk/a": 4]))
    }

    @Test("a folder that is a mount point itself")
    func mountPoint() throws {
        let was: Tree = ["/": 1, "/cache": 2]
        #expect(try isAllowed(["/": 1, "/cache": 2], was: was, path: "/cache"))
        #expect(try isAllowed(["/": 1, "/cache": 3], was: was, path: "/cache"))
        #expect(try !isAllowed(["/": 1, "/cache": 1], was: was, path: "/cache"))
        #expect(try !isAllowed(["/": 1], was: was, path: "/cache"))
    }

    @Test("a folder on the first file system, and one that was mounted over it")
    func covered() throws {
        let was: Tree = ["/": 1, "/var": 1, "/var/cache": 1]
        #expect(try isAllowed(["/": 1], was: was, path: "/var/cache"))
        #expect(try !isAllowed(["/": 1, "/var": 2], was: was, path: "/var/cache"))
        #expect(
            try !isAllowed(["/": 1, "/var": 1, "/var/cache": 2], was: was, path: "/var/cache"))
    }
}
