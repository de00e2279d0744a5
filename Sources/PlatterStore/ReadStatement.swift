internal import GRDBSQLite

/// A read-only connection to the index, on SQLite's own API: the shortest way from a request to a
/// row. One thread at a time.
final class ReadConnection {
    fileprivate let handle: OpaquePointer
    /// What its connections share of the database: valid while this one is open, which maps it.
    private var sharedMemory: UnsafeRawPointer?
    /// How much of it SQLite maps at a time (`WALINDEX_PGSZ`) [32 KiB].
    private static let sharedPageLength: Int32 = 32 << 10
    private let leases: IndexLeases?

    /// - Parameter leases: Told that it is open.
    /// - Throws: `.cannotOpen` when there is no index, or what SQLite says.
    init(path: String, leases: IndexLeases? = nil) throws(IndexError) {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(
            path, &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let opened else {
            defer { sqlite3_close_v2(opened) }
            throw IndexError(sqliteCode: code, message: "could not open \(path)")
        }
        handle = opened
        self.leases = leases
        leases?.opened()
        sqlite3_extended_result_codes(handle, 1)
        // A file mapped into memory kills the process when it is cut short.
        for pragma in ["PRAGMA query_only = 1", "PRAGMA mmap_size = 0"] {
            let code = sqlite3_exec(handle, pragma, nil, nil, nil)
            guard code == SQLITE_OK else { throw failure(code) }
        }
    }

    deinit {
        sqlite3_close_v2(handle)
        leases?.closed()
    }

    /// What the answers of now belong to. nil where that cannot be told, and before the first question.
    var view: IndexView? { sharedMemory.flatMap { IndexView($0) } }

    /// Call after a question, when SQLite has found out what it shares.
    func findView() {
        guard sharedMemory == nil else { return }
        var file: UnsafeMutablePointer<sqlite3_file>?
        sqlite3_file_control(handle, nil, SQLITE_FCNTL_FILE_POINTER, &file)
        guard let file, let methods = file.pointee.pMethods, methods.pointee.iVersion >= 2,
            let map = methods.pointee.xShmMap
        else { return }
        var page: UnsafeMutableRawPointer?
        // Says so where it keeps all in memory of its own, because nothing may be written.
        guard map(file, 0, Self.sharedPageLength, 0, &page) == SQLITE_OK else { return }
        sharedMemory = UnsafeRawPointer(page)
    }

    fileprivate func failure(_ code: Int32) -> IndexError {
        // SQLite says the same of a page that is damaged and of one that the disk did not give.
        if code & 0xff == SQLITE_CORRUPT, hasFailedToRead { return .unread }
        return IndexError(sqliteCode: code, message: String(cString: sqlite3_errmsg(handle)))
    }

    /// Whether the system has refused something of the database or its log since they were opened.
    private var hasFailedToRead: Bool {
        var number: Int32 = 0
        sqlite3_file_control(handle, nil, SQLITE_FCNTL_LAST_ERRNO, &number)
        if number != 0 { return true }
        var log: UnsafeMutablePointer<sqlite3_file>?
        sqlite3_file_control(handle, nil, SQLITE_FCNTL_JOURNAL_POINTER, &log)
        // One that is not open has no methods.
        guard let log, let methods = log.pointee.pMethods else { return false }
        _ = methods.pointee.xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number)
        return number != 0
    }
}

/// A statement that is compiled once and run often. Between two runs it holds no lock and no view
/// of the database: a statement left half-read would freeze its view and keep the WAL from
/// shrinking.
final class ReadStatement: IndexColumns {
    private let connection: ReadConnection
    private let pointer: OpaquePointer

    init(_ connection: ReadConnection, _ sql: String) throws(IndexError) {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw connection.failure(code) }
        self.connection = connection
        pointer = prepared
    }

    deinit { sqlite3_finalize(pointer) }

    /// Sets a parameter, counted from 1. It stays set.
    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(pointer, index, value) }

    func bind(_ value: String, at index: Int32) {
        // SQLite copies the text before it returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        sqlite3_bind_text(pointer, index, value, Int32(clamping: value.utf8.count), transient)
    }

    /// Runs the statement and hands on its rows until `take` answers false. Whatever happens,
    /// nothing is left open afterwards.
    func run(_ take: (ReadStatement) throws(IndexError) -> Bool) throws(IndexError) {
        defer { sqlite3_reset(pointer) }
        while true {
            switch sqlite3_step(pointer) {
            case SQLITE_ROW: if try !take(self) { return }
            case SQLITE_DONE: return
            case let code: throw connection.failure(code)
            }
        }
    }

    /// The first row's value, or nil when there is no row.
    func first<Value>(
        _ read: (ReadStatement) throws(IndexError) -> Value
    ) throws(IndexError) -> Value? {
        var value: Value?
        try run { (row) throws(IndexError) in
            value = try read(row)
            return false
        }
        return value
    }

    /// The values of all rows.
    func all<Value>(
        _ read: (ReadStatement) throws(IndexError) -> Value
    ) throws(IndexError) -> [Value] {
        var values: [Value] = []
        try run { (row) throws(IndexError) in
            values.append(try read(row))
            return true
        }
        return values
    }

    /// The current row's column; nil for NULL. Valid inside `run`.
    func integer(_ column: Int32) -> Int64? {
        guard sqlite3_column_type(pointer, column) != SQLITE_NULL else { return nil }
        return sqlite3_column_int64(pointer, column)
    }

    func text(_ column: Int32) -> String? {
        guard let bytes = sqlite3_column_text(pointer, column) else { return nil }
        let count = Int(sqlite3_column_bytes(pointer, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}
