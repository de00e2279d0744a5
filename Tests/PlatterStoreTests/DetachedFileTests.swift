import Foundation
import PlatterCore
import PlatterStore
import Testing

@Suite("A data file in whose place somebody puts another")
struct DetachedFileTests {
    let folder: TemporaryFolder
    let disk: PosixDisk
    let name: DataFileName
    let file: any DataFile

    init() throws {
        folder = try TemporaryFolder()
        disk = try PosixDisk(root: folder.path + "/cache")
        let representation = Representation(
            key: CacheKey("k"), validator: .absent, completeLength: 1)
        name = DataFileName(representation, salt: 1)
        file = try disk.createFile(name)
        try write()
    }

    private func write() throws {
        try content(0..<1000).withUnsafeBytes { (bytes) throws in try file.write(bytes, at: 0) }
    }

    private func swap() throws {
        let other = folder.path + "/other"
        try Data(count: 1000).write(to: URL(fileURLWithPath: other))
        try #require(rename(other, file.path) == 0)
    }

    @Test("is itself for all who open it while it has its name")
    func same() throws {
        #expect(try disk.openFile(name, left: nil) === file)
        #expect(!file.isDetached)
    }

    @Test("is detached for good as soon as the other one is opened, which has a foreign change")
    func swapped() throws {
        let left = file.stamp
        try swap()
        let other = try disk.openFile(name, left: left)
        #expect(other !== file && !other.isDetached)
        #expect(try other.foreignChange() != nil)
        #expect(file.isDetached && file.stamp == nil)
        if let change = try file.foreignChange() { file.accept(change) }
        try write()
        #expect(file.isDetached && file.stamp == nil)
        #expect(try disk.openFile(name, left: left) === other)
    }

    @Test("is detached when none is found under its name, or another is made")
    func deleted() throws {
        try disk.removeFile(name)
        #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(file.isDetached)
        let other = try disk.createFile(name)
        try disk.removeFile(name)
        #expect(!other.isDetached)
        let third = try disk.createFile(name)
        #expect(other.isDetached && !third.isDetached)
    }

    @Test("is not as it was when what was read from it was right")
    func untouched() throws {
        let untouched = Untouched(file)
        #expect(untouched.holds)
        try swap()
        _ = try disk.openFile(name, left: nil)
        #expect(!untouched.holds && !Untouched(file).holds)
    }
}
