import Foundation
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("The cache folder")
struct CacheFolderTests {
    let folder: TemporaryFolder
    var root: String { folder.path + "/a/b/cache" }

    init() throws { folder = try TemporaryFolder() }

    private func put(_ text: String, at path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test("it is made with its parents, and opens again")
    func reopening() throws {
        do { _ = try PosixDisk(root: root) }
        _ = try PosixDisk(root: root)
        let tag = try String(contentsOfFile: root + "/CACHEDIR.TAG", encoding: .utf8)
        #expect(tag.hasPrefix("Signature: 8a477f597d28d172789f06886806bc55\n"))
    }

    @Test("a second user of the folder is refused and told who has it")
    func lock() throws {
        let first = try PosixDisk(root: root)
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .inUse)
        let pid = ProcessInfo.processInfo.processIdentifier
        #expect(error?.message.contains("another platter uses this folder (pid \(pid))") == true)
        withExtendedLifetime(first) {}
    }

    @Test("a lock file that nobody holds is no obstacle")
    func staleLock() throws {
        do { _ = try PosixDisk(root: root) }
        try put("pid 1\n", at: root + "/lock")
        _ = try PosixDisk(root: root)
    }

    @Test("a symbolic link in place of the lock is refused and its target left alone")
    func linkedLock() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let target = folder.path + "/target"
        try put("precious", at: target)
        try FileManager.default.createSymbolicLink(
            atPath: root + "/lock", withDestinationPath: target)
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
    }

    @Test("a folder with other files in it is refused and left as it is")
    func stranger() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try put("mine", at: root + "/holiday.mov")
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["holiday.mov"])
    }

    @Test("another program's cache is refused")
    func otherTag() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try put("Signature: 8a477f597d28d172789f06886806bc55\n", at: root + "/CACHEDIR.TAG")
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
    }

    @Test(
        "a crash while the marker is written is no obstacle",
        arguments: ["", "Sig", "Signature: 8a477f597d28d172789f06886806bc55\n# This", "Signa\0\0"],
        ["lock", "index.sqlite"])
    func tornMarker(marker: String, name: String) throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try put(marker, at: root + "/CACHEDIR.TAG")
        try put("", at: root + "/" + name)
        do { _ = try PosixDisk(root: root) }
        let text = try String(contentsOfFile: root + "/CACHEDIR.TAG", encoding: .utf8)
        #expect(text == CacheFolder.markerText)
        _ = try PosixDisk(root: root)
    }

    @Test(
        "what is not the beginning of our marker is another's",
        arguments: ["Signature: 8a477f597d28d172789f06886806bc55", "signature", "Signa\0x", "\0S"])
    func notTorn(marker: String) throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try put(marker, at: root + "/CACHEDIR.TAG")
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
    }

    @Test(
        "a marker that was lost in a power cut is no obstacle, whatever of ours lies beside it",
        arguments: [
            "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "index.sqlite.lost",
            "index.sqlite.lost-wal", "index.sqlite.lost-shm", "index.sqlite.giving-up", "ballast",
        ])
    func lostMarker(name: String) throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try put("", at: root + "/CACHEDIR.TAG")
        try put("", at: root + "/" + name)
        _ = try PosixDisk(root: root)
    }

    private static let databaseHeader = "SQLite format 3\0"

    /// A cache whose marker was removed.
    private func unmark(index: String) throws {
        do { _ = try PosixDisk(root: root) }
        try put(index, at: root + "/index.sqlite")
        try FileManager.default.removeItem(atPath: root + "/CACHEDIR.TAG")
    }

    @Test("a cache whose marker was removed is taken, and marked again")
    func removedMarker() throws {
        try unmark(index: Self.databaseHeader + "and so on")
        try put("", at: root + "/ballast")
        do { _ = try PosixDisk(root: root) }
        let text = try String(contentsOfFile: root + "/CACHEDIR.TAG", encoding: .utf8)
        #expect(text == CacheFolder.markerText)
    }

    @Test("what only resembles a cache is not taken", arguments: ["", "SQLite format 2\0", "SQL"])
    func noDatabase(index: String) throws {
        try unmark(index: index)
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
        #expect(error?.message.contains("To keep a cache") == true)
    }

    @Test(
        "a database is no cache without a lock of ours or all else, nor beside something foreign",
        arguments: [["lock"], ["objects"], ["index.sqlite"], []],
        ["", "pid \n", "pid 1", "pid x\n", "pip 1\n"])
    func incomplete(missing: [String], lock: String) throws {
        try unmark(index: Self.databaseHeader)
        try put(lock, at: root + "/lock")
        for name in missing { try FileManager.default.removeItem(atPath: root + "/" + name) }
        if missing.isEmpty { try put("mine", at: root + "/holiday.mov") }
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(error?.code == .notOurs)
    }

    @Test(
        "a folder that was emptied beside a server that was killed then is no obstacle",
        arguments: [["objects"], ["index.sqlite"], ["objects", "index.sqlite"]])
    func emptied(missing: [String]) throws {
        try unmark(index: Self.databaseHeader)
        for name in missing { try FileManager.default.removeItem(atPath: root + "/" + name) }
        try put("", at: root + "/ballast")
        do { _ = try PosixDisk(root: root) }
        let text = try String(contentsOfFile: root + "/CACHEDIR.TAG", encoding: .utf8)
        #expect(text == CacheFolder.markerText)
    }

    @Test("nothing is made in a folder that was emptied before what says whose it is")
    func markedFirst() throws {
        let disk = try PosixDisk(root: root)
        for name in try FileManager.default.contentsOfDirectory(atPath: root) {
            try FileManager.default.removeItem(atPath: root + "/" + name)
        }
        disk.takeBallast()
        #expect(FileManager.default.fileExists(atPath: root + "/CACHEDIR.TAG"))
        try FileManager.default.removeItem(atPath: root + "/CACHEDIR.TAG")
        let representation = Representation(
            key: CacheKey("film"), validator: .absent, completeLength: 1)
        _ = try disk.createFile(DataFileName(representation, salt: 1))
        #expect(FileManager.default.fileExists(atPath: root + "/CACHEDIR.TAG"))
    }

    @Test("a link or a pipe in the place of the index says nothing, and does not hold us up")
    func noFile() throws {
        try unmark(index: Self.databaseHeader)
        let index = root + "/index.sqlite"
        try FileManager.default.moveItem(atPath: index, toPath: folder.path + "/elsewhere")
        try FileManager.default.createSymbolicLink(
            atPath: index, withDestinationPath: folder.path + "/elsewhere")
        let linked = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(linked?.code == .notOurs)
        try FileManager.default.removeItem(atPath: index)
        #expect(mkfifo(index, 0o600) == 0)
        let piped = #expect(throws: DiskError.self) { try PosixDisk(root: root) }
        #expect(piped?.code == .notOurs)
    }

    @Test("a folder open to others is closed to them")
    func mode() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: root)
        _ = try PosixDisk(root: root)
        let mode = try FileManager.default.attributesOfItem(atPath: root)[.posixPermissions]
        #expect(mode as? Int == 0o700)
    }

    @Test("a file in place of the folder is refused")
    func file() throws {
        try put("", at: folder.path + "/file")
        let error = #expect(throws: DiskError.self) { try PosixDisk(root: folder.path + "/file") }
        #expect(error?.code == .notOurs)
    }

    @Test("the boot has the same name until the next one")
    func boot() throws {
        let boot = try BootID.current()
        #expect(!boot.isEmpty)
        #expect(try BootID.current() == boot)
    }
}

@Suite("Disk errors")
struct DiskErrorTests {
    @Test(
        "the system's numbers get their codes",
        arguments: [
            (ENOSPC, DiskError.Code.noSpace), (EDQUOT, .quota), (EFBIG, .tooLarge),
            (EROFS, .readOnly), (EACCES, .permission), (EPERM, .permission), (ENOENT, .missing),
            (EEXIST, .exists), (ELOOP, .notOurs), (ENOTDIR, .notOurs), (EIO, .io),
            (EOPNOTSUPP, .unsupported), (EMFILE, .tooManyOpen), (EINVAL, .other),
        ])
    func codes(number: Int32, code: DiskError.Code) {
        let error = DiskError(errno: number, doing: "write it", path: "/a")
        #expect(error.code == code)
        #expect(error.systemCode == number)
        #expect(error.message.hasPrefix("could not write it: "))
    }
}
