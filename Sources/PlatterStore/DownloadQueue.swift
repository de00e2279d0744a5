internal import GRDB
package import PlatterCore

/// Something a person asked to have on disk.
package struct NewDownload: Hashable, Sendable {
    package var key: CacheKey
    package var url: String
    /// First byte wanted, 0 or more.
    package var start: Int64
    /// The byte after the last one wanted; nil for all of the object.
    package var end: Int64?
    package var priority: FetchPriority
    /// Never evicted.
    package var isPinned: Bool
    /// Seconds since 1970.
    package var createdAt: Int64

    package init(
        key: CacheKey, url: String, start: Int64 = 0, end: Int64? = nil,
        priority: FetchPriority = .medium, isPinned: Bool = false, createdAt: Int64
    ) {
        self.key = key
        self.url = url
        self.start = start
        self.end = end
        self.priority = priority
        self.isPinned = isPinned
        self.createdAt = createdAt
    }
}

/// A row of `cache_download_queue`.
package struct QueuedDownload: Hashable, Sendable, Identifiable {
    package let id: Int64
    package let download: NewDownload
    /// Tries that failed.
    package let attempts: Int64
    /// Seconds since 1970; not before.
    package let nextAttemptAt: Int64
    package let lastError: String?
}

/// The rows of `cache_download_queue`, inside a transaction of the writer.
struct DownloadRows {
    private static let columns = """
        id, key, url, range_start, range_end, priority, pinned, attempts, next_attempt_at, \
        last_error, created_at
        """

    let db: Database

    /// See `IndexWriter.enqueue`.
    func enqueue(_ new: NewDownload) throws -> QueuedDownload {
        try db.execute(
            sql: """
                INSERT INTO cache_download_queue (key, url, range_start, range_end, priority,
                    pinned, attempts, next_attempt_at, created_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7)
                ON CONFLICT (key) DO UPDATE SET
                    url = excluded.url, range_start = min(range_start, excluded.range_start),
                    range_end = max(range_end, excluded.range_end),
                    priority = max(priority, excluded.priority),
                    pinned = max(pinned, excluded.pinned),
                    attempts = 0, next_attempt_at = excluded.next_attempt_at, last_error = NULL
                """,
            arguments: [
                new.key.text, new.url, new.start, new.end, new.priority.rawValue, new.isPinned,
                new.createdAt,
            ])
        let row = try Row.fetchOne(
            db, sql: "SELECT \(Self.columns) FROM cache_download_queue WHERE key = ?",
            arguments: [new.key.text])
        guard let row else { throw IndexError(.other, "the download just queued is not there") }
        return try QueuedDownload(row)
    }

    // The key belongs to it: in an index that was made anew the numbers begin again.

    func noteFailure(_ row: QueuedDownload, error: String, nextAttemptAt: Int64) throws {
        try db.execute(
            sql: """
                UPDATE cache_download_queue
                SET attempts = attempts + 1, last_error = ?, next_attempt_at = ?
                WHERE id = ? AND key = ?
                """, arguments: [error, nextAttemptAt, row.id, row.download.key.text])
    }

    func dequeue(_ row: QueuedDownload) throws -> Bool {
        try db.execute(
            sql: "DELETE FROM cache_download_queue WHERE id = ? AND key = ?",
            arguments: [row.id, row.download.key.text])
        return db.changesCount == 1
    }

    func all() throws -> [QueuedDownload] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT \(Self.columns) FROM cache_download_queue ORDER BY priority DESC, id
                """
        ).map { try QueuedDownload($0) }
    }
}

extension QueuedDownload {
    fileprivate init(_ row: some IndexColumns) throws(IndexError) {
        guard let id = row.integer(0), let key = row.text(1), let url = row.text(2),
            let start = row.integer(3),
            let priority = row.integer(5).flatMap({ FetchPriority(rawValue: Int($0)) }),
            let pinned = row.integer(6), let attempts = row.integer(7),
            let nextAttemptAt = row.integer(8), let createdAt = row.integer(10)
        else {
            throw IndexError(.corrupt, "queue row \(row.integer(0) ?? 0) breaks the schema's rules")
        }
        self.id = id
        download = NewDownload(
            key: CacheKey(key), url: url, start: start, end: row.integer(4), priority: priority,
            isPinned: pinned == 1, createdAt: createdAt)
        self.attempts = attempts
        self.nextAttemptAt = nextAttemptAt
        lastError = row.text(9)
    }
}
