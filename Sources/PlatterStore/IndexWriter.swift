internal import GRDB
internal import GRDBSQLite
internal import NIOConcurrencyHelpers
package import PlatterCore

/// Makes every change of the index, on the one connection that writes and checkpoints.
///
/// Changes are committed in groups, in the order they came. A completion is called once, after the
/// commit, on the writer's thread: it must not block.
package final class IndexWriter: Sendable {
    package typealias Completion<Value> = @Sendable (Result<Value, IndexError>) -> Void

    private enum State {
        case open(IndexFile)
        /// Nothing can be asked or changed until `renew`. What people asked for is kept for then.
        case lost([QueuedDownload])
        case closed
    }

    /// Says to whoever reads which file is the index.
    package let life: IndexLife
    private let state: NIOLockedValueBox<State>

    /// Opens or makes the index and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - boot: The running boot; see `BootID`.
    ///   - latency: Told how long commits take.
    /// - Throws: `.newerSchema`, and then nothing was changed; or what SQLite says.
    package convenience init(
        path: String, boot: String, latency: DiskLatency? = nil
    ) throws(IndexError) {
        self.init(
            path: path, boot: boot, latency: latency,
            without: IndexError(.lost, "the index is not open yet"))
        try IndexPlace(path: path).finish()
        try open(epoch: 1)
    }

    /// Begins without an index: every question and every change fails with `.lost` until `renew` has
    /// made one.
    ///
    /// - Parameter loss: Why it cannot be opened. One that is corrupt is set aside.
    package init(
        path: String, boot: String, latency: DiskLatency? = nil, without loss: IndexError
    ) {
        life = IndexLife(path: path, boot: boot, latency: latency, loss: loss)
        state = NIOLockedValueBox(.lost([]))
    }

    /// A way to ask this index, and those that take its place.
    package func makeReader() -> IndexReader { IndexReader(life) }

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
    package var groupCount: Int64 { file?.commits.groupCount ?? 0 }

    private var isClosed: Bool {
        state.withLockedValue { if case .closed = $0 { true } else { false } }
    }

    private var file: IndexFile? {
        state.withLockedValue { if case .open(let file) = $0 { file } else { nil } }
    }

    // MARK: - Entries

    /// The current entry of a representation, made if need be.
    ///
    /// - Returns: The entry that was there, if it is the same representation with the same chunk
    ///   size; else a new one, and a different current one of the key is superseded in the same
    ///   commit.
    package func openEntry(_ new: NewEntry) async throws(IndexError) -> EntryRecord {
        try await perform { try EntryRows(db: $0, epoch: $1).open(new) }
    }

    /// Takes an entry from the front: its key has no current version afterwards. Nothing happens to
    /// an entry that is superseded or gone.
    package func supersede(
        _ entry: EntryID, at time: Int64, completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) {
            try EntryRows(db: $0, epoch: $1).supersede(entry, at: time)
        }
    }

    /// Replaces the stored header fields after a successful revalidation (RFC 9111 section 4.3.4).
    package func refresh(
        _ entry: EntryID, contentType: String?, fields: String,
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) {
            try EntryRows(db: $0, epoch: $1).refresh(
                entry, contentType: contentType, fields: fields)
        }
    }

    /// Notes when entries were last used, in seconds since 1970. Entries that are gone are left
    /// out, and no time goes backwards.
    package func touch(_ times: [EntryID: Int64], completion: @escaping Completion<Void>) {
        append(completion) { db, epoch in
            for (entry, time) in times where entry.epoch == epoch {
                try EntryRows(db: db, epoch: epoch).touch(entry, at: time)
            }
        }
    }

    /// Notes what an entry's file was left like, so that a change by somebody else shows after a
    /// restart. nil: nothing is noted.
    package func note(
        _ stamp: FileStamp?, of entry: EntryID, completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { db, epoch in
            if let stamp { try EntryRows(db: db, epoch: epoch).note(stamp, of: entry) }
        }
    }

    /// Forgets an entry and its runs. Only then may its file be removed.
    ///
    /// - Parameter durably: A person wants it gone: it stays gone even if the power fails now.
    /// - Returns: The file that belonged to it.
    package func deleteEntry(
        _ entry: EntryID, durably: Bool = false
    ) async throws(IndexError) -> DataFileName {
        try await perform(about: entry, isDurable: durably) {
            try EntryRows(db: $0, epoch: $1).delete(entry)
        }
    }

    // MARK: - Runs

    /// Notes that bytes are in the file. Call it only after they were written.
    ///
    /// Runs that touch inside a chunk become one. A run that is known already is ignored; of those
    /// that overlap in part the side with more bytes of its own stays. All of the runs are recorded
    /// or none: `.entryGone` without the entry, `.constraint` for a run that is not within one chunk.
    ///
    /// - Parameter isTrusted: Asked within the commit. false: the bytes may have been changed since they
    ///   were written, and are compared with their checksum before they are served.
    package func record(
        _ runs: [StoredRun], in entry: EntryID,
        isTrusted: @escaping @Sendable () -> Bool = { true },
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            let rows = RunRows(db: db, entry: entry, boot: boot)
            if isTrusted() { try rows.record(runs) } else { try rows.recordUntrusted(runs) }
        }
    }

    /// Forgets the runs that share a byte with `range`, whole. Only then may their bytes be punched
    /// out. The completion gets the ranges that were forgotten.
    ///
    /// - Parameter sparesPinned: None are, if the entry is the current one of a key to be kept.
    package func drop(
        _ range: ByteRange, of entry: EntryID, sparesPinned: Bool = false,
        completion: @escaping Completion<[ByteRange]>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, epoch in
            if sparesPinned, try EntryRows(db: db, epoch: epoch).isPinned(entry) { return [] }
            return try RunRows(db: db, entry: entry, boot: boot).drop(range)
        }
    }

    /// Trusts a run whose bytes were just compared with its checksum. Nothing happens when the
    /// index has another one there by now.
    ///
    /// - Parameter holds: Asked within the commit: whether the bytes are still those that were compared.
    ///   What somebody changed meanwhile has been distrusted by then, or is about to be.
    package func stampVerified(
        _ run: StoredRun, in entry: EntryID, holds: @escaping @Sendable () -> Bool = { true },
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            guard holds() else { return }
            try RunRows(db: db, entry: entry, boot: boot).stampVerified(run)
        }
    }

    // MARK: - Download queue

    /// Notes a wish. A second one for the same key widens the first: both ranges, the higher
    /// priority, pinned if either is; it is due at once, with its failures forgotten.
    package func enqueue(_ download: NewDownload) async throws(IndexError) -> QueuedDownload {
        try await perform { db, _ in try DownloadRows(db: db).enqueue(download) }
    }

    /// Notes a failed try.
    package func noteFailure(
        of download: QueuedDownload, error: String, nextAttemptAt: Int64
    ) async throws(IndexError) {
        try await perform { db, _ in
            try DownloadRows(db: db).noteFailure(
                download, error: error, nextAttemptAt: nextAttemptAt)
        }
    }

    /// - Returns: Whether it was there.
    @discardableResult
    package func dequeue(_ download: QueuedDownload) async throws(IndexError) -> Bool {
        try await perform { db, _ in try DownloadRows(db: db).dequeue(download) }
    }

    /// All wishes, the most urgent first.
    package func downloads() async throws(IndexError) -> [QueuedDownload] {
        try await perform { db, _ in try DownloadRows(db: db).all() }
    }

    // MARK: - The file

    /// Waits until all that was asked for before is committed.
    package func flush() async throws(IndexError) {
        try await perform { _, _ in }
    }

    /// Commits what is pending and empties the WAL into the database.
    ///
    /// - Throws: `.busy` when a reader holds an old view; the changes are committed all the same.
    package func checkpoint() async throws(IndexError) {
        guard let file else { throw IndexError(.closed, "the index is closed") }
        try await file.emptyLog()
    }

    /// Commits what is pending, empties the WAL and closes the file. What is asked for later fails
    /// with `.closed`. A second call does nothing.
    package func close() async throws(IndexError) {
        let last = state.withLockedValue { state in
            defer { state = .closed }
            return state
        }
        guard case .open(let file) = last, file.refuseChanges() else { return }
        let emptied: Result<Void, IndexError>
        do throws(IndexError) { emptied = .success(try await file.emptyLog()) } catch {
            emptied = .failure(error)
        }
        try file.close()
        try emptied.get()
    }

    // MARK: - Loss

    /// - Parameter action: Called on any thread when the index was found useless: it is corrupt, or
    ///   its file has been deleted or replaced. From then on all fails with `.lost`. Must not block.
    package func whenLost(_ action: @escaping @Sendable (IndexError) -> Void) {
        life.whenLost(action)
    }

    /// Looks whether the file is still in its place: SQLite does not notice when it is not. Asks the
    /// file system, so not on an event loop.
    ///
    /// - Parameter isFolderGone: The folder that the file was made for has another place now, or none.
    package func look(isFolderGone: Bool = false) {
        guard let file, isFolderGone || !file.isInPlace else { return }
        life.report(
            IndexError(.replaced, "the index was deleted or replaced while it was in use"),
            from: file.epoch)
    }

    /// Why there is no index at this moment; nil while there is one.
    package var loss: IndexError? { life.loss }

    /// Makes an empty index in the place of one that is useless. That one is kept beside it, and what
    /// people asked for is taken over from it where it can be read. One that only could not be opened
    /// is opened, and one that was away and is back is used again: all that was done to it meanwhile was
    /// done to the same file.
    ///
    /// - Throws: What stands in the way; then all goes on failing with `.lost`.
    package func renew() async throws(IndexError) {
        if isClosed { throw IndexError(.closed, "the index is closed") }
        if let file, life.loss?.code == .replaced, file.isWholeInPlace {
            return life.begin(file.epoch, file.identity)
        }
        await giveUp()
        let downloads: [QueuedDownload] = state.withLockedValue { state in
            if case .lost(let kept) = state { kept } else { [] }
        }
        do throws(IndexError) {
            let place = IndexPlace(path: life.path)
            let isUseless = life.loss.map { $0.code == .corrupt || $0.code == .replaced } ?? false
            if isUseless { try place.setAside() } else { try place.finish() }
            try open(epoch: life.nextEpoch())
        } catch {
            // A fault that is in the way of the same try again must not hide why it was made.
            if error.code == .corrupt { life.note(error) }
            throw error
        }
        for download in downloads { _ = try await enqueue(download.download) }
    }

    /// Takes what can be taken from the file in use, and closes it.
    private func giveUp() async {
        guard let file, file.refuseChanges(IndexError(.lost, "the index was lost")) else { return }
        let downloads = await file.salvageDownloads()
        // Nothing is expected of it any more.
        try? file.close()
        state.withLockedValue { state in
            if case .open = state { state = .lost(downloads) }
        }
    }

    private func open(epoch: UInt64) throws(IndexError) {
        let file = try openFile(epoch)
        let isWanted = state.withLockedValue { state in
            guard case .lost = state else { return false }
            state = .open(file)
            return true
        }
        guard isWanted else {
            try file.close()
            throw IndexError(.closed, "the index is closed")
        }
        life.begin(epoch, file.identity)
    }

    /// Twice where the first try says what a disk that failed once says too: that the file is corrupt, or
    /// that one of those beside it may only be read.
    private func openFile(_ epoch: UInt64) throws(IndexError) -> IndexFile {
        do throws(IndexError) {
            if let file = try openWritable(epoch) { return file }
        } catch {
            guard error.code == .corrupt else { throw error }
        }
        return try openAny(epoch)
    }

    /// - Returns: nil when it may only be read. It is closed then.
    private func openWritable(_ epoch: UInt64) throws(IndexError) -> IndexFile? {
        let file = try openAny(epoch)
        if !file.isReadOnly { return file }
        try file.close()
        return nil
    }

    private func openAny(_ epoch: UInt64) throws(IndexError) -> IndexFile {
        try IndexFile(path: life.path, epoch: epoch, latency: life.latency) { [life] in
            life.report($0, from: epoch)
        }
    }

    // MARK: - Changes

    typealias Change<Value> = @Sendable (Database, _ epoch: UInt64) throws -> Value

    func append<Value: Sendable>(
        _ completion: @escaping Completion<Value>, about entry: EntryID? = nil,
        isDurable: Bool = false, _ change: @escaping Change<Value>
    ) {
        switch state.withLockedValue({ $0 }) {
        case .open(let file) where entry == nil || entry?.epoch == file.epoch:
            let epoch = file.epoch
            file.commits.append(
                IndexCommand(
                    isDurable: isDurable, { try change($0, epoch) }, completion: completion))
        case .open, .lost:
            completion(.failure(IndexError(.lost, "the index that this was for was lost")))
        case .closed: completion(.failure(IndexError(.closed, "the index is closed")))
        }
    }

    private func perform<Value: Sendable>(
        about entry: EntryID? = nil, isDurable: Bool = false, _ change: @escaping Change<Value>
    ) async throws(IndexError) -> Value {
        let result: Result<Value, IndexError> = await withCheckedContinuation { continuation in
            // Resumed once: the group commit reports every command exactly once.
            append(
                { continuation.resume(returning: $0) }, about: entry, isDurable: isDurable, change)
        }
        return try result.get()
    }
}
