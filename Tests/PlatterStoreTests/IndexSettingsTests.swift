import Foundation
import GRDB
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("The settings of SQLite")
struct IndexSettingsTests {
    private let index: TestIndex
    private let entry: EntryID

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry(length: 64 << 20, chunkLength: 64 * kib).id
    }

    private var logLength: Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: index.path + "-wal")
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }

    @Test(
        "people are told of a version that may damage the index, and of no other",
        arguments: [
            (3_007_000, true), (3_040_001, true), (3_044_005, true), (3_044_006, false),
            (3_044_999, false), (3_045_000, true), (3_050_006, true), (3_050_007, false),
            (3_051_000, true), (3_051_002, true), (3_051_003, false), (4_000_000, false),
        ] as [(Int32, Bool)])
    func version(number: Int32, isToldOf: Bool) {
        #expect((IndexWriter.warning(of: number) != nil) == isToldOf)
    }

    @Test("by its name")
    func versionName() {
        #expect(IndexWriter.warning(of: 3_040_001)?.hasPrefix("SQLite 3.40.1 has ") == true)
    }

    @Test("no connection maps the index into memory")
    func mapping() async throws {
        let reader = index.writer.makeReader()
        let mapped = try reader.ask("PRAGMA mmap_size") { (statement, _) throws(IndexError) in
            try statement.first { $0.integer(0) ?? -1 }
        }
        #expect(mapped == 0)
        let written = try await index.writer.perform { db, _ in
            try Int64.fetchOne(db, sql: "PRAGMA mmap_size")
        }
        #expect(written == 0)
    }

    @Test(
        "the log stays small while readers read between commits, and is empty when it was checkpointed"
    )
    func log() async throws {
        let reader = index.writer.makeReader()
        var longest: Int64 = 0
        for number in Int64(0)..<3_000 {
            let start = number % 1_000 * 64 * kib
            try await index.writer.record([run(start..<start + 100 + number / 1_000)], in: entry)
            longest = max(longest, logLength)
            if number % 7 == 0 { _ = try reader.presence(of: entry, at: start, upTo: start + 1) }
        }
        // SQLite empties it after a thousand pages; a group may add some.
        #expect(longest > 1 << 20)
        #expect(longest < 8 << 20)
        try await index.writer.checkpoint()
        #expect(logLength == 0)
    }
}
