import Foundation
import GRDB
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("An index of which a part is taken away in its place")
struct IndexCutTests {
    private let index: TestIndex
    private let reader: IndexReader
    private let entry: EntryRecord
    private let losses = NIOLockedValueBox<[IndexError]>([])

    init() async throws {
        index = try TestIndex()
        reader = index.writer.makeReader()
        entry = try await index.entry(length: 64 << 20)
        try await index.writer.record([run(0..<100)], in: entry.id)
        index.writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error) } }
    }

    private var lossesSoFar: [IndexError] { losses.withLockedValue { $0 } }

    private var length: Int64 {
        get throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: index.path)
            return try #require(attributes[.size] as? NSNumber).int64Value
        }
    }

    private func expectAnother(_ location: SourceLocation = #_sourceLocation) async throws {
        try await index.writer.renew()
        let found = try reader.entry(for: entry.representation.key)
        #expect(found == nil, sourceLocation: location)
        let isKept = FileManager.default.fileExists(atPath: index.path + ".lost")
        #expect(isKept, sourceLocation: location)
        #expect(index.writer.loss == nil, sourceLocation: location)
        index.writer.look()
        #expect(index.writer.loss == nil, sourceLocation: location)
    }

    @Test(
        "one that is cut off is noticed at the next look, with its reason",
        arguments: [0, 50, 100, 4096])
    func cut(length: off_t) async throws {
        // What was written since it was opened counts, too.
        try await index.writer.checkpoint()
        index.writer.look()
        #expect(lossesSoFar == [])
        try #require(self.length > 4096)
        #expect(truncate(index.path, length) == 0)
        index.writer.look()
        index.writer.look()
        #expect(lossesSoFar == [.cut])
        try await expectAnother()
    }

    @Test(
        "one of which all is in the log still is, too, even when its log was thrown away for that")
    func cutToNothing() async throws {
        #expect(truncate(index.path, 0) == 0)
        // Another program, which only looks.
        _ = try? IndexReader(path: index.path, boot: "boot 1")
        index.writer.look()
        #expect(lossesSoFar == [.cut])
        try await expectAnother()
    }

    @Test(
        "one whose log is deleted is lost, with what people asked for taken over",
        arguments: [
            ["-wal"], ["-wal", "-shm"],
        ])
    func withoutLog(suffixes: [String]) async throws {
        let wish = NewDownload(
            key: CacheKey("http://origin/wish"), url: "http://origin/wish", createdAt: 1)
        _ = try await index.writer.enqueue(wish)
        for suffix in suffixes {
            try FileManager.default.removeItem(atPath: index.path + suffix)
        }
        index.writer.look()
        #expect(lossesSoFar == [.logMoved])
        try await expectAnother()
        #expect(try await index.writer.downloads().map(\.download) == [wish])
    }

    @Test("another log in the place of its own is noticed")
    func otherLog() async throws {
        try FileManager.default.removeItem(atPath: index.path + "-wal")
        try Data().write(to: URL(fileURLWithPath: index.path + "-wal"))
        index.writer.look()
        #expect(lossesSoFar == [.logMoved])
    }

    @Test("what SQLite does to its files itself is no loss")
    func own() async throws {
        for _ in 0..<3 {
            try await index.writer.record([run(100..<200)], in: entry.id)
            index.writer.look()
            try await index.writer.checkpoint()
            index.writer.look()
        }
        try await index.writer.close()
        // Its log is gone now.
        index.writer.look()
        #expect(lossesSoFar == [])
    }

    @Test("one that another program makes shorter with VACUUM is used on")
    func vacuum() async throws {
        let many = try await index.entry(key: "http://origin/many", length: 256 << 20)
        let runs = (Int64(0)..<4000).map { run($0 * 64 * kib..<$0 * 64 * kib + 100) }
        try await index.writer.record(runs, in: many.id)
        try await index.writer.checkpoint()
        index.writer.look()
        let before = try length
        _ = try await index.writer.drop(0..<256 << 20, of: many.id)
        let person = try DatabaseQueue(path: index.path)
        try await person.vacuum()
        try person.close()
        index.writer.look()
        try await index.writer.checkpoint()
        #expect(try length < before)
        index.writer.look()
        index.writer.look()
        #expect(lossesSoFar == [])
        #expect(try reader.ranges(of: entry.id) == [0..<100])
    }

    /// The first 100 bytes of a database.
    private static func head(pageLength: [UInt8], pages: UInt8, isCounted: Bool = true) -> [UInt8] {
        var head = Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 84)
        head.replaceSubrange(16..<18, with: pageLength)
        (head[27], head[31], head[95]) = (7, pages, isCounted ? 7 : 6)
        return head
    }

    @Test("the first page says how long it should be")
    func told() {
        let small = Self.head(pageLength: [0x10, 0], pages: 3)
        #expect(IndexLength.isCut(3 * 4096 - 1, head: small))
        #expect(!IndexLength.isCut(3 * 4096, head: small))
        // Before the number of pages is written.
        #expect(!IndexLength.isCut(4 * 4096, head: small))
        let large = Self.head(pageLength: [0, 1], pages: 2)
        #expect(IndexLength.isCut(131_071, head: large))
        #expect(!IndexLength.isCut(131_072, head: large))
        let unknown = Self.head(pageLength: [0x10, 0], pages: 3, isCounted: false)
        #expect(!IndexLength.isCut(4096, head: unknown))
        #expect(IndexLength.isCut(99, head: Array(small.prefix(99))))
        #expect(IndexLength.isCut(0, head: []))
        #expect(IndexLength.isCut(8192, head: [UInt8](repeating: 0x5A, count: 100)))
    }
}
