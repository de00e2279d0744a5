internal import GRDB
internal import GRDBSQLite
internal import NIOConcurrencyHelpers
internal import PlatterCore

/// Makes every change of the index, on the one connection that writes and checkpoints.
///
/// Changes are committed in groups, in the order they came. A completion is called once, after the
/// commit, on the writer's thread: it must not block.
package final class IndexWriter: Sendable {
    package typealias Completion<Value> = @Sendable (Result<Value, IndexError>) -> Void

    enum State {
        case open(IndexFile)
        /// Nothing can be asked or changed until `renew`. What people asked for is kept for then.
        case lost([QueuedDownload])
        case closed
    }

    /// Says to whoever reads which file is the index.
    package let life: IndexLife
    let state: NIOLockedValueBox<State>
    /// Of the last file that was opened. Not released with that, for readers may have it open still.
    private let shared = NIOLockedValueBox<SharedIndexMemory?>(nil)

    /// Opens or makes the index and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - boot: The running boot; see `BootID`.
    ///   - latency: Told how long commits take.
    ///   - lost: Says at once whether bytes of the file of a descriptor were lost on their way to the disk: 0, or the
    ///     number of the error. nil asks the system.
    /// - Throws: `.newerSchema`, and then nothing was changed; or what SQLite says.
    package convenience init(
        path: String, boot: String, latency: DiskLatency? = nil,
        lost: (@Sendable (Int32) -> Int32)? = nil
    ) throws(IndexError) {
        self.init(
            path: path, boot: boot, latency: latency,
            without: IndexError(.lost, "the index is not open yet"), lost: lost)
        try IndexPlace(path: path).finish()
        try open(epoch: 1)
    }

    /// Begins without an index: every question and every change fails with `.lost` until `renew` has
    /// made one.
    ///
    /// - Parameter loss: Why it cannot be opened. One that is corrupt is set aside.
    package init(
        path: String, boot: String, latency: DiskLatency? = nil, without loss: IndexError,
        lost: (@Sendable (Int32) -> Int32)? = nil
    ) {
        life = IndexLife(path: path, boot: boot, latency: latency, loss: loss, lost: lost)
        state = NIOLockedValueBox(.lost([]))
    }

    /// A way to ask this index, and those that take its place.
    package func makeReader() -> IndexReader { IndexReader(life) }

    /// Why the SQLite in use needs care, or nil.
    package static var libraryWarning: String? { warning(of: sqlite3_libversion_number()) }

    /// Versions before 3.51.3 can damage a database when two connections write and checkpoint at the same instant
    /// (sqlite.org/wal.html, "WAL-reset bug").
    ///
    /// - Parameter version: 3.51.3 is 3,051,003.
    static func warning(of version: Int32) -> String? {
        let isSafe =
            version >= 3_051_003 || 3_050_007..<3_051_000 ~= version
            || 3_044_006..<3_045_000 ~= version
        guard !isSafe else { return nil }
        let name = "\(version / 1_000_000).\(version / 1000 % 1000).\(version % 1000)"
        return
            "SQLite \(name) has the WAL-reset bug: let no other program write to the index while Platter runs"
    }

    /// Transactions made so far.
    package var groupCount: Int64 { file?.commits.groupCount ?? 0 }

    var isClosed: Bool {
        state.withLockedValue { if case .closed = $0 { true } else { false } }
    }

    var file: IndexFile? {
        state.withLockedValue { if case .open(let file) = $0 { file } else { nil } }
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

    /// Commits what is pending, empties the WAL and closes the file. Where the disk keeps losing what is written
    /// of it the next one finds a mark and compares all rows; without a mark it is set aside. What is asked for
    /// later fails with `.closed`. A second call does nothing.
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
        let closed: Result<Void, IndexError>
        do throws(IndexError) { closed = .success(try file.close()) } catch {
            closed = .failure(error)
        }
        // What stays in the way of that stays as it is: whoever opens it next finds out.
        if file.watch.isStruck { try? wipeShared() }
        // What SQLite has written last may be lost too.
        file.writeBack.look()
        // Who opens it next may find rows as they were some time before, and would believe them.
        if file.writeBack.isDoubted, !file.writeBack.mark() {
            try IndexPlace(path: life.path).setAside()
        }
        try closed.get()
        try emptied.get()
    }

    // MARK: - Opening

    func open(epoch: UInt64) throws(IndexError) {
        try IndexPlace(path: life.path).checkKinds()
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
        life.begin(epoch, file.identity, file.watch)
    }

    /// Twice where the first try says what a disk that failed once says too: that the file is corrupt, or
    /// that one of those beside it may only be read.
    private func openFile(_ epoch: UInt64) throws(IndexError) -> IndexFile {
        do throws(IndexError) {
            if let file = try openWritable(epoch) { return file }
        } catch {
            guard error.code == .corrupt || error.code == .readOnly else { throw error }
        }
        do throws(IndexError) {
            return try openAny(epoch)
        } catch {
            // It may be so for a while, or for good: that is for others to find out.
            guard error.code == .corrupt, IndexFile.isUnread(life.path) else { throw error }
            throw .unread
        }
    }

    /// - Returns: nil when it may only be read. It is closed then.
    private func openWritable(_ epoch: UInt64) throws(IndexError) -> IndexFile? {
        let file = try openAny(epoch)
        if !file.isReadOnly { return file }
        try file.close()
        return nil
    }

    /// What lies in the file may be older than what this process had in the place of some of its pages.
    func wipeShared() throws(IndexError) {
        try shared.withLockedValue { $0 }?.wipe()
    }

    private func openAny(_ epoch: UInt64) throws(IndexError) -> IndexFile {
        let file = try IndexFile(
            path: life.path, epoch: epoch, latency: life.latency,
            previous: shared.withLockedValue { $0 }, lost: life.lost
        ) { [life] in
            life.report($0, from: epoch)
        }
        shared.withLockedValue { $0 = file.shared }
        return file
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

    func perform<Value: Sendable>(
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
