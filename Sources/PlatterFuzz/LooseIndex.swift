import Foundation
import GRDB
import PlatterCore
import PlatterStore

/// A database with the tables of the index and none of their rules: rows that no writer would make, as
/// a flipped bit or a strange hand leaves them.
final class LooseIndex {
    let folder: ScratchFolder
    var path: String { folder.path + "/index.sqlite" }
    private let queue: DatabaseQueue

    /// What each execution may write a row of.
    static let chunkLength: Int64 = 65_536
    static let completeLength: Int64 = 600_000

    init() async throws {
        folder = try ScratchFolder()
        try await IndexWriter(path: folder.path + "/index.sqlite", boot: IndexTruth.boot).close()
        queue = try DatabaseQueue(path: folder.path + "/index.sqlite")
        try await queue.writeWithoutTransaction { db in
            try db.execute(
                sql: """
                    PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;
                    PRAGMA foreign_keys = 0
                    """)
            for table in ["cache_chunks", "cache_entries", "cache_download_queue"] {
                let names = try db.columns(in: table).map { $0.name.quotedDatabaseIdentifier }
                try db.execute(sql: "DROP TABLE \(table)")
                try db.execute(sql: "CREATE TABLE \(table) (\(names.joined(separator: ", ")))")
            }
        }
    }

    /// Fills the tables anew.
    ///
    /// - Returns: What the rows say before some of their columns are replaced.
    func fill(_ input: inout FuzzInput) throws -> IndexTruth {
        var source = input
        defer { input = source }
        return try queue.write { db in
            try db.execute(
                sql: """
                    DELETE FROM cache_chunks; DELETE FROM cache_entries;
                    DELETE FROM cache_download_queue
                    """)
            var truth = IndexTruth()
            for number in 0..<Int64(1 + source.below(3)) {
                truth.entries.append(try insertEntry(number, db, &source))
                for _ in 0..<source.below(6) {
                    truth.runs.append(try insertRun(of: number, db, &source))
                }
            }
            for number in 0..<source.below(3) { try insertDownload(number, db, &source) }
            return truth
        }
    }

    // MARK: - Rows

    private func insertEntry(
        _ number: Int64, _ db: Database, _ input: inout FuzzInput
    ) throws -> NewEntry {
        let representation = Representation(
            key: CacheKey("http://origin/\(number)"), validator: .strong(tag: "\"\(number)\""),
            completeLength: Self.completeLength)
        let made = NewEntry(
            representation, chunkLength: Self.chunkLength,
            file: DataFileName(representation, salt: UInt64(number)), origin: "http://origin",
            contentType: "video/mp4", fields: "ETag: \"\(number)\"\n", createdAt: 1000)
        guard let entry = made else { throw Violation(description: "no such grid") }
        let validator = "strong \"\(number)\""
        let seal = IndexTruth.seal(of: entry, validator: validator)
        let values: [DatabaseValue] = [
            number.databaseValue, representation.key.text.databaseValue, validator.databaseValue,
            Self.completeLength.databaseValue, Self.chunkLength.databaseValue,
            entry.file.text.databaseValue, "http://origin".databaseValue, "video/mp4".databaseValue,
            entry.fields.databaseValue, Int64(1000).databaseValue, Int64(1000).databaseValue, .null,
            seal.databaseValue, "1 2 3 4".databaseValue,
        ]
        try insert(values, into: "cache_entries", db, &input)
        return entry
    }

    private func insertRun(
        of entry: Int64, _ db: Database, _ input: inout FuzzInput
    ) throws -> IndexTruth.Run {
        // Overlapping or not, across chunks or not.
        let range = input.range(within: input.oneIn(3) ? Self.completeLength : 100_000)
        let run = StoredRun(
            range: range.isEmpty ? 0..<1 : range, crc32c: UInt32(truncatingIfNeeded: input.next()))
        let boot = input.oneIn(3) ? "boot 0" : IndexTruth.boot
        let values: [DatabaseValue] = [
            entry.databaseValue, run.range.lowerBound.databaseValue,
            run.range.upperBound.databaseValue, Int64(run.crc32c).databaseValue,
            boot.databaseValue, IndexTruth.seal(of: run, entry: entry).databaseValue,
        ]
        try insert(values, into: "cache_chunks", db, &input)
        return IndexTruth.Run(entry: entry, run: run, boot: boot)
    }

    private func insertDownload(_ number: Int, _ db: Database, _ input: inout FuzzInput) throws {
        let values: [DatabaseValue] = [
            number.databaseValue, "http://origin/\(number)".databaseValue,
            "http://origin/\(number)".databaseValue, input.number().databaseValue,
            input.number().databaseValue, input.below(5).databaseValue, 1.databaseValue,
            input.number().databaseValue, input.number().databaseValue, .null,
            input.number().databaseValue,
        ]
        try insert(values, into: "cache_download_queue", db, &input)
    }

    /// One row in two has a column of another value, or of another type.
    private func insert(
        _ values: [DatabaseValue], into table: String, _ db: Database, _ input: inout FuzzInput
    ) throws {
        var values = values
        if input.oneIn(2) {
            for _ in 0...input.below(2) { values[input.below(values.count)] = odd(&input) }
        }
        let marks = Array(repeating: "?", count: values.count).joined(separator: ", ")
        try db.cachedStatement(sql: "INSERT INTO \(table) VALUES (\(marks))")
            .execute(arguments: StatementArguments(values))
    }

    private static let texts = Corpus(
        ["", "boot 1", "http://origin/0", "strong ", "modified 1", "absent", "1 2 3 4", "12", "x"],
        tokens: ["strong ", "weak ", "modified ", "9223372036854775808"])

    private func odd(_ input: inout FuzzInput) -> DatabaseValue {
        switch input.below(7) {
        case 0: .null
        case 1: input.pick([1e300, -1e300, 0.5, -0.0, .infinity, 65_536.0]).databaseValue
        case 2: input.text(Self.texts).databaseValue
        case 3: Data(input.bytes(Self.texts)).databaseValue
        case 4: input.digits().databaseValue
        default: input.number().databaseValue
        }
    }
}
