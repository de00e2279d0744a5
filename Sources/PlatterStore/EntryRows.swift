internal import GRDB
internal import PlatterCore

/// The rows of `cache_entries`, inside a transaction of the writer.
struct EntryRows {
    let db: Database
    let epoch: UInt64

    /// See `IndexWriter.openEntry`.
    func open(_ new: NewEntry) throws -> EntryRecord {
        if let current = try current(new.representation.key) {
            if current.representation == new.representation, current.grid == new.grid {
                return current
            }
            try supersede(current.id, at: new.createdAt)
        }
        if new.hasReturned, let former = try former(new) {
            try db.cachedStatement(
                sql: "UPDATE cache_entries SET superseded_at = NULL WHERE id = ?"
            ).execute(arguments: [former.rawValue])
            return try entry(former)
        }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO cache_entries (key, validator, complete_length, chunk_length, file,
                    origin, content_type, fields, created_at, accessed_at, seal)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        let seal = Seal.of(new.representation, chunkLength: new.grid.chunkLength, file: new.file)
        try insert.execute(arguments: [
            new.representation.key.text, new.representation.validator.indexText,
            new.representation.completeLength, new.grid.chunkLength, new.file.text, new.origin,
            new.contentType, new.fields, new.createdAt, new.createdAt, seal,
        ])
        return try entry(EntryID(db.lastInsertedRowID, epoch: epoch))
    }

    /// - Throws: `.entryGone`.
    func entry(_ id: EntryID) throws -> EntryRecord {
        let statement = try db.cachedStatement(
            sql: "SELECT \(EntryRecord.columns) FROM cache_entries WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id.rawValue]) else {
            throw IndexError(.entryGone, "entry \(id) was deleted")
        }
        return try EntryRecord(row, epoch: epoch)
    }

    /// Only what recording needs: it is asked for once per recorded MiB.
    ///
    /// - Throws: `.entryGone`.
    func grid(of id: EntryID) throws -> ChunkGrid {
        let statement = try db.cachedStatement(
            sql: "SELECT chunk_length, complete_length FROM cache_entries WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id.rawValue]) else {
            throw IndexError(.entryGone, "entry \(id) was deleted")
        }
        guard let chunkLength = row.integer(0), let completeLength = row.integer(1),
            let grid = ChunkGrid(chunkLength: chunkLength, completeLength: completeLength)
        else { throw IndexError(.corrupt, "entry \(id) breaks the schema's rules") }
        return grid
    }

    func supersede(_ id: EntryID, at time: Int64) throws {
        try db.cachedStatement(
            sql: """
                UPDATE cache_entries SET superseded_at = ? WHERE id = ? AND superseded_at IS NULL
                """
        ).execute(arguments: [time, id.rawValue])
    }

    func refresh(_ id: EntryID, contentType: String?, fields: String) throws {
        try db.cachedStatement(
            sql: "UPDATE cache_entries SET content_type = ?, fields = ? WHERE id = ?"
        ).execute(arguments: [contentType, fields, id.rawValue])
        guard db.changesCount == 1 else {
            throw IndexError(.entryGone, "entry \(id) was deleted")
        }
    }

    /// Notes may come out of order by so many seconds [1 h]. What is further ahead was noted by a clock
    /// that has been set back since, and would never be evicted.
    private static let disorder: Int64 = 3600

    func touch(_ id: EntryID, at time: Int64) throws {
        try db.cachedStatement(
            sql: """
                UPDATE cache_entries SET accessed_at = ?1
                WHERE id = ?2 AND (accessed_at < ?1 OR accessed_at > ?3)
                """
        ).execute(arguments: [time, id.rawValue, time.addingClamped(Self.disorder)])
    }

    /// See `IndexWriter.recall`.
    func recall(to now: Int64) throws {
        // A clock that shows a time before 1970 tells nothing, and the numbers below must not overflow.
        guard now >= 0 else { return }
        try db.cachedStatement(
            sql: """
                UPDATE cache_entries SET accessed_at = ?1 - ahead.place
                FROM (
                    SELECT id AS number,
                        row_number() OVER (ORDER BY accessed_at DESC, id DESC) - 1 AS place
                    FROM cache_entries WHERE accessed_at > ?1) AS ahead
                WHERE id = ahead.number
                """
        ).execute(arguments: [now])
    }

    func note(_ stamp: FileStamp, of id: EntryID) throws {
        try db.cachedStatement(sql: "UPDATE cache_entries SET stamp = ? WHERE id = ?")
            .execute(arguments: [stamp.text, id.rawValue])
    }

    /// Whether it is the current version of a key that a person wants kept.
    func isPinned(_ id: EntryID) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT 1 FROM cache_entries AS entry JOIN cache_download_queue AS wish USING (key)
                WHERE entry.id = ? AND entry.superseded_at IS NULL AND wish.pinned = 1
                """)
        return try Row.fetchOne(statement, arguments: [id.rawValue]) != nil
    }

    func delete(_ id: EntryID) throws -> DataFileName {
        let file = try entry(id).file
        try db.cachedStatement(sql: "DELETE FROM cache_entries WHERE id = ?")
            .execute(arguments: [id.rawValue])
        return file
    }

    /// The entry of the same version from before it was superseded. What is recorded of it is still true;
    /// one without a row may have been given up.
    private func former(_ new: NewEntry) throws -> EntryID? {
        guard new.representation.validator.isStrong else { return nil }
        let statement = try db.cachedStatement(
            sql: """
                SELECT id FROM cache_entries
                WHERE key = ? AND validator = ? AND complete_length = ? AND chunk_length = ?
                    AND superseded_at IS NOT NULL
                    AND EXISTS (SELECT 1 FROM cache_chunks WHERE entry = cache_entries.id)
                ORDER BY superseded_at DESC, id DESC LIMIT 1
                """)
        let arguments: StatementArguments = [
            new.representation.key.text, new.representation.validator.indexText,
            new.representation.completeLength, new.grid.chunkLength,
        ]
        return try Int64.fetchOne(statement, arguments: arguments).map {
            EntryID($0, epoch: epoch)
        }
    }

    private func current(_ key: CacheKey) throws -> EntryRecord? {
        let statement = try db.cachedStatement(sql: IndexReader.currentEntrySQL)
        return try Row.fetchOne(statement, arguments: [key.text]).map {
            try EntryRecord($0, epoch: epoch)
        }
    }
}

extension Row: IndexColumns {
    func integer(_ column: Int32) -> Int64? {
        let value: DatabaseValue = self[Int(column)]
        return Int64.fromDatabaseValue(value)
    }

    func text(_ column: Int32) -> String? {
        let value: DatabaseValue = self[Int(column)]
        return String.fromDatabaseValue(value)
    }
}
