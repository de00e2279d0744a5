import GRDB
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("Seals")
struct SealTests {
    let index: TestIndex
    let entry: EntryRecord
    let person: DatabaseQueue

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        person = try DatabaseQueue(path: index.path)
    }

    /// As a damaged page would: the rules of the schema do not see it.
    private func damage(_ sql: String) async throws {
        try await person.write { db in
            for trigger in [
                "cache_chunks_fixed", "cache_chunks_sealed", "cache_entries_fixed",
                "cache_entries_sealed",
            ] { try db.execute(sql: "DROP TRIGGER \(trigger)") }
            try db.execute(sql: sql)
        }
    }

    @Test(
        "a run that is not as it was written is checked before it is served",
        arguments: [
            "start = 1", "\"end\" = 101", "crc32c = 7", "seal = 7", "seal = NULL",
        ])
    func damagedRun(change: String) async throws {
        try await damage("UPDATE cache_chunks SET \(change)")
        let runs = try index.reader().runs(of: entry.id)
        #expect(runs.count == 1)
        #expect(runs.first?.isVerified == false)
        let presence = try index.reader().presence(of: entry.id, at: 2, upTo: 50)
        guard case .unverified = presence else {
            Issue.record("\(presence)")
            return
        }
    }

    @Test(
        "an entry that is not as it was written makes the index useless",
        arguments: [
            "complete_length = 524287", "file = replace(file, '0', '1')", "chunk_length = 65537",
            "validator = 'strong \"2\"'", "seal = NULL",
        ])
    func damagedEntry(change: String) async throws {
        try await damage("UPDATE cache_entries SET \(change)")
        let error = #expect(throws: IndexError.self) {
            try index.reader().entry(for: entry.representation.key)
        }
        #expect(error?.code == .corrupt)
    }

    @Test("a second spelling of what the index writes is not read")
    func spellings() async throws {
        let dated = try await index.entry(
            key: "http://origin/dated", validator: .modified(at: 5), salt: 2)
        try await damage(
            """
            PRAGMA ignore_check_constraints = 1;
            UPDATE cache_entries SET stamp = '+1 2 3 04';
            UPDATE cache_entries SET validator = 'modified +5' WHERE id = \(dated.id)
            """)
        let record = try #require(try index.reader().entry(entry.id))
        #expect(record.stamp == nil)
        let error = #expect(throws: IndexError.self) { try index.reader().entry(dated.id) }
        #expect(error?.code == .corrupt)
    }

    @Test("rows of a version without seals are sealed once")
    func migration() async throws {
        let old = try index.reader().runs(of: entry.id)
        try await index.writer.close()
        try await damage(
            """
            ALTER TABLE cache_chunks DROP COLUMN seal;
            ALTER TABLE cache_entries DROP COLUMN seal;
            ALTER TABLE cache_entries DROP COLUMN stamp;
            DELETE FROM grdb_migrations WHERE identifier = '2'
            """)
        let again = try IndexWriter(path: index.path, boot: "boot 1")
        #expect(try again.makeReader().runs(of: entry.id) == old)
        #expect(try again.makeReader().entry(entry.id) == entry)
        try await again.close()
    }
}
