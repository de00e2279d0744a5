internal import GRDB
internal import GRDBSQLite

/// The index did not do what was asked: a code to decide by, and a message for people.
package struct IndexError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable, CaseIterable {
        /// Another program holds the file's lock.
        case busy
        /// The file is damaged, or is no database, or has other tables than ours.
        case corrupt
        /// The file system is full.
        case full
        /// The device failed.
        case io
        case readOnly
        /// The file was deleted or another put in its place while it was open.
        case replaced
        case cannotOpen
        /// Memory that connections share was taken away by the file system, and what was in it may be lost.
        case struck
        /// There is no index at this moment, or it is another one than the question was about.
        case lost
        /// A newer Platter has written this index.
        case newerSchema
        /// The entry was deleted in the meantime.
        case entryGone
        /// The index refuses the row: it breaks a rule of the schema.
        case constraint
        /// The index was closed before.
        case closed
        case other
    }

    package let code: Code
    /// What went wrong and what to do about it.
    package let message: String
    /// SQLite's extended result code, or 0 when the fault was found by us.
    package let sqliteCode: Int32

    package init(_ code: Code, _ message: String, sqliteCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.sqliteCode = sqliteCode
    }

    init(sqliteCode: Int32, message: String) {
        let code =
            Self.tellsOfOtherTables(sqliteCode, message) ? .corrupt : Code(sqliteCode: sqliteCode)
        self.init(code, message + code.remedy, sqliteCode: sqliteCode)
    }

    /// Any error that came out of GRDB.
    init(_ error: any Error) {
        switch error {
        case let error as IndexError: self = error
        case let error as DatabaseError:
            self.init(
                sqliteCode: error.extendedResultCode.rawValue,
                message: error.message ?? "SQLite gave no reason")
        default: self.init(.other, String(describing: error))
        }
    }

    /// What went wrong, for people who know nothing of codes.
    package var explanation: String {
        (code == .corrupt ? "the index is damaged: " : "the index cannot be used: ") + message
    }

    package var description: String {
        "IndexError.\(code): \(message)" + (sqliteCode == 0 ? "" : " (SQLite \(sqliteCode))")
    }
}

extension IndexError.Code {
    /// - Parameter sqliteCode: A result code of SQLite, extended or not.
    init(sqliteCode: Int32) {
        // READONLY_DBMOVED is 8 | 4 << 8, CONSTRAINT_FOREIGNKEY is 19 | 3 << 8; the header writes
        // them as expressions, which Swift does not import.
        switch (sqliteCode & 0xFF, sqliteCode) {
        case (SQLITE_READONLY, 1032): self = .replaced
        case (SQLITE_CONSTRAINT, 787): self = .entryGone
        case (SQLITE_BUSY, _), (SQLITE_LOCKED, _): self = .busy
        case (SQLITE_CORRUPT, _), (SQLITE_NOTADB, _): self = .corrupt
        case (SQLITE_FULL, _): self = .full
        case (SQLITE_IOERR, _): self = .io
        case (SQLITE_READONLY, _): self = .readOnly
        case (SQLITE_CANTOPEN, _), (SQLITE_PERM, _), (SQLITE_AUTH, _): self = .cannotOpen
        case (SQLITE_CONSTRAINT, _): self = .constraint
        default: self = .other
        }
    }

    fileprivate var remedy: String {
        switch self {
        case .busy: "; close other programs that use the index"
        case .corrupt: "; the server sets it aside and makes another"
        case .full: "; free space on the disk of the cache folder"
        case .io: "; look at the system log and the disk's health"
        case .readOnly: "; make the cache folder writable"
        case .replaced: "; the index is opened anew"
        case .cannotOpen: "; check the cache folder's permissions"
        case .struck, .lost, .newerSchema, .entryGone, .constraint, .closed, .other: ""
        }
    }
}

extension IndexError {
    static let moved = IndexError(
        .replaced, "the index was deleted or replaced while it was in use")
    static let logMoved = IndexError(
        .replaced, "the index's log (-wal) was deleted or replaced while it was in use")
    static let struck = IndexError(
        .struck, "the file system has taken away memory that is shared of the index (-shm)")
    static let cut = IndexError(.corrupt, "the index was cut off while it was in use")

    /// What SQLite calls corrupt is a page that the disk did not give.
    static let unread = IndexError(.io, "the disk could not read a part of the index")

    /// Whether the disk has not given or taken what it should, as far as that can be told: not for want of memory or
    /// locks, which SQLite counts there too.
    package var isOfDisk: Bool {
        // UNLOCK, RDLOCK, BLOCKED, NOMEM, CHECKRESERVEDLOCK, LOCK, SHMLOCK, SHMMAP, GETTEMPPATH.
        let others: Set<Int32> = [8, 9, 11, 12, 14, 15, 20, 21, 25]
        return code == .io && !others.contains(sqliteCode >> 8)
    }

    /// Whether the tables are not those of our statements: somebody has dropped, renamed or made one.
    var isOfOtherTables: Bool { code == .corrupt && sqliteCode & 0xff == SQLITE_ERROR }

    /// SQLite has no code for that alone: under the same one it says that a transaction has ended by itself.
    fileprivate static func tellsOfOtherTables(_ sqliteCode: Int32, _ message: String) -> Bool {
        guard sqliteCode & 0xff == SQLITE_ERROR else { return false }
        return [
            "no such table: ", "no such column: ", " has no column named ", " already exists",
            "duplicate column name: ",
        ].contains { message.contains($0) }
    }

    /// Whether what SQLite lists as a fault of the file is a page that it could not read. That is one of the
    /// disk: the page may be as it should be.
    static func isUnread(_ fault: String) -> Bool {
        if let mark = fault.firstRange(of: "error code=") {
            let code = Int32(fault[mark.upperBound...].prefix { $0.isNumber }) ?? 0
            return code & 0xff != SQLITE_CORRUPT
        }
        return ["failed to get page", "Failed to read ptrmap"].contains { fault.contains($0) }
    }
}
