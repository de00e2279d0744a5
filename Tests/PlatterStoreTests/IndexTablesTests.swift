import Foundation
import GRDB
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("An index whose tables somebody else has changed")
struct IndexTablesTests {
    private let index: TestIndex
    private let reader: IndexReader
    private let entry: EntryRecord
    private let losses = NIOLockedValueBox<[IndexError.Code]>([])

    init() async throws {
        index = try TestIndex()
        reader = index.writer.makeReader()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        #expect(try reader.ranges(of: entry.id) == [0..<100])
        index.writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
    }

    private var lossesSoFar: [IndexError.Code] { losses.withLockedValue { $0 } }

    /// What a person does at the `sqlite3` prompt.
    private func execute(_ sql: String) async throws {
        let person = try DatabaseQueue(path: index.path)
        try await person.write { try $0.execute(sql: sql) }
        try person.close()
    }

    @Test(
        "is given up by a reader that asks it, and begun anew",
        arguments: [
            "DROP TABLE cache_chunks", "ALTER TABLE cache_chunks RENAME TO chunks",
            "ALTER TABLE cache_chunks RENAME COLUMN boot TO boots",
        ])
    func reading(sql: String) async throws {
        try await execute(sql)
        let error = #expect(throws: IndexError.self) {
            try reader.presence(of: entry.id, at: 0, upTo: 10)
        }
        #expect(error?.code == .corrupt)
        #expect(lossesSoFar == [.corrupt])
        try await index.writer.renew()
        #expect(try reader.entry(for: entry.representation.key) == nil)
        #expect(FileManager.default.fileExists(atPath: index.path + ".lost"))
        try await index.writer.record([run(0..<10)], in: try await index.entry().id)
    }

    @Test(
        "is given up by the writer, which does not ask whether its pages are sound",
        arguments: [
            "DROP TABLE cache_download_queue",
            "ALTER TABLE cache_download_queue RENAME COLUMN url TO address",
        ])
    func writing(sql: String) async throws {
        try await execute(sql)
        let wish = NewDownload(
            key: CacheKey("http://origin/wish"), url: "http://origin/wish", createdAt: 1)
        let error = await #expect(throws: IndexError.self) { try await index.writer.enqueue(wish) }
        #expect(error?.code == .corrupt)
        #expect(lossesSoFar == [.corrupt])
        try await index.writer.renew()
        _ = try await index.writer.enqueue(wish)
        #expect(try await index.writer.downloads().map(\.download) == [wish])
    }

    @Test(
        "is told from what SQLite gives the same code",
        arguments: [
            (1, "no such table: cache_chunks", IndexError.Code.corrupt),
            (1, "no such column: boot", .corrupt),
            (1, "table cache_entries has no column named seal", .corrupt),
            (1, "table cache_entries already exists", .corrupt),
            (1, "cannot commit - no transaction is active", .other),
            (5, "database is locked", .busy), (10, "disk I/O error", .io),
        ])
    func kinds(sqliteCode: Int32, message: String, code: IndexError.Code) {
        #expect(IndexError(sqliteCode: sqliteCode, message: message).code == code)
    }
}
