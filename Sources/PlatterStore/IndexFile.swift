internal import GRDB
internal import GRDBSQLite
internal import NIOConcurrencyHelpers
internal import PlatterCore

/// One file that is the index, or was: open for changes on the one connection that makes them.
final class IndexFile: Sendable {
    /// What its entries' numbers belong to; see `EntryID.epoch`.
    let epoch: UInt64
    let commits: GroupCommit
    private let queue: DatabaseQueue
    private let path: String
    /// From before it was opened.
    let watch = SharedMemoryWatch()
    /// Held for as long as the database is open.
    let shared: SharedIndexMemory
    /// The same.
    let writeBack: IndexWriteBack
    private let length: IndexLength
    /// The files at the path when it was opened: the database and what SQLite has beside it.
    private let identities: [FileIdentity?]
    /// Whether nothing can be changed: SQLite opens the files beside the database for reading where it may
    /// not write to them, says nothing, and stays with that.
    let isReadOnly: Bool

    /// Opens or makes the index and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - previous: As of `SharedIndexMemory.prepared`.
    ///   - lost: As of `IndexWriteBack`.
    ///   - failed: Told of every error that a commit meets.
    /// - Throws: `.newerSchema`, and then nothing was changed; or what SQLite says.
    init(
        path: String, epoch: UInt64, latency: DiskLatency?, previous: SharedIndexMemory? = nil,
        lost: (@Sendable (Int32) -> Int32)? = nil,
        failed: @escaping @Sendable (IndexError) -> Void
    ) throws(IndexError) {
        try IndexPlace(path: path).checkRoom()
        // Without it a quota that is used up counts as a disk that fails.
        _ = IndexQuota.isTold
        let prepared = try SharedIndexMemory.prepared(path: path, previous: previous)
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration)
            let (isNewer, isOurs) = try queue.read {
                (try IndexSchema.migrator.hasBeenSuperseded($0), try IndexSchema.isOurs($0))
            }
            if isNewer {
                throw IndexError(
                    .newerSchema,
                    "a newer Platter wrote \(path); run that one, or choose another folder")
            }
            guard isOurs else {
                throw IndexError(.corrupt, "the database is another program's")
            }
            try IndexSchema.migrator.migrate(queue)
            shared = try SharedIndexMemory.confirmed(prepared, path: path)
            identities = try IndexPlace(path: path).identities()
        } catch {
            throw watch.judged(error)
        }
        self.epoch = epoch
        self.path = path
        let doubts = Doubts(path: path, identity: identities[0], watch: watch)
        writeBack = try IndexWriteBack(path: path, identity: identities[0], lost: lost)
        length = IndexLength(descriptor: writeBack.database)
        commits = GroupCommit(queue, latency: latency, writeBack: writeBack, watch: watch) {
            if let error = doubts.judged($0) { failed(error) }
        }
        do {
            // Before anybody can read.
            try queue.writeWithoutTransaction { [commits] in try commits.distrustFirst($0) }
        } catch {
            // All goes to the origin until it can be written.
            throw watch.judged(error)
        }
        isReadOnly = Self.isReadOnly(queue)
    }

    private static func isReadOnly(_ queue: DatabaseQueue) -> Bool {
        do {
            return try queue.writeWithoutTransaction { db in
                // Where the database itself may only be read, no transaction fails that only begins.
                if sqlite3_db_readonly(db.sqliteConnection, nil) == 1 { return true }
                try db.execute(sql: "BEGIN IMMEDIATE; ROLLBACK")
                return false
            }
        } catch {
            return IndexError(error).code == .readOnly
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "platter.index"
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { db in
            // Not by `journalMode`, which writes at every start: that must work on a full disk.
            try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
            // A file mapped into memory kills the process when it is cut short.
            try db.execute(sql: "PRAGMA mmap_size = 0")
            // Not in a file: there may be no folder for it, and a statement that changes many rows needs one.
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            // After a burst the WAL shrinks to 16 MiB again.
            try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
        }
        return configuration
    }

    /// What lay at the path when it was opened; nil when it had gone already.
    var identity: FileIdentity? { identities[0] }

    /// What was done to it at its path since it was opened, as far as can be told: a look that fails says nothing
    /// about the file. SQLite keeps the log where it is for as long as the database is open, and only empties it.
    ///
    /// - Returns: nil when nothing was.
    func loss() -> IndexError? {
        if watch.isStruck { return .struck }
        guard let identity else { return .moved }
        do throws(IndexError) {
            let now = try IndexPlace(path: path).identities()
            if now[0] != identity { return .moved }
            // First: whoever opens one of 0 bytes with SQLite makes it delete the log.
            if length.isCut() { return .cut }
            if let log = identities[1], now[1] != log { return .logMoved }
        } catch {}
        return nil
    }

    /// Whether all that belongs to it is still what was opened.
    var isWholeInPlace: Bool {
        do throws(IndexError) {
            let now = try IndexPlace(path: path).identities()
            return !identities.contains(nil) && now == identities
        } catch {
            return false
        }
    }

    /// Takes no more changes; those that wait fail with `error`, unless one is given: then they are
    /// still made.
    ///
    /// - Returns: Whether this call closed it.
    func refuseChanges(_ error: IndexError? = nil) -> Bool { commits.close(failing: error) }

    /// All wishes, as far as they can be read.
    func salvageDownloads() async -> [QueuedDownload] {
        // What cannot be read any more is what is being given up.
        (try? await queue.read { try DownloadRows(db: $0).all() }) ?? []
    }

    func emptyLog() async throws(IndexError) {
        let result: Result<Void, IndexError> = await withCheckedContinuation { continuation in
            // Resumed once: the closure runs once, and has one way out.
            queue.asyncWriteWithoutTransaction { [commits] db in
                commits.commitAll(db)
                let result = Result { try commits.emptyLast(db) }
                continuation.resume(returning: result.mapError { IndexError($0) })
            }
        }
        try result.get()
    }

    func close() throws(IndexError) {
        if watch.isStruck { keepLog() }
        do { try queue.close() } catch { throw IndexError(error) }
    }

    /// Who closes the database last empties its log, by what the shared memory says of it. That may be nothing by now, while
    /// the log itself has everything, for whoever opens the database next.
    private func keepLog() {
        // What cannot be set leaves it as it would be.
        try? queue.writeWithoutTransaction { db in
            var keeps: Int32 = 1
            sqlite3_file_control(db.sqliteConnection, nil, SQLITE_FCNTL_PERSIST_WAL, &keeps)
            // One that has a limit is cut off all the same.
            try db.execute(sql: "PRAGMA journal_size_limit = -1")
        }
    }

    /// Whether the disk does not give all of a file that nobody has open. Reads it up to there.
    static func isUnread(_ path: String) -> Bool {
        do throws(IndexError) {
            let identity = try FileIdentity.at(path)
            return Doubts(path: path, identity: identity, watch: SharedMemoryWatch())
                .condition == .unread
        } catch {
            return true
        }
    }
}

