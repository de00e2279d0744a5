import Foundation
import PlatterCore
import PlatterStore
import Testing

@Suite("A data file that somebody else changes")
struct ForeignChangeTests {
    private let data: TestFile
    private var disk: PosixDisk { data.disk }
    private var name: DataFileName { data.name }
    private var file: any DataFile { data.file }

    init() throws {
        data = try TestFile()
        try data.write(0..<100_000)
    }

    /// Another program, with another descriptor.
    private func somebody(_ action: (FileHandle) throws -> Void) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: file.path))
        try action(handle)
        try handle.close()
    }

    @Test("changes of our own are none")
    func own() throws {
        #expect(try file.foreignChange() == nil)
        try data.write(100_000..<200_000)
        try file.allocate(0..<300_000)
        try file.punch(0..<65_536)
        #expect(try file.foreignChange() == nil)
        #expect(file.stamp != nil)
        #expect(file.foreignChangeCount == 0)
    }

    @Test("a byte written, an end cut off and a hole are seen before the next use")
    func foreign() throws {
        try somebody { try $0.write(contentsOf: [7]) }
        let first = try #require(try file.foreignChange())
        #expect(file.stamp == nil)
        file.accept(first)
        #expect(try file.foreignChange() == nil)
        try somebody { try $0.truncate(atOffset: 50_000) }
        let second = try #require(try file.foreignChange())
        #expect(second != first)
        // What was noticed earlier does not excuse it.
        file.accept(first)
        #expect(try file.foreignChange() == second)
        #expect(file.foreignChangeCount == 2)
    }

    @Test("one before a write of our own is seen too")
    func before() throws {
        try somebody { try $0.write(contentsOf: [7]) }
        try data.write(100_000..<200_000)
        #expect(try file.foreignChange() != nil)
    }

    @Test("one while the file was not in use is seen when it is opened")
    func closed() throws {
        let left = try #require(file.stamp)
        let folder = data.folder.path + "/cache"
        try somebody { try $0.write(contentsOf: [7]) }
        let moved = folder + "-moved"
        try FileManager.default.copyItem(atPath: folder, toPath: moved)
        let other = try PosixDisk(root: moved)
        #expect(try other.openFile(name, left: left).foreignChange() != nil)
    }

    @Test("a file in use is one object, however often it is opened")
    func shared() throws {
        let again = try disk.openFile(name, left: nil)
        #expect(again === file)
        #expect(try again.foreignChange() == nil)
    }

    @Test("what is not known to be as we left it has one")
    func unknown() throws {
        let path = data.folder.path + "/other"
        let other = try PosixDisk(root: path)
        var created: (any DataFile)? = try other.createFile(name)
        let left = created?.stamp
        created = nil
        #expect(try other.openFile(name, left: nil).foreignChange() != nil)
        #expect(try other.openFile(name, left: left).foreignChange() == nil)
    }

    @Test("the index keeps what a file was left like")
    func index() async throws {
        let index = try TestIndex()
        let entry = try await index.entry()
        #expect(entry.stamp == nil)
        let stamp = file.stamp
        try await index.writer.done { $0.note(stamp, of: entry.id, completion: $1) }
        #expect(try index.reader().entry(entry.id)?.stamp == stamp)
        try await index.writer.done { $0.note(nil, of: entry.id, completion: $1) }
        #expect(try index.reader().entry(entry.id)?.stamp == stamp)
    }
}
