import GRDBSQLite

extension ForeignHand {
    /// What `sqlite3 index.sqlite` does.
    static func run(_ statement: String, on path: String) {
        var database: OpaquePointer?
        defer { sqlite3_close(database) }
        guard sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
            return
        }
        sqlite3_exec(database, statement, nil, nil, nil)
    }
}
