import Foundation
import GRDB
import PlatterCore
import PlatterStore
import Testing

@Suite("What is present")
struct PresenceTests {
    let index: TestIndex
    let reader: IndexReader
    let entry: EntryID

    init() async throws {
        index = try TestIndex()
        reader = try index.reader()
        entry = try await index.entry().id
    }

    private func presence(at position: Int64, upTo limit: Int64) throws -> Presence {
        try reader.presence(of: entry, at: position, upTo: limit)
    }

    @Test("an entry without runs, and one that is unknown, have no bytes")
    func nothing() throws {
        #expect(try presence(at: 5, upTo: 100) == .absent(5..<100))
        #expect(try reader.presence(of: EntryID(99), at: 0, upTo: 1) == .absent(0..<1))
    }

    @Test("runs that touch over chunks are one stretch, cut to what was asked")
    func merged() async throws {
        try await index.writer.record(
            [run(10..<64 * kib), run(64 * kib..<128 * kib), run(128 * kib..<130 * kib)], in: entry)
        #expect(try presence(at: 10, upTo: 512 * kib) == .present(10..<130 * kib))
        #expect(try presence(at: 70 * kib, upTo: 100 * kib) == .present(70 * kib..<100 * kib))
        #expect(try presence(at: 129 * kib, upTo: 512 * kib) == .present(129 * kib..<130 * kib))
    }

    @Test("a gap ends at the next run or where the question ends")
    func gap() async throws {
        try await index.writer.record([run(0..<10), run(50..<60)], in: entry)
        #expect(try presence(at: 10, upTo: 100) == .absent(10..<50))
        #expect(try presence(at: 49, upTo: 100) == .absent(49..<50))
        #expect(try presence(at: 20, upTo: 30) == .absent(20..<30))
        #expect(try presence(at: 60, upTo: 100) == .absent(60..<100))
        #expect(try presence(at: 0, upTo: 100) == .present(0..<10))
    }

    @Test("a present stretch ends before a run that is not trusted")
    func beforeUnverified() async throws {
        try await index.writer.record([run(64 * kib..<65 * kib)], in: entry)
        try await index.writer.done { $0.distrust(entry, completion: $1) } as Void
        try await index.writer.record([run(0..<64 * kib)], in: entry)
        #expect(try presence(at: 0, upTo: 100 * kib) == .present(0..<64 * kib))
        #expect(
            try presence(at: 64 * kib + 5, upTo: 100 * kib)
                == .unverified(run(64 * kib..<65 * kib)))
    }

    @Test(
        "a question about nothing has an empty answer",
        arguments: [(5, 5), (5, 4), (-1, 10), (Int64.max, Int64.max)])
    func empty(position: Int64, limit: Int64) throws {
        #expect(try presence(at: position, upTo: limit) == .absent(position..<position))
    }

    @Test("a question to the end of the numbers is answered")
    func far() async throws {
        try await index.writer.record([run(0..<10)], in: entry)
        #expect(try presence(at: 5, upTo: .max) == .present(5..<10))
        #expect(try presence(at: .max - 1, upTo: .max) == .absent(Int64.max - 1..<Int64.max))
    }

    @Test("a stretch of more rows than one question looks at is told in parts")
    func bounded() async throws {
        let chunks = Int64(IndexReader.presenceRowLimit + 3)
        let long = try await index.entry(key: "long", length: chunks * 64 * kib, salt: 9).id
        let piece = run(0..<64 * kib).crc32c
        let runs = (0..<chunks).map {
            StoredRun(range: $0 * 64 * kib..<($0 + 1) * 64 * kib, crc32c: piece)
        }
        try await index.writer.record(runs, in: long)
        let part = Int64(IndexReader.presenceRowLimit) * 64 * kib
        let end = chunks * 64 * kib
        #expect(try reader.presence(of: long, at: 0, upTo: end) == .present(0..<part))
        #expect(try reader.presence(of: long, at: part, upTo: end) == .present(part..<end))
    }

    @Test("a row deleted by someone else is gone at the next question")
    func deletedByHand() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        #expect(try presence(at: 0, upTo: 100) == .present(0..<100))
        let person = try DatabaseQueue(path: index.path)
        try await person.write { try $0.execute(sql: "DELETE FROM cache_chunks") }
        #expect(try presence(at: 0, upTo: 100) == .absent(0..<100))
    }

    @Test("the primary key finds the row")
    func plan() async throws {
        let person = try DatabaseQueue(path: index.path)
        let plan = try await person.read { db in
            try Row.fetchAll(
                db, sql: "EXPLAIN QUERY PLAN " + IndexReader.presenceSQL,
                arguments: [1, 2, 3, "b"]
            ).map { $0["detail"] as String }
        }
        let steps = plan.filter { !$0.contains("SUBQUERY") }
        #expect(steps.count == 2)
        for step in steps {
            #expect(step.hasPrefix("SEARCH cache_chunks USING PRIMARY KEY (entry=? AND start"))
        }
    }

    @Test("the key's own index finds the current entry")
    func keyPlan() async throws {
        let person = try DatabaseQueue(path: index.path)
        let plan = try await person.read { db in
            try Row.fetchAll(
                db, sql: "EXPLAIN QUERY PLAN " + IndexReader.currentEntrySQL, arguments: ["k"]
            ).map { $0["detail"] as String }
        }
        #expect(plan == ["SEARCH cache_entries USING INDEX cache_entries_current (key=?)"])
    }

    @Test("a reader leaves nothing open that keeps the WAL from shrinking")
    func wal() async throws {
        let other = try await index.entry(key: "other", salt: 9).id
        try await index.writer.record([run(0..<10), run(20..<30), run(40..<50)], in: other)
        _ = try reader.presence(of: other, at: 0, upTo: 100)
        _ = try reader.entry(for: CacheKey("other"))
        _ = try reader.entry(other)
        _ = try reader.runs(of: other, limit: 1)
        _ = try reader.entries(limit: 1)
        try await index.writer.record([run(60..<70)], in: other)
        try await index.writer.checkpoint()
        let wal = try FileManager.default.attributesOfItem(atPath: index.path + "-wal")
        #expect(wal[.size] as? Int == 0)
        #expect(try reader.ranges(of: other) == [0..<10, 20..<30, 40..<50, 60..<70])
    }
}
