internal import GRDB
internal import NIOConcurrencyHelpers

/// One change of the index: what to do inside the transaction, and whom to tell when it is over.
struct IndexCommand: Sendable {
    /// The commit must survive a power cut: for what a person deleted.
    let isDurable: Bool
    /// Makes the change and returns the report to give once it is committed.
    let execute: @Sendable (Database) throws -> @Sendable () -> Void
    let fail: @Sendable (IndexError) -> Void

    init<Value: Sendable>(
        isDurable: Bool = false, _ change: @escaping @Sendable (Database) throws -> Value,
        completion: @escaping @Sendable (Result<Value, IndexError>) -> Void
    ) {
        self.isDurable = isDurable
        execute = { db in
            let value = try change(db)
            return { completion(.success(value)) }
        }
        fail = { completion(.failure($0)) }
    }
}

/// Gathers changes that come while the writer is busy and commits them together.
///
/// ```
///   append ─▶ pending ─▶ group (one transaction, a savepoint each) ─▶ commit ─▶ reports
///                │  the first one into an empty list orders the group; no timer
/// ```
/// A commit costs more than a row, so the busier it gets the cheaper a row becomes.
final class GroupCommit: Sendable {
    /// Commands in one transaction at most, so that none waits long for its report.
    static let groupLimit = 512

    private struct Pending {
        var commands: [IndexCommand] = []
        var isOrdered = false
        /// What commands that come after the end are told.
        var refusal: IndexError?
        var groupCount: Int64 = 0
    }

    private let queue: DatabaseQueue
    private let failed: @Sendable (IndexError) -> Void
    private let latency: DiskLatency?
    private let writeBack: IndexWriteBack?
    private let watch: SharedMemoryWatch
    private let pending = NIOLockedValueBox(Pending())

    /// - Parameters:
    ///   - latency: Told how long transactions take.
    ///   - writeBack: Asked before and after each transaction.
    ///   - watch: From before the database was opened.
    ///   - failed: Told of every error that a transaction or a command meets.
    init(
        _ queue: DatabaseQueue, latency: DiskLatency? = nil, writeBack: IndexWriteBack? = nil,
        watch: SharedMemoryWatch = SharedMemoryWatch(),
        failed: @escaping @Sendable (IndexError) -> Void
    ) {
        self.queue = queue
        self.latency = latency
        self.writeBack = writeBack
        self.watch = watch
        self.failed = failed
    }

    /// Looks whether the disk has lost some of the index. Then all rows are distrusted, with the next group.
    func look() {
        guard writeBack?.look() != nil else { return }
        append(IndexCommand({ _ in }, completion: { (_: Result<Void, IndexError>) in }))
    }

    /// Looks at the start, before anybody reads: what the one before has left in doubt is so still. Only on the
    /// writer's thread.
    ///
    /// - Throws: When that cannot be noted, or the index is damaged.
    func distrustFirst(_ db: Database) throws {
        guard let writeBack, let losses = writeBack.look() else { return }
        // Some of its pages may be older than others.
        let fault = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? ""
        guard fault == "ok" else {
            throw IndexError(
                IndexError.isUnread(fault) ? .io : .corrupt,
                "the disk did not keep all of the index: \(fault)")
        }
        try db.inTransaction(.immediate) {
            try RunRows.distrustAll(db, rewriting: true)
            return .commit
        }
        settle(losses, db)
    }

    /// Puts on the disk that all rows are distrusted, after the loss of that number.
    private func settle(_ losses: Int, _ db: Database) {
        // What was lost on the way is told by now.
        guard let writeBack, empties(db), writeBack.look() == losses else { return }
        writeBack.settled(losses)
    }

    /// Tries at the end [3].
    private static let lastTries = 3

    /// Looks at the end, when no more groups come, and all is to be on the disk: the log is empty then.
    /// Only on the writer's thread.
    func emptyLast(_ db: Database) throws {
        for _ in 0..<Self.lastTries {
            let emptied = Result { try empty(db) }
            // What was lost on the way is told by now.
            guard let writeBack, let losses = writeBack.look() else { return try emptied.get() }
            try db.inTransaction(.immediate) {
                try RunRows.distrustAll(db)
                return .commit
            }
            settle(losses, db)
        }
        defer { writeBack?.look() }
        try empty(db)
    }

    /// The log is not emptied before it is known that what says which page is where in it was there all the time.
    private func empty(_ db: Database) throws {
        try watch.check()
        _ = try db.checkpoint(.full)
        try watch.check()
        _ = try db.checkpoint(.truncate)
    }

    /// Whether all of the log is in the database, and both are on the disk: it may have lost what comes first in
    /// the log, and who opens the index next would go no further.
    private func empties(_ db: Database) -> Bool {
        do {
            try empty(db)
            return true
        } catch {
            // A reader holds an old view, or the disk fails again: the next group tries it again.
            let error = watch.judged(error)
            if error.isOfDisk || error.code == .struck { failed(error) }
            return false
        }
    }

