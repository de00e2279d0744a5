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
        SELECT \(RecordedRun.columns) FROM cache_chunks
        WHERE entry = ?1 AND start < ?3 AND start >= ifnull(
            (SELECT max(start) FROM cache_chunks WHERE entry = ?1 AND start <= ?2), ?2)
        ORDER BY start LIMIT \(presenceRowLimit)
        """
    package static let currentEntrySQL = """
        SELECT \(EntryRecord.columns) FROM cache_entries WHERE key = ?1 AND superseded_at IS NULL
        """

    private let life: IndexLife
    private let lease: IndexLease
    private var statements: Statements?
    /// What SQLite was asked of entries and their bytes; the rest was known.
    private(set) var questionCount = 0

    /// What is compiled for one index file.
    private struct Statements {
        let epoch: UInt64
        let connection: ReadConnection
        let currentEntry: ReadStatement
        let entryByID: ReadStatement
        let presence: ReadStatement
        let answers = IndexAnswers()

        init(_ life: IndexLife, epoch: UInt64) throws(IndexError) {
            self.epoch = epoch
            connection = try ReadConnection(path: life.path, leases: life.leases)
            // After it counts as open: who has been waited for opens nothing more.
            try life.check(epoch)
            try life.checkPlace()
            currentEntry = try ReadStatement(connection, IndexReader.currentEntrySQL)
            entryByID = try ReadStatement(
                connection, "SELECT \(EntryRecord.columns) FROM cache_entries WHERE id = ?1")
            presence = try ReadStatement(connection, IndexReader.presenceSQL)
            presence.bind(life.boot, at: 4)
        }
    }

    /// Reads the index that an `IndexWriter` has opened, and those that take its place.
    init(_ life: IndexLife) {
        self.life = life
        lease = life.leases.make()
    }

    /// Opens an index that is there, for reading only and on its own.
    ///
    /// - Parameter boot: The running boot; see `BootID`.
    package convenience init(path: String, boot: String) throws(IndexError) {
        self.init(IndexLife(path: path, boot: boot))
        try ask { (_) throws(IndexError) in }
    }

    /// Opens the index now, so that the first question need not wait for the disk.
    package func prepare() {
        // If it cannot be opened the first question says so.
        try? ask { (_) throws(IndexError) in }
    }

    /// An index cannot be opened for writing again as long as somebody has it open who found it read-only.
    ///
    /// - Parameter action: Calls `letGo`, on the reader's own thread. Called on any thread; must not block.
    package func whenToLetGo(_ action: @escaping @Sendable () -> Void) { lease.whenAsked(action) }

    /// Closes what was opened of an index that is not in use any more.
    package func letGo() {
        if let statements, (try? life.epoch) != statements.epoch { self.statements = nil }
    }

    private func statements(for epoch: UInt64) throws(IndexError) -> Statements {
        if let statements, statements.epoch == epoch { return statements }
        statements = nil
        let opened = try life.latency.measured { () throws(IndexError) in
            try Statements(life, epoch: epoch)
        }
        statements = opened
        return opened
    }

    /// The state that answers belong to now; nil where that cannot be told.
    package var state: IndexState? {
        guard let statements, (try? life.epoch) == statements.epoch,
            let view = statements.connection.view
        else { return nil }
        return IndexState(epoch: statements.epoch, view: view)
    }

    /// Asks what is answered at once, unless the disk is slow.
    ///
    /// - Returns: The answer, and what it belongs to; nil where that cannot be told, or something was committed
    ///   meanwhile.
    private func askShortly<Answer>(
        about epoch: UInt64? = nil, _ question: (Statements) throws(IndexError) -> Answer
    ) throws(IndexError) -> (answer: Answer, view: IndexView?) {
        try ask(about: epoch) { (statements) throws(IndexError) in
            questionCount += 1
            let view = statements.connection.view
            let answer = try life.latency.measured(isRead: true) { () throws(IndexError) in
                try question(statements)
            }
            let isSame = view == statements.connection.view
            statements.connection.findView()
            return (answer, isSame ? view : nil)
        }
    }

    /// What was answered before, and nothing was committed since.
    ///
    /// - Returns: nil when it must be asked.
    private func recall<Answer>(
        about epoch: UInt64? = nil, _ look: (Statements, IndexView) -> Answer?
    ) throws(IndexError) -> Answer? {
        let inUse = try life.epoch
        guard let statements, statements.epoch == epoch ?? inUse,
            let view = statements.connection.view, let answer = look(statements, view)
        else { return nil }
        // As of `ask`.
        try life.check(statements.epoch)
        return answer
    }

    /// Asks the index. What shows that it is useless is reported, so that it is made anew. That it is
    /// corrupt, or not to be read, must be said twice, by two connections: a disk can fail once.
    ///
    /// - Parameter epoch: Of the index that the question is about; nil is the one in use.
    private func ask<Answer>(
        about epoch: UInt64? = nil, _ question: (Statements) throws(IndexError) -> Answer
    ) throws(IndexError) -> Answer {
        let inUse = try life.epoch
        let epoch = epoch ?? inUse
        try life.check(epoch)
        let answer = try ask(epoch, question)
        // What a connection is opened to is what lies there: another index may have taken its place meanwhile.
        try life.check(epoch)
        return answer
    }

    private func ask<Answer>(
        _ epoch: UInt64, _ question: (Statements) throws(IndexError) -> Answer
    ) throws(IndexError) -> Answer {
        do throws(IndexError) {
            return try question(try statements(for: epoch))
        } catch {
            // What SQLite says of memory that was taken away means nothing.
            try life.check(epoch)
            guard error.code == .corrupt || error.code == .io else {
                life.report(error, from: epoch)
                throw error
            }
            statements = nil
        }
        do throws(IndexError) {
            return try question(try statements(for: epoch))
        } catch {
            // The connection remembers that the disk has failed, and would go on saying so.
            if error.code == .io { statements = nil }
            try life.check(epoch)
            life.report(error, from: epoch)
            throw error
        }
    }

    /// The same about an entry, which must be one of the index in use.
    private func ask<Answer>(
        about entry: EntryID, _ question: (Statements) throws(IndexError) -> Answer
    ) throws(IndexError) -> Answer {
        try ask(about: entry.epoch, question)
    }

    /// A question that is asked too seldom to be kept compiled.
    func ask<Answer>(
        _ sql: String, _ read: (ReadStatement, _ epoch: UInt64) throws(IndexError) -> Answer
    ) throws(IndexError) -> Answer {
        try ask { (statements) throws(IndexError) in
            try read(try ReadStatement(statements.connection, sql), statements.epoch)
        }
    }

    func ask<Answer>(
        about entry: EntryID, _ sql: String,
        _ read: (ReadStatement) throws(IndexError) -> Answer
    ) throws(IndexError) -> Answer {
        try ask(about: entry) { (statements) throws(IndexError) in
            try read(try ReadStatement(statements.connection, sql))
        }
    }

    /// The name by which the index in use knows an entry.
    ///
    /// - Parameter number: As people have it from a list.
    package func entryID(_ number: Int64) throws(IndexError) -> EntryID {
        EntryID(number, epoch: try life.epoch)
    }

    /// The current version of a key, or nil when nothing is known of it.
    package func entry(for key: CacheKey) throws(IndexError) -> EntryRecord? {
        if let known = try recall({ $0.answers.entry(for: key, in: $1) }) { return known }
        let (record, view) = try askShortly { (statements) throws(IndexError) in
            let statement = statements.currentEntry
            statement.bind(key.text, at: 1)
            let found = try statement.first { (row) throws(IndexError) in
                try EntryRecord(row, epoch: statements.epoch)
            }
            guard let found, found.representation.key != key else { return found }
            throw IndexError(.corrupt, "the index gave another entry than it was asked for")
        }
        if let view { statements?.answers.note(record, for: key, in: view) }
        return record
    }

    /// A version, current or not.
    package func entry(_ id: EntryID) throws(IndexError) -> EntryRecord? {
        try ask(about: id) { (statements) throws(IndexError) in
            statements.entryByID.bind(id.rawValue, at: 1)
            return try statements.entryByID.first { (row) throws(IndexError) in
                try EntryRecord(row, epoch: statements.epoch)
            }
        }
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
        let isPresent = try recall(about: entry.epoch) {
            $0.answers.isPresent(position..<limit, of: entry.rawValue, in: $1) ? true : nil
        }
        if isPresent != nil { return .present(position..<limit) }
        let (scan, view) = try askShortly(about: entry.epoch) { (statements) throws(IndexError) in
            let statement = statements.presence
            statement.bind(entry.rawValue, at: 1)
            statement.bind(position, at: 2)
            statement.bind(limit, at: 3)
            var scan = PresenceScan(wanted: position..<limit)
            try statement.run { (row) throws(IndexError) in
                scan.add(try RecordedRun(row, of: entry))
            }
            return scan
        }
        if let view, let known = scan.known {
            statements?.answers.note(present: known, of: entry.rawValue, in: view)
        }
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
        let sql = """
            SELECT \(RecordedRun.columns) FROM cache_chunks
            WHERE entry = ?1 AND start >= ?2 ORDER BY start LIMIT ?3
            """
        return try ask(about: entry, sql) { (statement) throws(IndexError) in
            statement.bind(entry.rawValue, at: 1)
            statement.bind(start, at: 2)
            statement.bind(Int64(max(0, limit)), at: 3)
            statement.bind(life.boot, at: 4)
            return try statement.all { (row) throws(IndexError) in
                try RecordedRun(row, of: entry)
            }
        }
    }

    /// What SQLite finds wrong with the file; empty when nothing is. Reads all of it.
    ///
    /// - Returns: And of which index.
    package func faults() throws(IndexError) -> (faults: [String], epoch: UInt64) {
        try ask("PRAGMA quick_check(100)") { (statement, epoch) throws(IndexError) in
            let faults = try statement.all { $0.text(0) ?? "" }.filter { $0 != "ok" }
            if let unread = faults.first(where: IndexError.isUnread) {
                throw IndexError(.io, unread)
            }
            return (faults, epoch)
        }
    }

    /// The entry, current or superseded, that has this file.
    package func entry(with file: DataFileName) throws(IndexError) -> EntryRecord? {
        try ask("SELECT \(EntryRecord.columns) FROM cache_entries WHERE file = ?1") {
            (statement, epoch) throws(IndexError) in
            statement.bind(file.text, at: 1)
            return try statement.first { (row) throws(IndexError) in
                try EntryRecord(row, epoch: epoch)
            }
        }
    }
}

@available(*, unavailable)
extension IndexReader: Sendable {}
