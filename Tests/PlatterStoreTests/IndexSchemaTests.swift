import Foundation
import GRDB
import PlatterCore
import PlatterStore
import Testing

/// What a person at the `sqlite3` prompt may and may not do.
@Suite("The schema")
struct IndexSchemaTests {
    let index: TestIndex
    let person: DatabaseQueue
    let entry: EntryRecord

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry()
        try await index.writer.record([run(0..<10), run(100..<200)], in: entry.id)
        person = try DatabaseQueue(path: index.path)
    }

    static let file = String(repeating: "0", count: 32) + "-" + String(repeating: "0", count: 16)

    private static func row(
        key: String = "'k'", validator: String = "'absent'", length: String = "10",
        chunk: String = "65536", file: String = "'\(file)'", origin: String = "'o'",
        fields: String = "''"
    ) -> String {
        """
        INSERT INTO cache_entries (key, validator, complete_length, chunk_length, file, origin,
            fields, created_at, accessed_at)
        VALUES (\(key), \(validator), \(length), \(chunk), \(file), \(origin), \(fields), 0, 0)
        """
    }

    private static func chunk(
        entry: String = "1", start: String = "20", end: String = "30", crc: String = "0",
        boot: String = "'b'"
    ) -> String {
        """
        INSERT INTO cache_chunks (entry, start, "end", crc32c, boot)
        VALUES (\(entry), \(start), \(end), \(crc), \(boot))
        """
    }

    @Test(
        "a row that keeps the rules is taken",
        arguments: [
            row(), row(validator: "'strong \"x\"'"), row(validator: "'weak \"x\"'"),
            row(validator: "'modified -5'"), row(validator: "'weakly-modified 99'"),
            row(length: "0"), row(chunk: "1073741824"), chunk(), chunk(start: "10", end: "100"),
            chunk(start: "65536", end: "131072"), chunk(crc: "4294967295"),
            "DELETE FROM cache_chunks", "DELETE FROM cache_entries",
            "UPDATE cache_chunks SET boot = 'x'",
        ])
    func taken(sql: String) async throws {
        try await person.write { try $0.execute(sql: sql) }
    }

    @Test(
        "a row that breaks a rule is refused",
        arguments: [
            row(key: "NULL"), row(key: "'http://origin/a'"), row(validator: "'etag'"),
            row(validator: "''"), row(validator: "'modified x'"), row(validator: "'modified 1x'"),
            row(length: "-1"), row(length: "'x'"), row(length: "1.5"), row(length: "NULL"),
            row(chunk: "65535"), row(chunk: "1073741825"), row(file: "'../../etc/passwd'"),
            row(file: "'\(file)0'"), row(file: "NULL"), row(origin: "NULL"), row(fields: "NULL"),
            chunk(entry: "99"), chunk(start: "-1"), chunk(start: "30"), chunk(end: "19"),
            chunk(start: "'x'"), chunk(end: "'x'"), chunk(crc: "-1"), chunk(crc: "4294967296"),
            chunk(crc: "'x'"), chunk(crc: "NULL"), chunk(boot: "NULL"),
            chunk(start: "0", end: "1"), chunk(start: "5", end: "15"), chunk(start: "9", end: "10"),
            chunk(start: "50", end: "101"), chunk(start: "50", end: "250"),
            chunk(start: "120", end: "130"), chunk(start: "65535", end: "65537"),
            chunk(start: "524287", end: "524289"), chunk(start: "524288", end: "524289"),
            "UPDATE cache_chunks SET \"end\" = \"end\" - 1", "UPDATE cache_chunks SET crc32c = 1",
            "UPDATE cache_entries SET complete_length = 1", "UPDATE cache_entries SET key = 'x'",
            "UPDATE cache_entries SET chunk_length = 65537",
            "UPDATE cache_entries SET seal = 1", "UPDATE cache_chunks SET seal = 1",
        ])
    func refused(sql: String) async throws {
        let error = await #expect(throws: DatabaseError.self) {
            try await person.write { try $0.execute(sql: sql) }
        }
        #expect(error?.resultCode == .SQLITE_CONSTRAINT)
    }

    @Test("the runs of a deleted entry go with it")
    func cascade() async throws {
        try await person.write { try $0.execute(sql: "DELETE FROM cache_entries") }
        #expect(try index.reader().totalRecordedBytes() == 0)
    }

    @Test("an index of a newer version is refused and left as it is")
    func newer() async throws {
        try await index.writer.close()
        try await person.write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('from the future')")
        }
        let before = try await person.read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
        let error = #expect(throws: IndexError.self) {
            try IndexWriter(path: index.path, boot: "b")
        }
        #expect(error?.code == .newerSchema)
        let after = try await person.read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
        #expect(before == after)
    }

    @Test("a file that is no database is corrupt")
    func garbage() throws {
        let path = index.folder.path + "/garbage.sqlite"
        try Data(repeating: 0x55, count: 8_192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: IndexError.self) { try IndexWriter(path: path, boot: "b") }
        #expect(error?.code == .corrupt)
    }

    @Test("a reader makes no index where there is none")
    func absent() {
        let path = index.folder.path + "/none.sqlite"
        let error = #expect(throws: IndexError.self) { try IndexReader(path: path, boot: "b") }
        #expect(error?.code == .cannotOpen)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
