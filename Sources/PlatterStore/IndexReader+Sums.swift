package import PlatterCore

/// How much is recorded. A damaged row may say anything, and promises nothing: only what a writer can
/// have written counts.
extension IndexReader {
    /// Of a row of `cache_chunks`, beside its row of `cache_entries`: it is one that the rules of both
    /// tables allow. What is no number is left out too: to SQLite all text is larger than all numbers.
    private static let isSound = """
        start >= 0 AND "end" > start AND "end" <= complete_length
        AND start / chunk_length = ("end" - 1) / chunk_length
        """

    /// Entries by id, current and superseded, with the sums of their runs.
    ///
    /// - Parameter after: The number of the last entry of the page before.
    package func entries(limit: Int, after: Int64 = 0) throws(IndexError) -> [EntrySummary] {
        let sql = """
            SELECT \(EntryRecord.columns),
                (SELECT ifnull(sum("end" - start), 0) FROM cache_chunks
                    WHERE entry = id AND \(Self.isSound)),
                (SELECT count(*) FROM cache_chunks WHERE entry = id)
            FROM cache_entries WHERE id > ?1 ORDER BY id LIMIT ?2
            """
        return try ask(sql) { (statement, epoch) throws(IndexError) in
            statement.bind(after, at: 1)
            statement.bind(Int64(max(0, limit)), at: 2)
            return try statement.all { (row) throws(IndexError) in
                EntrySummary(
                    entry: try EntryRecord(row, epoch: epoch),
                    presentBytes: row.integer(EntryRecord.columnCount) ?? 0,
                    runCount: row.integer(EntryRecord.columnCount + 1) ?? 0)
            }
        }
    }

    /// Entries of which something is recorded, by id, current and superseded.
    ///
    /// - Parameter after: The number of the last entry of the page before.
    package func entriesWithRuns(
        limit: Int, after: Int64 = 0
    ) throws(IndexError) -> [EntryRecord] {
        let sql = """
            SELECT \(EntryRecord.columns) FROM cache_entries
            WHERE id > ?1 AND EXISTS (
                SELECT 1 FROM cache_chunks WHERE cache_chunks.entry = cache_entries.id)
            ORDER BY id LIMIT ?2
            """
        return try ask(sql) { (statement, epoch) throws(IndexError) in
            statement.bind(after, at: 1)
            statement.bind(Int64(max(0, limit)), at: 2)
            return try statement.all { (row) throws(IndexError) in
                try EntryRecord(row, epoch: epoch)
            }
        }
    }

    /// The sum of all runs of an entry. Reads every row of it.
    package func presentBytes(of entry: EntryID) throws(IndexError) -> Int64 {
        let sql = """
            SELECT ifnull(sum("end" - start), 0) FROM cache_chunks JOIN cache_entries ON id = entry
            WHERE entry = ?1 AND \(Self.isSound)
            """
        return try ask(about: entry, sql) { (statement) throws(IndexError) in
            statement.bind(entry.rawValue, at: 1)
            return try statement.first { $0.integer(0) ?? 0 } ?? 0
        }
    }

    /// The sum of all runs of all entries. Reads every row: for the start and for people, not for a
    /// request.
    package func totalRecordedBytes() throws(IndexError) -> Int64 {
        // In this order: an entry is looked up once, not for each of its rows.
        let sql = """
            SELECT ifnull(sum("end" - start), 0)
            FROM cache_entries CROSS JOIN cache_chunks ON entry = id
            WHERE \(Self.isSound)
            """
        return try ask(sql) { (statement, _) throws(IndexError) in
            try statement.first { $0.integer(0) ?? 0 } ?? 0
        }
    }
}
