package import PlatterCore

/// An entry that eviction may look at.
package struct EvictionRow: Hashable, Sendable {
    package let record: EntryRecord
    /// A person wants this key kept, and this is its current version.
    package let isPinned: Bool
}

/// What eviction asks of the index.
extension IndexReader {
    /// Entries in the order in which they lose their bytes: superseded ones first, then the least
    /// recently used.
    ///
    /// - Parameters:
    ///   - last: The last entry of the page before, nil for the first page.
    ///   - limit: The most entries to return.
    package func evictionRows(
        after last: EntryRecord?, limit: Int
    ) throws(IndexError) -> [EvictionRow] {
        let sql = """
            SELECT \(EntryRecord.columns), superseded_at IS NULL AND EXISTS (
                SELECT 1 FROM cache_download_queue AS wish
                WHERE wish.key = cache_entries.key AND wish.pinned = 1)
            FROM cache_entries
            WHERE (superseded_at IS NULL, accessed_at, id) > (?1, ?2, ?3)
            ORDER BY superseded_at IS NULL, accessed_at, id LIMIT ?4
            """
        return try ask(sql) { (statement, epoch) throws(IndexError) in
            statement.bind(last.map { $0.supersededAt == nil ? 1 : 0 } ?? -1, at: 1)
            statement.bind(last?.accessedAt ?? 0, at: 2)
            statement.bind(last?.id.rawValue ?? 0, at: 3)
            statement.bind(Int64(max(0, limit)), at: 4)
            return try statement.all { (row) throws(IndexError) in
                EvictionRow(
                    record: try EntryRecord(row, epoch: epoch),
                    isPinned: row.integer(EntryRecord.columnCount) == 1)
            }
        }
    }

    /// The last runs of an entry, the very last first.
    ///
    /// - Parameter limit: The most runs to return.
    package func lastRuns(of entry: EntryID, limit: Int) throws(IndexError) -> [ByteRange] {
        let sql = """
            SELECT start, "end" FROM cache_chunks WHERE entry = ?1 ORDER BY start DESC LIMIT ?2
            """
        return try ask(about: entry, sql) { (statement) throws(IndexError) in
            statement.bind(entry.rawValue, at: 1)
            statement.bind(Int64(max(0, limit)), at: 2)
            return try statement.all { (row) throws(IndexError) in
                guard let start = row.integer(0), let end = row.integer(1), 0 <= start,
                    start < end
                else { throw IndexError(.corrupt, "a run breaks the schema's rules") }
                return start..<end
            }
        }
    }

    /// Whether a run of an entry shares a byte with `range`, checked since the last boot or not.
    package func hasRuns(of entry: EntryID, in range: ByteRange) throws(IndexError) -> Bool {
        guard !range.isEmpty else { return false }
        let found = try presence(of: entry, at: range.lowerBound, upTo: range.upperBound)
        return found != .absent(range)
    }
}
