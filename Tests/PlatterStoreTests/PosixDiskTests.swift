import CPlatter
import Foundation
import PlatterCore
import PlatterStore
import Testing

@Suite("Data files")
struct PosixDiskTests {
    let folder: TemporaryFolder
    let disk: PosixDisk
    let name: DataFileName

    init() throws {
        folder = try TemporaryFolder()
        disk = try PosixDisk(root: folder.path + "/cache")
        name = DataFileName(
            Representation(key: CacheKey("k"), validator: .absent, completeLength: 1), salt: 7)
    }

    private var path: String { disk.root + "/objects/\(name.folder)/\(name.text)" }

    private func write(_ range: ByteRange, to file: any DataFile) throws {
        try content(range).withUnsafeBytes { (bytes) throws in
            try file.write(bytes, at: range.lowerBound)
        }
    }

    private func read(_ file: any DataFile, at offset: Int64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let done = try bytes.withUnsafeMutableBytes { (buffer) throws in
            try file.read(into: buffer, at: offset)
        }
        return Array(bytes.prefix(done))
    }

    private func readResident(
        _ file: any DataFile, at offset: Int64, count: Int
    ) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let done = try bytes.withUnsafeMutableBytes { (buffer) throws in
            try file.readResident(into: buffer, at: offset)
        }
        return done.map { Array(bytes.prefix($0)) }
    }

    @Test("what was just written or read is in memory")
    func residence() throws {
        let file = try disk.createFile(name)
        try write(0..<300_000, to: file)
        for range: ByteRange in [0..<300_000, 0..<1, 299_999..<300_000, 70_000..<270_000] {
            #expect(file.isResident(range))
        }
        // Behind the end nothing is waited for: who reads there finds out.
        #expect(file.isResident(300_000..<400_000))
        #expect(file.isResident(0..<0))
    }

    @Test("what is in memory is read from there, up to the end of the file")
    func residentRead() throws {
        let file = try disk.createFile(name)
        try write(0..<300_000, to: file)
        #expect(try readResident(file, at: 70_000, count: 200_000) == content(70_000..<270_000))
        #expect(try readResident(file, at: 299_990, count: 100) == content(299_990..<300_000))
        #expect(try readResident(file, at: 300_000, count: 100) == [])
        #expect(try readResident(file, at: 0, count: 0) == [])
        let (look, status) = (try file.look(), try file.status())
        #expect(look.status == status)
        #expect(look.status.size == 300_000)
        #expect(look.foreignChange == nil)
    }

    #if os(Linux)
        @Test("what is not in memory is not read from there")
        func absentRead() throws {
            let file = try disk.createFile(name)
            try write(0..<300_000, to: file)
            var isInMemory: Int32 = 0
            try #require(platter_filesystem_is_memory(file.fileDescriptor, &isInMemory) == 0)
            // Such a file system has no other place for it.
            guard isInMemory == 0 else { return }
            try #require(fsync(file.fileDescriptor) == 0)
            try #require(posix_fadvise(file.fileDescriptor, 0, 0, POSIX_FADV_DONTNEED) == 0)
            try #require(!file.isResident(0..<300_000))
            #expect(try readResident(file, at: 0, count: 300_000) == nil)
            #expect(try readResident(file, at: 100_000, count: 10) == nil)
            #expect(try read(file, at: 0, count: 300_000) == content(0..<300_000))
            #expect(try readResident(file, at: 0, count: 300_000) == content(0..<300_000))
        }
    #endif

    @Test("the largest offsets do not overflow")
    func residenceAtTheEnd() throws {
        let file = try disk.createFile(name)
        #expect(file.isResident((Int64.max - 1)..<Int64.max))
        #expect(file.isResident(0..<Int64.max))
    }

    @Test("bytes come back from where they were written")
    func roundTrip() throws {
        let file = try disk.createFile(name)
        try write(300_000..<700_001, to: file)
        try write(0..<5, to: file)
        let again = try disk.openFile(name, left: nil)
        #expect(try read(again, at: 300_000, count: 400_001) == content(300_000..<700_001))
        #expect(try read(again, at: 0, count: 5) == content(0..<5))
        #expect(try read(again, at: 5, count: 10) == Array(repeating: 0, count: 10))
    }

    @Test("a read at the end of the file is short, and one behind it empty")
    func shortRead() throws {
        let file = try disk.createFile(name)
        try write(0..<100, to: file)
        #expect(try read(file, at: 90, count: 50) == content(90..<100))
        #expect(try read(file, at: 100, count: 50).isEmpty)
        #expect(try read(file, at: 1 << 40, count: 50).isEmpty)
    }

    @Test("a position beyond what a file can have is an error and no trap")
    func farWrite() throws {
        let file = try disk.createFile(name)
        #expect(throws: DiskError.self) {
            try [UInt8](repeating: 1, count: 10).withUnsafeBytes { (bytes) throws in
                try file.write(bytes, at: .max - 5)
            }
        }
        #expect(throws: DiskError.self) { try read(file, at: .max - 5, count: 10) }
    }

    @Test("files and folders are for their owner alone")
    func modes() throws {
        _ = try disk.createFile(name)
        let paths = [
            disk.root, disk.root + "/objects", disk.root + "/objects/" + name.folder, path,
            disk.root + "/lock",
        ]
        let modes = try paths.map {
            try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int
        }
        #expect(modes == [0o700, 0o700, 0o700, 0o600, 0o600])
    }

    @Test("a file is made once")
    func exclusive() throws {
        _ = try disk.createFile(name)
        let error = #expect(throws: DiskError.self) { try disk.createFile(name) }
        #expect(error?.code == .exists)
        #expect(error?.path == path)
    }

    @Test("a symbolic link under a file's name is not followed")
    func linkedFile() throws {
        _ = try disk.createFile(name)
        try FileManager.default.removeItem(atPath: path)
        let secret = folder.path + "/secret"
        try Data("secret".utf8).write(to: URL(fileURLWithPath: secret))
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: secret)
        #expect(throws: DiskError.self) { try disk.createFile(name) }
        let error = #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(error?.code == .notOurs)
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "secret")
    }

    @Test("a symbolic link in place of a folder is not followed")
    func linkedFolder() throws {
        let elsewhere = folder.path + "/elsewhere"
        try FileManager.default.createDirectory(
            atPath: elsewhere, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: disk.root + "/objects/" + name.folder, withDestinationPath: elsewhere)
        let error = #expect(throws: DiskError.self) { try disk.createFile(name) }
        #expect(error?.code == .notOurs)
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
    }

    @Test("a folder under a file's name is not ours")
    func notAFile() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let error = #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(error?.code == .notOurs)
    }

    @Test("a pipe under a file's name is not ours, and does not hold us up")
    func pipe() throws {
        _ = try disk.createFile(name)
        #expect(unlink(path) == 0)
        #expect(mkfifo(path, 0o600) == 0)
        let error = #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(error?.code == .notOurs)
    }

    @Test("a removed file is missing by name, and reads on for who has it open")
    func removal() throws {
        let file = try disk.createFile(name)
        try write(0..<10, to: file)
        #expect(try file.status().linkCount == 1)
        try disk.removeFile(name)
        #expect(try file.status().linkCount == 0)
        #expect(try read(file, at: 0, count: 10) == content(0..<10))
        #expect(throws: DiskError.self) { try disk.removeFile(name) }
        let error = #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(error?.code == .missing)
    }

    @Test("reserving room does not change the size")
    func allocation() throws {
        let file = try disk.createFile(name)
        try file.allocate(0..<1 << 20)
        #expect(try file.status().size == 0)
    }

    @Test("a punched range reads as zeros, its neighbours stay, and so does the size")
    func punch() throws {
        let file = try disk.createFile(name)
        try write(0..<300_000, to: file)
        let before = try file.status()
        do throws(DiskError) {
            try file.punch(1_000..<200_000)
        } catch {
            #expect(error.code == .unsupported)
            return
        }
        let after = try file.status()
        #expect(after.size == before.size)
        #expect(after.allocatedBytes < before.allocatedBytes)
        #expect(try read(file, at: 0, count: 1_000) == content(0..<1_000))
        #if os(Linux)
            #expect(try read(file, at: 1_000, count: 10) == Array(repeating: 0, count: 10))
        #endif
        #expect(try read(file, at: 200_000, count: 100_000) == content(200_000..<300_000))
    }

    @Test("a file's checksum is read in pieces and matches")
    func checksum() throws {
        let file = try disk.createFile(name)
        try write(0..<700_000, to: file)
        #expect(try Checksum.crc32c(of: file, range: 3..<699_999) == run(3..<699_999).crc32c)
        #expect(try Checksum.crc32c(of: file, range: 5..<5) == 0)
        let error = #expect(throws: DiskError.self) {
            try Checksum.crc32c(of: file, range: 0..<700_001)
        }
        #expect(error?.code == .truncated)
    }

    @Test("files are listed by folder, and strangers are left out")
    func listing() throws {
        _ = try disk.createFile(name)
        try Data().write(to: URL(fileURLWithPath: disk.root + "/objects/\(name.folder)/stranger"))
        let found = try (0...255).flatMap { try disk.fileNames(inFolder: UInt8($0)) }
        #expect(found == [name])
    }

    @Test("a file in the folder of other names is a stranger")
    func misplaced() throws {
        _ = try disk.createFile(name)
        let folder = name.folder == "ab" ? "ac" : "ab"
        let path = disk.root + "/objects/\(folder)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: path + "/\(name.text)"))
        let found = try (0...255).flatMap { try disk.fileNames(inFolder: UInt8($0)) }
        #expect(found == [name])
    }

    @Test("the free space is part of the whole")
    func space() throws {
        let space = try disk.space()
        #expect(space.total > 0)
        #expect(0...space.total ~= space.free)
    }
}
