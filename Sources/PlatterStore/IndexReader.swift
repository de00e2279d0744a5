package import PlatterCore

/// Asks the index what is on disk. One per event loop or thread: a question takes a few
/// microseconds, is answered from the database itself each time, and leaves nothing open.
///
/// A row that anyone deleted is therefore gone at the next question.
package final class IndexReader {
    /// Rows looked at by one question about presence. A longer present stretch is told in parts.
    package static let presenceRowLimit = 64

    /// Entry, position, limit, boot. The last row that starts at or before the position, and those
    /// after it. Rows of an entry never overlap, so no earlier row can hold the position.
    package static let presenceSQL = """
        SELECT start, "end", crc32c, boot = ?4 FROM cache_chunks
        WHERE entry = ?1 AND start < ?3 AND start >= ifnull(
            (SELECT max(start) FROM cache_chunks WHERE entry = ?1 AND start <= ?2), ?2)
        ORDER BY start LIMIT \(presenceRowLimit)
        """
    package static let currentEntrySQL = """
        SELECT \(EntryRecord.columns) FROM cache_entries WHERE key = ?1 AND superseded_at IS NULL
        """

    let connection: ReadConnection
    private let boot: String
    private let currentEntry: ReadStatement
    private let entryByID: ReadStatement
    private let presence: ReadStatement

    /// Opens the index that an `IndexWriter` has opened before.
    ///
    /// - Parameter boot: The running boot; see `BootID`.
    package init(path: String, boot: String) throws(IndexError) {
        connection = try ReadConnection(path: path)
        self.boot = boot
        currentEntry = try ReadStatement(connection, Self.currentEntrySQL)
        entryByID = try ReadStatement(
            connection, "SELECT \(EntryRecord.columns) FROM cache_entries WHERE id = ?1")
        presence = try ReadStatement(connection, Self.presenceSQL)
        presence.bind(boot, at: 4)
    }

    /// The current version of a key, or nil when nothing is known of it.
    package func entry(for key: CacheKey) throws(IndexError) -> EntryRecord? {
        currentEntry.bind(key.text, at: 1)
        return try currentEntry.first { (row) throws(IndexError) in try EntryRecord(row) }
    }

    /// A version, current or not.
    package func entry(_ id: EntryID) throws(IndexError) -> EntryRecord? {
        entryByID.bind(id.rawValue, at: 1)
        return try entryByID.first { (row) throws(IndexError) in try EntryRecord(row) }
    }

    /// What is known of the bytes of an entry from `position` on.
    ///
    /// - Parameters:
    ///   - position: 0 or more.
    ///   - limit: The byte after the last one of interest.
    /// - Returns: The first stretch of one kind; it starts at `position` and ends at `limit` at the
    ///   latest, save for an unverified run, which is whole. An unknown entry has no bytes.
    package func presence(
        of entry: EntryID, at position: Int64, upTo limit: Int64
    ) throws(IndexError) -> Presence {
        guard position >= 0, position < limit else { return .absent(position..<position) }
        presence.bind(entry.rawValue, at: 1)
        presence.bind(position, at: 2)
        presence.bind(limit, at: 3)
        var scan = PresenceScan(wanted: position..<limit)
        try presence.run { (row) throws(IndexError) in scan.add(try RecordedRun(row)) }
        return scan.presence
    }

    /// The runs of an entry in order, for maps and checks.
    ///
    /// - Parameters:
    ///   - start: Leaves out runs that start before it.
    ///   - limit: The most runs to return.
    package func runs(
        of entry: EntryID, from start: Int64 = 0, limit: Int = 10_000
    ) throws(IndexError) -> [RecordedRun] {
        let statement = try ReadStatement(
            connection,
            """
            SELECT start, "end", crc32c, boot = ?4 FROM cache_chunks
            WHERE entry = ?1 AND start >= ?2 ORDER BY start LIMIT ?3
            """)
        statement.bind(entry.rawValue, at: 1)
        statement.bind(start, at: 2)
        statement.bind(Int64(max(0, limit)), at: 3)
        statement.bind(boot, at: 4)
        var runs: [RecordedRun] = []
        try statement.run { (row) throws(IndexError) in
            runs.append(try RecordedRun(row))
            return true
        }
        return runs
    }

    /// Entries by id, current and superseded, with the sums of their runs.
    ///
    /// - Parameter after: The last entry of the page before.
    package func entries(
        limit: Int, after: EntryID = EntryID(0)
    ) throws(IndexError) -> [EntrySummary] {
        let statement = try ReadStatement(
            connection,
            """
            SELECT \(EntryRecord.columns),
                (SELECT ifnull(sum("end" - start), 0) FROM cache_chunks WHERE entry = id),
                (SELECT count(*) FROM cache_chunks WHERE entry = id)
            FROM cache_entries WHERE id > ?1 ORDER BY id LIMIT ?2
            """)
        statement.bind(after.rawValue, at: 1)
        statement.bind(Int64(max(0, limit)), at: 2)
        var summaries: [EntrySummary] = []
        try statement.run { (row) throws(IndexError) in
            summaries.append(
                EntrySummary(
                    entry: try EntryRecord(row),
                    presentBytes: row.integer(EntryRecord.columnCount) ?? 0,
                    runCount: row.integer(EntryRecord.columnCount + 1) ?? 0))
            return true
        }
        return summaries
    }

    /// The sum of all runs of an entry. Reads every row of it.
    package func presentBytes(of entry: EntryID) throws(IndexError) -> Int64 {
        let statement = try ReadStatement(
            connection, #"SELECT ifnull(sum("end" - start), 0) FROM cache_chunks WHERE entry = ?1"#)
        statement.bind(entry.rawValue, at: 1)
        return try statement.first { $0.integer(0) ?? 0 } ?? 0
    }

    /// The sum of all runs of all entries. Reads every row: for the start and for people, not for a
    /// request.
    package func totalRecordedBytes() throws(IndexError) -> Int64 {
        let statement = try ReadStatement(
            connection, #"SELECT ifnull(sum("end" - start), 0) FROM cache_chunks"#)
        return try statement.first { $0.integer(0) ?? 0 } ?? 0
    }
}

@available(*, unavailable)
extension IndexReader: Sendable {}
