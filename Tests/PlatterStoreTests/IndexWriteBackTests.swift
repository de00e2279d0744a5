import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("An index that the disk did not keep")
struct IndexWriteBackTests {
    private let folder: TemporaryFolder
    /// What the system has to say, and whether only once.
    private let answer = NIOLockedValueBox<(number: Int32, isOnce: Bool)>((0, true))
    private let index: IndexWriter
    private let entry: EntryRecord

    init() async throws {
        folder = try TemporaryFolder()
        index = try Self.open(folder, answer)
        entry = try await index.openEntry(newEntry())
        try await index.record([run(0..<10)], in: entry.id)
    }

    private static func open(
        _ folder: TemporaryFolder, _ answer: NIOLockedValueBox<(number: Int32, isOnce: Bool)>
    ) throws -> IndexWriter {
        try IndexWriter(path: folder.path + "/index.sqlite", boot: "boot 1") { _ in
            answer.withLockedValue { answer in
                defer { if answer.isOnce { answer.number = 0 } }
                return answer.number
            }
        }
    }

    private func presence(
        of index: IndexWriter, at position: Int64 = 0
    ) throws -> Presence {
        try index.makeReader().presence(of: entry.id, at: position, upTo: position + 10)
    }

    private func lose(isOnce: Bool = true) {
        answer.withLockedValue { $0 = (EIO, isOnce) }
    }

    private func keep() { answer.withLockedValue { $0 = (0, true) } }

    private var path: String { folder.path + "/index.sqlite" }
    private var mark: String { path + ".doubted" }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// What the next one finds, on a disk that keeps what it is given.
    private func expectDoubted(in folder: TemporaryFolder) async throws {
        keep()
        let next = try Self.open(folder, answer)
        #expect(try presence(of: next) == .unverified(run(0..<10)))
        #expect(!exists(folder.path + "/index.sqlite.doubted"))
        try await next.record([run(20..<30)], in: entry.id)
        try await next.close()
        let third = try Self.open(folder, answer)
        #expect(try presence(of: third) == .unverified(run(0..<10)))
        #expect(try presence(of: third, at: 20) == .present(20..<30))
        try await third.close()
    }

    @Test("nothing is doubted without need")
    func kept() async throws {
        #expect(!index.lookForLoss())
        try await index.flush()
        #expect(try presence(of: index) == .present(0..<10))
    }

    @Test("a look doubts all that was recorded, is told of once, and what comes later is believed")
    func looked() async throws {
        lose()
        #expect(index.lookForLoss())
        try await index.flush()
        #expect(try presence(of: index) == .unverified(run(0..<10)))
        #expect(!index.lookForLoss())
        try await index.record([run(20..<30)], in: entry.id)
        #expect(try presence(of: index, at: 20) == .present(20..<30))
        #expect(try presence(of: index) == .unverified(run(0..<10)))
    }

    @Test("what is recorded next finds out by itself")
    func recorded() async throws {
        lose()
        try await index.record([run(20..<30)], in: entry.id)
        try await index.flush()
        #expect(try presence(of: index) == .unverified(run(0..<10)))
        #expect(try presence(of: index, at: 20) == .present(20..<30))
        #expect(index.lookForLoss())
    }

    @Test("so does the end, and the next one finds it")
    func ended() async throws {
        lose()
        try await index.close()
        let next = try Self.open(folder, answer)
        #expect(try presence(of: next) == .unverified(run(0..<10)))
        #expect(!exists(mark))
        try await next.close()
    }

    @Test("one that the disk never keeps is marked at the end, and the next one doubts all of it")
    func marked() async throws {
        lose(isOnce: false)
        try await index.close()
        #expect(exists(path))
        #expect(exists(mark))
        try await expectDoubted(in: folder)
    }

    @Test("one that cannot be marked either is set aside at the end")
    func setAside() async throws {
        // Folders of somebody else, in its place and under all names to which they could be moved.
        for suffix in ["", "-folder"] + (2...9).map({ "-folder-\($0)" }) {
            try FileManager.default.createDirectory(
                atPath: mark + suffix + "/theirs", withIntermediateDirectories: true)
        }
        lose(isOnce: false)
        try await index.close()
        #expect(!exists(path))
        #expect(exists(path + ".lost"))
    }

    @Test("a crash after a loss was noticed leaves the mark")
    func crashed() async throws {
        lose(isOnce: false)
        #expect(index.lookForLoss())
        #expect(exists(mark))
        // All is written to memory by then, and nothing is under way.
        try await index.flush()
        #expect(exists(mark))
        let copy = try TemporaryFolder()
        for suffix in ["", "-wal", ".doubted"] {
            try FileManager.default.copyItem(
                atPath: path + suffix, toPath: copy.path + "/index.sqlite" + suffix)
        }
        try await expectDoubted(in: copy)
    }

    @Test("the mark goes as soon as the disk has kept that all is doubted")
    func settled() async throws {
        lose()
        #expect(index.lookForLoss())
        try await index.flush()
        #expect(!exists(mark))
        #expect(try presence(of: index) == .unverified(run(0..<10)))
    }

    @Test("a mark whose rows are still believed has them doubted before anybody reads")
    func believed() async throws {
        try await index.close()
        try Data().write(to: URL(fileURLWithPath: mark))
        try await expectDoubted(in: folder)
    }

    @Test("rows that say so already are written once more: the disk may have older ones")
    func rewritten() async throws {
        try await index.perform { db, _ in try RunRows.distrustAll(db) }
        try await index.checkpoint()
        #expect(try logLength() == 0)
        try await index.perform { db, _ in try RunRows.distrustAll(db, rewriting: true) }
        #expect(try logLength() > 0)
        #expect(try presence(of: index) == .unverified(run(0..<10)))
    }

    private func logLength() throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "-wal")
        return try #require(attributes[.size] as? UInt64)
    }

    @Test("it stays for as long as the disk keeps nothing")
    func stays() async throws {
        try await index.close()
        try Data().write(to: URL(fileURLWithPath: mark))
        lose(isOnce: false)
        let next = try Self.open(folder, answer)
        #expect(try presence(of: next) == .unverified(run(0..<10)))
        #expect(exists(mark))
        #expect(next.lookForLoss())
        try await next.close()
        try await expectDoubted(in: folder)
    }

    @Test("nothing is marked where the index is gone")
    func gone() async throws {
        for suffix in ["", "-wal", "-shm"] { #expect(unlink(path + suffix) == 0) }
        lose(isOnce: false)
        #expect(index.lookForLoss())
        #expect(!exists(mark))
        // There is nothing to write it to.
        try? await index.close()
        #expect(!exists(mark))
    }
}