/// Tells a file that is damaged from a disk that could not be read: SQLite says "corrupt" to both
/// (`SQLITE_IOERR_CORRUPTFS` becomes `SQLITE_CORRUPT`).
private final class Doubts: Sendable {
    enum Condition { case sound, unread, damaged }

    /// Errors that are forgiven in a file's life [3]: what is sound and still called damaged is so where nothing
    /// looks.
    private static let limit = 3

    private let path: String
    private let identity: FileIdentity?
    private let watch: SharedMemoryWatch
    /// What is found holds for so long [5 s]: all the rest of a transaction in which SQLite has found damage
    /// fails with that.
    private static let memory = Duration.seconds(5)

    private let forgiven = NIOLockedValueBox(0)
    private let last = NIOLockedValueBox<(found: Condition, at: ContinuousClock.Instant)?>(nil)

    init(path: String, identity: FileIdentity?, watch: SharedMemoryWatch) {
        self.path = path
        self.identity = identity
        self.watch = watch
    }

    /// - Returns: What is the matter; nil when SQLite said that the file is damaged and it is sound.
    func judged(_ error: IndexError) -> IndexError? {
        guard error.code == .corrupt, error.sqliteCode != 0 else { return error }
        // The pages may well be sound, and a disk that fails says something else.
        if error.isOfOtherTables { return error }
        let found = recentCondition()
        // It has looked through the same memory.
        if watch.isStruck { return .struck }
        switch found {
        case .damaged: return error
        case .unread: return .unread
        case .sound: return forgiven.withLockedValue { $0 } <= Self.limit ? nil : error
        }
    }

    private func recentCondition() -> Condition {
        if let last = last.withLockedValue({ $0 }), last.at.duration(to: .now) < Self.memory {
            return last.found
        }
        let found = condition
        if found == .sound { forgiven.withLockedValue { $0 += 1 } }
        last.withLockedValue { $0 = (found, .now) }
        return found
    }

    /// A look at all of it, or up to the first fault.
    var condition: Condition {
        do throws(IndexError) {
            let connection = try ReadConnection(path: path)
            // Before the first question: see `IndexLife.checkPlace`.
            guard try FileIdentity.at(path) == identity else { return .damaged }
            let check = try ReadStatement(connection, "PRAGMA quick_check(1)")
            let faults = try check.all { $0.text(0) ?? "" }
            if faults == ["ok"] { return .sound }
            return faults.contains(where: IndexError.isUnread) ? .unread : .damaged
        } catch {
            // What stands in the way of the look says nothing of the file.
            return error.code == .corrupt || error.code == .replaced ? .damaged : .unread
        }
    }
}
