#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A file operation that did not work: a code to decide by, and a message for people.
package struct DiskError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable, CaseIterable {
        /// The file system is full.
        case noSpace
        /// Our share of it is used up.
        case quota
        /// The file is longer than the file system or a limit allows.
        case tooLarge
        case readOnly
        case permission
        case missing
        case exists
        /// Another process has the cache folder.
        case inUse
        /// The folder, or what lies under one of our names, was not made by us: a symbolic link, a
        /// special file, someone else's folder.
        case notOurs
        /// The file ends before the bytes asked for.
        case truncated
        /// The device failed. Do not trust what was written to this file lately.
        case io
        /// The file system cannot do this.
        case unsupported
        /// Too many open files.
        case tooManyOpen
        case other
    }

    package let code: Code
    /// What went wrong and what to do about it.
    package let message: String
    package let path: String
    /// The system's number, or 0 when the fault was found by us.
    package let systemCode: Int32

    package init(_ code: Code, _ message: String, path: String, systemCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.path = path
        self.systemCode = systemCode
    }

    /// - Parameter action: What was tried, as in "could not … the file".
    package init(errno number: Int32, doing action: String, path: String) {
        let code = Code(errno: number)
        let reason = String(cString: strerror(number))
        self.init(
            code, "could not \(action): \(reason)\(code.remedy)", path: path, systemCode: number)
    }

    package var description: String {
        "DiskError.\(code) at \(path): \(message)"
            + (systemCode == 0 ? "" : " (errno \(systemCode))")
    }
}

extension DiskError.Code {
    init(errno number: Int32) {
        switch number {
        case ENOSPC: self = .noSpace
        case EDQUOT: self = .quota
        case EFBIG: self = .tooLarge
        case EROFS: self = .readOnly
        case EACCES, EPERM: self = .permission
        case ENOENT: self = .missing
        case EEXIST: self = .exists
        case EWOULDBLOCK: self = .inUse
        case ELOOP, ENOTDIR, EISDIR: self = .notOurs
        case EIO: self = .io
        // The same number on Linux, two on macOS; a list of patterns allows both.
        case EOPNOTSUPP, ENOTSUP, ENOSYS: self = .unsupported
        case EMFILE, ENFILE: self = .tooManyOpen
        default: self = .other
        }
    }

    /// Whether it is of one file, and no other try will open it: it has gone, is something else, or may not be
    /// read. What the disk or the system refuses for a while is not.
    package var isForGood: Bool {
        switch self {
        case .missing, .notOurs, .permission: true
        case .noSpace, .quota, .tooLarge, .readOnly, .exists, .inUse, .truncated, .io, .unsupported,
            .tooManyOpen, .other:
            false
        }
    }

    fileprivate var remedy: String {
        switch self {
        case .noSpace: "; free space or lower the cache's size"
        case .quota: "; raise the quota or lower the cache's size"
        case .tooLarge: "; use a file system without this limit"
        case .readOnly: "; remount it for writing"
        case .permission: "; give the folder to the user that runs Platter"
        case .inUse: "; stop the other process or choose another folder"
        case .notOurs: "; remove it or choose another folder"
        case .io: "; look at the system log and the disk's health"
        case .tooManyOpen: "; raise the limit on open files (ulimit -n)"
        case .missing, .exists, .truncated, .unsupported, .other: ""
        }
    }
}
