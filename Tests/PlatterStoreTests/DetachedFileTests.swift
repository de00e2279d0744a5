import Foundation
import PlatterCore
import PlatterStore
import Testing

@Suite("A data file in whose place somebody puts another")
struct DetachedFileTests {
    private let data: TestFile
    private var disk: PosixDisk { data.disk }
    private var name: DataFileName { data.name }
    private var file: any DataFile { data.file }

    init() throws {
        data = try TestFile()
        try data.write(0..<1000)
    }

    private func swap() throws {
        let other = data.folder.path + "/other"
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
        try data.write(0..<1000)
        #expect(file.isDetached && file.stamp == nil)
        #expect(try disk.openFile(name, left: left) === other)
    }

    @Test("is detached when another is about to be made, or is made, but not while there is none")
    func deleted() throws {
        disk.detachFiles(without: name)
        #expect(!file.isDetached)
        try disk.removeFile(name)
        #expect(throws: DiskError.self) { try disk.openFile(name, left: nil) }
        #expect(!file.isDetached)
        disk.detachFiles(without: name)
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