    /// Transactions made so far.
    var groupCount: Int64 { pending.withLockedValue { $0.groupCount } }

    /// Takes a command. Its report comes exactly once, on the writer's thread or, after `close`,
    /// here.
    func append(_ command: IndexCommand) {
        enum Step {
            case order, ordered
            case refuse(IndexError)
        }
        let step = pending.withLockedValue { pending -> Step in
            if let refusal = pending.refusal { return .refuse(refusal) }
            pending.commands.append(command)
            if pending.isOrdered { return .ordered }
            pending.isOrdered = true
            return .order
        }
        switch step {
        case .order: orderGroup()
        case .ordered: break
        case .refuse(let error): command.fail(error)
        }
    }

    /// Takes no more commands.
    ///
    /// - Parameter error: For those that wait and those that come; nil: those that wait are still to be
    ///   committed, and the others fail with `.closed`.
    /// - Returns: Whether this call closed it.
    func close(failing error: IndexError?) -> Bool {
        let (isFirst, refused) = pending.withLockedValue { pending in
            let isFirst = pending.refusal == nil
            if isFirst { pending.refusal = error ?? IndexError(.closed, "the index is closed") }
            guard error != nil else { return (isFirst, [IndexCommand]()) }
            defer { pending.commands = [] }
            return (isFirst, pending.commands)
        }
        if let error { for command in refused { command.fail(error) } }
        return isFirst
    }

    /// Commits all that is pending, now. Only on the writer's thread.
    func commitAll(_ db: Database) {
        while commitGroup(db) {}
    }

    private func orderGroup() {
        queue.asyncWriteWithoutTransaction { db in
            // One group a turn: other work of the writer's thread gets its turn in between.
            if self.commitGroup(db) { self.orderGroup() }
        }
    }

    /// - Returns: Whether more is pending.
    private func commitGroup(_ db: Database) -> Bool {
        let (group, isMore) = pending.withLockedValue { pending in
            let group = Array(pending.commands.prefix(Self.groupLimit))
            pending.commands.removeFirst(group.count)
            pending.groupCount += group.isEmpty ? 0 : 1
            pending.isOrdered = !pending.commands.isEmpty
            return (group, pending.isOrdered)
        }
        if !group.isEmpty {
            for report in commit(group, db) { report() }
        }
        return isMore
    }

    /// - Returns: The report of each command, to be given outside the transaction.
    private func commit(_ group: [IndexCommand], _ db: Database) -> [@Sendable () -> Void] {
        let isDurable = group.contains(where: \.isDurable)
        do {
            if isDurable { try db.execute(sql: "PRAGMA synchronous = FULL") }
            // Should this fail, the next commits are slower than they need be, and no less right.
            defer { if isDurable { try? db.execute(sql: "PRAGMA synchronous = NORMAL") } }
            let losses = writeBack?.look()
            let reports = try latency.measured {
                try execute(group, db, distrustsAll: losses != nil)
            }
            if let losses { settle(losses, db) }
            noteReader(db)
            // The next group or look sees to it: not at once, for it may be so each time.
            writeBack?.look()
            return reports
        } catch {
            let error = watch.judged(error)
            failed(error)
            return group.map { command in { command.fail(error) } }
        }
    }

    /// The first who reads after a commit notes that in the memory that all connections share, which is
    /// a file: on a disk that hangs, that hangs too. So it is done here, and not on an event loop.
    private func noteReader(_ db: Database) {
        // It is the same to every reader whether it worked.
        _ = try? latency.measured {
            try Row.fetchOne(db.cachedStatement(sql: "SELECT 1 FROM cache_entries LIMIT 1"))
        }
    }

    /// - Parameter distrustsAll: What was recorded before, not what the group records.
    private func execute(
        _ group: [IndexCommand], _ db: Database, distrustsAll: Bool
    ) throws -> [@Sendable () -> Void] {
        var reports: [@Sendable () -> Void] = []
        try db.inTransaction(.immediate) {
            if distrustsAll { try RunRows.distrustAll(db) }
            for command in group {
                var report: @Sendable () -> Void = {}
                do {
                    try db.inSavepoint {
                        report = try command.execute(db)
                        return .commit
                    }
                } catch {
                    // On a full or failing disk SQLite rolls back all of the transaction by itself.
                    guard db.isInsideTransaction else { throw error }
                    let error = watch.judged(error)
                    failed(error)
                    report = { command.fail(error) }
                }
                reports.append(report)
            }
            // It may come of pages as they were before.
            try watch.check()
            return .commit
        }
        return reports
    }
}
