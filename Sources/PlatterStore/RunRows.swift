internal import GRDB
internal import PlatterCore

/// The rows of `cache_chunks` of one entry, inside a transaction of the writer.
struct RunRows {
    /// Boots that never run: a row with one is checked before it is served. The second one says that a
    /// failure of the disk is why.
    static let distrusted = "distrusted"
    static let failed = "failed"

    let db: Database
    let entry: EntryID
    let boot: String

    /// See `IndexWriter.record`.
    func record(_ runs: [StoredRun]) throws {
        let grid = try EntryRows(db: db, epoch: entry.epoch).grid(of: entry)
        for run in runs { try record(run, grid) }
    }

    /// In the place of all rows that they overlap, and joined with none.
    func recordUntrusted(_ runs: [StoredRun]) throws {
        let grid = try EntryRows(db: db, epoch: entry.epoch).grid(of: entry)
        for run in runs where grid.chunk(holding: run.range) != nil {
            _ = try drop(run.range)
            try insert(run, boot: Self.distrusted)
        }
    }

    private func record(_ run: StoredRun, _ grid: ChunkGrid) throws {
        guard let chunk = grid.chunk(holding: run.range) else {
            throw IndexError(.constraint, "\(run.range) is not within one chunk of entry \(entry)")
        }
        let near = try rows(near: run.range)
        let overlapping = near.filter { $0.run.range.overlaps(run.range) }
        if Self.isKnown(run, from: overlapping) { return }
        if Self.holdMore(overlapping, than: run) { return }
        for row in overlapping { try delete(row.run) }
        var merged = run
        for row in near where row.isVerified && chunk.contains(row.run.range.lowerBound) {
            guard let joined = row.run.joined(with: merged) ?? merged.joined(with: row.run) else {
                continue
            }
            try delete(row.run)
            merged = joined
        }
        try insert(merged, boot: boot)
    }

    /// Trusts a row from now on, if it is still the one that was checked.
    func stampVerified(_ run: StoredRun) throws {
        guard try delete(run) else { return }
        try record([run])
    }

    func distrust(because doubt: Doubt) throws {
        try db.cachedStatement(sql: "UPDATE cache_chunks SET boot = ? WHERE entry = ?")
            .execute(arguments: [Self.boot(of: doubt), entry.rawValue])
    }

    /// One row, if it is still the one that was compared, and trusted.
    func distrust(_ run: StoredRun, because doubt: Doubt) throws {
        let sql = """
            UPDATE cache_chunks SET boot = ?
            WHERE entry = ? AND start = ? AND "end" = ? AND crc32c = ? AND boot = ?
            """
        try db.cachedStatement(sql: sql).execute(arguments: [
            Self.boot(of: doubt), entry.rawValue, run.range.lowerBound, run.range.upperBound,
            Int64(run.crc32c), boot,
        ])
    }

    private static func boot(of doubt: Doubt) -> String {
        switch doubt {
        case .excused: distrusted
        case .failure: failed
        }
    }

    /// All rows of all entries are to be compared before they are served.
    ///
    /// - Parameter rewriting: Writes also those that say so: the disk may have them as they were before.
    static func distrustAll(_ db: Database, rewriting: Bool = false) throws {
        guard rewriting else {
            return try db.execute(
                sql: "UPDATE cache_chunks SET boot = ?1 WHERE boot NOT IN (?1, ?2)",
                arguments: [distrusted, failed])
        }
        // SQLite leaves a row alone that would stay the same.
        try db.execute(sql: "UPDATE cache_chunks SET boot = boot || ' '")
        try db.execute(
            sql: "UPDATE cache_chunks SET boot = iif(rtrim(boot) = ?2, ?2, ?1)",
            arguments: [distrusted, failed])
    }

    /// Whether the row is still there and its bytes were right in this boot, or the disk has failed
    /// since: nothing else explains that they are not.
    func isUnexcused(_ run: StoredRun) throws -> Bool {
        let sql = """
            SELECT boot FROM cache_chunks WHERE entry = ? AND start = ? AND "end" = ? AND crc32c = ?
            """
        let arguments: StatementArguments = [
            entry.rawValue, run.range.lowerBound, run.range.upperBound, Int64(run.crc32c),
        ]
        let found = try String.fetchOne(try db.cachedStatement(sql: sql), arguments: arguments)
        return found == boot || found == Self.failed
    }

    /// - Returns: The ranges whose rows are gone.
    func drop(_ range: ByteRange) throws -> [ByteRange] {
        let dropped = try rows(near: range).map(\.run).filter { $0.range.overlaps(range) }
        for run in dropped { try delete(run) }
        return dropped.map(\.range)
    }

    /// Whether the rows already say all that the run says. They do not if one of them is for the
    /// very same bytes and has another checksum or is not trusted: the run's bytes were written
    /// last.
    private static func isKnown(_ run: StoredRun, from rows: [RecordedRun]) -> Bool {
        var end = run.range.lowerBound
        for row in rows {
            if row.run.range == run.range { return row.run == run && row.isVerified }
            guard row.run.range.lowerBound <= end else { return false }
            end = row.run.range.upperBound
        }
        return end >= run.range.upperBound
    }

    /// Whether the rows know more bytes of their own than the run does. A checksum cannot be cut, so
    /// either the run is not recorded or the rows go, and what only the loser knew is fetched again:
    /// that must not be a chunk for the sake of the few bytes by which two flights met.
    private static func holdMore(_ rows: [RecordedRun], than run: StoredRun) -> Bool {
        var shared: Int64 = 0
        var alone: Int64 = 0
        for row in rows {
            let common = row.run.range.intersection(run.range)?.length ?? 0
            shared = shared.addingClamped(common)
            alone = alone.addingClamped(row.run.range.length - common)
        }
        return alone > 0 && alone >= run.range.length - shared
    }

    /// The rows that share a byte with the range or touch it, in order, and perhaps the one before.
    private func rows(near range: ByteRange) throws -> [RecordedRun] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(RecordedRun.columns) FROM cache_chunks
                WHERE entry = ?1 AND start <= ?3 AND start >= ifnull(
                    (SELECT max(start) FROM cache_chunks WHERE entry = ?1 AND start < ?2), ?2)
                ORDER BY start
                """)
        let arguments: StatementArguments = [
            entry.rawValue, range.lowerBound, range.upperBound, boot,
        ]
        return try Row.fetchAll(statement, arguments: arguments).map {
            try RecordedRun($0, of: entry)
        }
    }

    @discardableResult
    private func delete(_ run: StoredRun) throws -> Bool {
        try db.cachedStatement(
            sql: """
                DELETE FROM cache_chunks WHERE entry = ? AND start = ? AND "end" = ? AND crc32c = ?
                """
        ).execute(arguments: [
            entry.rawValue, run.range.lowerBound, run.range.upperBound, Int64(run.crc32c),
        ])
        return db.changesCount == 1
    }

    private func insert(_ run: StoredRun, boot: String) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO cache_chunks (entry, start, "end", crc32c, boot, seal)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            entry.rawValue, run.range.lowerBound, run.range.upperBound, Int64(run.crc32c), boot,
            Seal.of(run, in: entry),
        ])
    }
}
