import CPlatter
import Foundation
import GRDB
import Testing

@testable import PlatterStore

@Suite("The memory that connections to the index share")
struct SharedIndexMemoryTests {
    private let folder: TemporaryFolder
    private var database: String { folder.path + "/index.sqlite" }
    private var file: String { database + "-shm" }

    init() throws { folder = try TemporaryFolder() }

    private func status() throws -> stat {
        var status = stat()
        try #require(lstat(file, &status) == 0)
        return status
    }

    private func openDatabase() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
        return try DatabaseQueue(path: database, configuration: configuration)
    }

    @Test("has all its blocks before SQLite maps it, and keeps them")
    func blocks() throws {
        let memory = try #require(try SharedIndexMemory.prepared(path: database, previous: nil))
        let before = try status()
        #expect(UInt64(before.st_blocks) * 512 >= SharedIndexMemory.length)
        let queue = try openDatabase()
        try queue.write { try $0.execute(sql: "CREATE TABLE a (b); INSERT INTO a VALUES (1)") }
        let after = try status()
        #expect(after.st_ino == before.st_ino)
        #expect(UInt64(after.st_size) == SharedIndexMemory.length)
        #expect(UInt64(after.st_blocks) * 512 >= SharedIndexMemory.length)
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT b FROM a") } == 1)
        #expect(try SharedIndexMemory.confirmed(memory, path: database) === memory)
    }

    @Test("is emptied of what a program that was killed has left")
    func leftovers() throws {
        try Data(repeating: 7, count: 2 << 20).write(to: URL(fileURLWithPath: file))
        let memory = try SharedIndexMemory.prepared(path: database, previous: nil)
        #expect(memory != nil)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(bytes == Data(count: Int(SharedIndexMemory.length)))
    }

    @Test("is left as it is where somebody else has it open")
    func others() throws {
        let bytes = Data(repeating: 7, count: 2 << 20)
        try bytes.write(to: URL(fileURLWithPath: file))
        let other = open(file, O_RDWR)
        try #require(other >= 0)
        defer { close(other) }
        // As SQLite does for as long as it has the file open.
        try #require(platter_lock_byte(other, 128, 0) == 0)
        let memory = try SharedIndexMemory.prepared(path: database, previous: nil)
        #expect(memory != nil)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }

    @Test("is another one where the file was replaced before the database was open")
    func replaced() throws {
        let memory = try #require(try SharedIndexMemory.prepared(path: database, previous: nil))
        try FileManager.default.removeItem(atPath: file)
        let queue = try openDatabase()
        try queue.write { try $0.execute(sql: "CREATE TABLE a (b)") }
        let other = try SharedIndexMemory.confirmed(memory, path: database)
        #expect(other !== memory)
        #expect(UInt64(try status().st_blocks) * 512 >= SharedIndexMemory.length)
    }

    @Test("stays as it is, with its locks, for an index that is opened again")
    func again() throws {
        let first = try #require(try SharedIndexMemory.prepared(path: database, previous: nil))
        let queue = try openDatabase()
        try queue.write { try $0.execute(sql: "CREATE TABLE a (b)") }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(bytes.contains { $0 != 0 })
        let second = try SharedIndexMemory.prepared(path: database, previous: first)
        #expect(second === first)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
        try FileManager.default.moveItem(atPath: file, toPath: file + ".lost")
        let third = try SharedIndexMemory.prepared(path: database, previous: first)
        #expect(third != nil && third !== first)
    }

    @Test("is SQLite's business where it cannot be opened")
    func impossible() throws {
        try FileManager.default.createDirectory(
            atPath: file, withIntermediateDirectories: false)
        #expect(try SharedIndexMemory.prepared(path: database, previous: nil) == nil)
        let lost = folder.path + "/none/index.sqlite"
        #expect(try SharedIndexMemory.prepared(path: lost, previous: nil) == nil)
    }
}
