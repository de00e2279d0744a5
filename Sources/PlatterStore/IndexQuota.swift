internal import GRDBSQLite

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A quota that is used up is to the index what a full disk is: room has to be made. SQLite takes it for a disk
/// that fails, so its writes are told of a full one. That holds for all databases of the program.
enum IndexQuota {
    /// Whether SQLite writes so from now on. To be asked before a database is opened.
    static let isTold: Bool = {
        // Those before the third version of this interface lack the field.
        guard let vfs = sqlite3_vfs_find(nil), vfs.pointee.iVersion >= 3,
            let replace = vfs.pointee.xSetSystemCall
        else { return false }
        let call: @convention(c) (Int32, UnsafeRawPointer?, Int, off_t) -> Int = {
            IndexQuota.write($0, $1, $2, $3)
        }
        // SQLite keeps all system calls as pointers to functions of one type, and calls each as what it is.
        let pointer = unsafeBitCast(call, to: sqlite3_syscall_ptr.self)
        // Which of them it calls depends on how it was built.
        let codes = ["pwrite", "pwrite64"].map { (name: String) in replace(vfs, name, pointer) }
        return codes.contains(SQLITE_OK)
    }()

    private static func write(
        _ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ offset: off_t
    ) -> Int {
        let written = pwrite(descriptor, bytes, count, offset)
        if written < 0, errno == EDQUOT { errno = ENOSPC }
        return written
    }
}
