internal import GRDB
internal import GRDBSQLite
package import PlatterCore

/// Makes every change of the index, on the one connection that writes and checkpoints.
///
/// Changes are committed in groups, in the order they came. A completion is called once, after the
/// commit, on the writer's thread: it must not block.
package final class IndexWriter: Sendable {
    package typealias Completion<Value> = @Sendable (Result<Value, IndexError>) -> Void

    private let queue: DatabaseQueue
    private let commits: GroupCommit
    private let boot: String

    /// Opens or makes the index and brings its schema up to date.
    ///
    /// - Parameter boot: The running boot; see `BootID`.
    /// - Throws: `.newerSchema`, and then nothing was changed; or what SQLite says.
    package init(path: String, boot: String) throws(IndexError) {
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration)
            let isNewer = try queue.read { try IndexSchema.migrator.hasBeenSuperseded($0) }
            if isNewer {
                throw IndexError(
                    .newerSchema,
                    "a newer Platter wrote \(path); run that one, or choose another folder")
            }
            try IndexSchema.migrator.migrate(queue)
        } catch {
            throw IndexError(error)
        }
        commits = GroupCommit(queue)
        self.boot = boot
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "platter.index"
        configuration.journalMode = .wal  // and synchronous NORMAL with it
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // A file mapped into memory kills the process when it is cut short.
            try db.execute(sql: "PRAGMA mmap_size = 0")
            // After a burst the WAL shrinks to 16 MiB again.
            try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
        }
        return configuration
    }

    /// Why the SQLite in use needs care, or nil. Versions before 3.51.3 can damage a database when
    /// two connections write and checkpoint at the same instant (sqlite.org/wal.html, "WAL-reset
    /// bug").
    package static var libraryWarning: String? {
        let version = sqlite3_libversion_number()
        let isSafe =
            version >= 3_051_003 || 3_050_007..<3_051_000 ~= version
            || 3_044_006..<3_045_000 ~= version
        guard !isSafe else { return nil }
        return "SQLite \(String(cString: sqlite3_libversion())) has the WAL-reset bug: "
            + "let no other program write to the index while Platter runs"
    }

    /// Transactions made so far.
    package var groupCount: Int64 { commits.groupCount }

    // MARK: - Entries

    /// The current entry of a representation, made if need be.
    ///
    /// - Returns: The entry that was there, if it is the same representation with the same chunk
    ///   size; else a new one, and a different current one of the key is superseded in the same
    ///   commit.
    package func openEntry(_ new: NewEntry) async throws(IndexError) -> EntryRecord {
        try await perform { try EntryRows(db: $0).open(new) }
    }

    /// Takes an entry from the front: its key has no current version afterwards. Nothing happens to
    /// an entry that is superseded or gone.
    package func supersede(
        _ entry: EntryID, at time: Int64, completion: @escaping Completion<Void>
    ) {
        append(completion) { try EntryRows(db: $0).supersede(entry, at: time) }
    }

    /// Replaces the stored header fields after a successful revalidation (RFC 9111 section 4.3.4).
    package func refresh(
        _ entry: EntryID, contentType: String?, fields: String,
        completion: @escaping Completion<Void>
    ) {
        append(completion) {
            try EntryRows(db: $0).refresh(entry, contentType: contentType, fields: fields)
        }
    }

    /// Notes when entries were last used, in seconds since 1970. Entries that are gone are left
    /// out, and no time goes backwards.
    package func touch(_ times: [EntryID: Int64], completion: @escaping Completion<Void>) {
        append(completion) { db in
            for (entry, time) in times { try EntryRows(db: db).touch(entry, at: time) }
        }
    }

    /// Forgets an entry and its runs. Only then may its file be removed.
    ///
    /// - Parameter durably: A person wants it gone: it stays gone even if the power fails now.
    /// - Returns: The file that belonged to it.
    package func deleteEntry(
        _ entry: EntryID, durably: Bool = false
    ) async throws(IndexError) -> DataFileName {
        try await perform(isDurable: durably) { try EntryRows(db: $0).delete(entry) }
    }

    // MARK: - Runs

    /// Notes that bytes are in the file. Call it only after they were written.
    ///
    /// Runs that touch inside a chunk become one. A run that is known already is ignored; of those
    /// that overlap in part the side with more bytes of its own stays. All of the runs are recorded
    /// or none: `.entryGone` without the entry, `.constraint` for a run that is not within one chunk.
    package func record(
        _ runs: [StoredRun], in entry: EntryID, completion: @escaping Completion<Void>
    ) {
        append(completion) { [boot] in
            try RunRows(db: $0, entry: entry, boot: boot).record(runs)
        }
    }

    /// Forgets the runs that share a byte with `range`, whole. Only then may their bytes be punched
    /// out. The completion gets the ranges that were forgotten.
    package func drop(
        _ range: ByteRange, of entry: EntryID, completion: @escaping Completion<[ByteRange]>
    ) {
        append(completion) { [boot] in
            try RunRows(db: $0, entry: entry, boot: boot).drop(range)
        }
    }

    /// Trusts a run whose bytes were just compared with its checksum. Nothing happens when the
    /// index has another one there by now.
    package func stampVerified(
        _ run: StoredRun, in entry: EntryID, completion: @escaping Completion<Void>
    ) {
        append(completion) { [boot] in
            try RunRows(db: $0, entry: entry, boot: boot).stampVerified(run)
        }
    }

    /// Trusts no run of an entry until it was checked: after an I/O error on its file, the bytes
    /// written before may be lost although nothing said so.
    package func distrust(_ entry: EntryID, completion: @escaping Completion<Void>) {
        append(completion) { [boot] in
            try RunRows(db: $0, entry: entry, boot: boot).distrust()
        }
    }

    // MARK: - Download queue

    /// Notes a wish. A second one for the same key widens the first: both ranges, the higher
    /// priority, pinned if either is; it is due at once, with its failures forgotten.
    package func enqueue(_ download: NewDownload) async throws(IndexError) -> QueuedDownload {
        try await perform { try DownloadRows(db: $0).enqueue(download) }
    }

    /// Notes a failed try.
    package func noteFailure(
        of download: QueuedDownload.ID, error: String, nextAttemptAt: Int64
    ) async throws(IndexError) {
        try await perform {
            try DownloadRows(db: $0).noteFailure(
                download, error: error, nextAttemptAt: nextAttemptAt)
        }
    }

    /// - Returns: Whether it was there.
    @discardableResult
    package func dequeue(_ download: QueuedDownload.ID) async throws(IndexError) -> Bool {
        try await perform { try DownloadRows(db: $0).dequeue(download) }
    }

    /// All wishes, the most urgent first.
    package func downloads() async throws(IndexError) -> [QueuedDownload] {
        try await perform { try DownloadRows(db: $0).all() }
    }

    // MARK: - The file

    /// Waits until all that was asked for before is committed.
    package func flush() async throws(IndexError) {
        try await perform { _ in }
    }

    /// Commits what is pending and empties the WAL into the database.
    ///
    /// - Throws: `.busy` when a reader holds an old view; the changes are committed all the same.
    package func checkpoint() async throws(IndexError) {
        if commits.isClosed { throw IndexError(.closed, "the index is closed") }
        try await emptyLog()
    }

    /// Commits what is pending, empties the WAL and closes the file. What is asked for later fails
    /// with `.closed`. A second call does nothing.
    package func close() async throws(IndexError) {
        guard commits.close() else { return }
        let emptied: Result<Void, IndexError>
        do throws(IndexError) { emptied = .success(try await emptyLog()) } catch {
            emptied = .failure(error)
        }
        do { try queue.close() } catch { throw IndexError(error) }
        try emptied.get()
    }

    private func emptyLog() async throws(IndexError) {
        let result: Result<Void, IndexError> = await withCheckedContinuation { continuation in
            // Resumed once: the closure runs once, and has one way out.
            queue.asyncWriteWithoutTransaction { [commits] db in
                commits.commitAll(db)
                let result = Result { _ = try db.checkpoint(.truncate) }
                continuation.resume(returning: result.mapError { IndexError($0) })
            }
        }
        try result.get()
    }

    private func append<Value: Sendable>(
        _ completion: @escaping Completion<Value>,
        _ change: @escaping @Sendable (Database) throws -> Value
    ) {
        commits.append(IndexCommand(change, completion: completion))
    }

    private func perform<Value: Sendable>(
        isDurable: Bool = false, _ change: @escaping @Sendable (Database) throws -> Value
    ) async throws(IndexError) -> Value {
        let result: Result<Value, IndexError> = await withCheckedContinuation { continuation in
            // Resumed once: the group commit reports every command exactly once.
            commits.append(
                IndexCommand(isDurable: isDurable, change) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }
}
