#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// What a file looks like from outside: which one it is, how long, and when it was last changed, in
/// content or in name. Two equal stamps mean that nobody has written to it in between, as finely as
/// the file system's clock tells.
package struct FileStamp: Hashable, Sendable {
    private let number: UInt64
    private let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    init(_ status: stat) {
        number = UInt64(truncatingIfNeeded: status.st_ino)
        size = Int64(status.st_size)
        #if canImport(Darwin)
            let time = status.st_ctimespec
        #else
            let time = status.st_ctim
        #endif
        seconds = Int64(time.tv_sec)
        nanoseconds = Int64(time.tv_nsec)
    }

    /// As the index keeps it.
    var text: String { "\(number) \(size) \(seconds) \(nanoseconds)" }

    /// - Returns: nil for what `text` does not write.
    init?(text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 4, let number = UInt64(parts[0]), let size = Int64(parts[1]),
            let seconds = Int64(parts[2]), let nanoseconds = Int64(parts[3])
        else { return nil }
        self.number = number
        self.size = size
        self.seconds = seconds
        self.nanoseconds = nanoseconds
        // Writing it again catches every second spelling: "+1", "007".
        if !self.text.utf8.elementsEqual(text.utf8) { return nil }
    }
}

/// Notices when somebody else changes a file that is open. Pure: it is told what the file looks like
/// before and after each change of our own, and whenever somebody is about to use it.
///
/// While changes of our own are under way the stamp says nothing; a foreign one that falls wholly into
/// them is not seen.
struct FileWatch {
    /// What we left the file like; nil when that is not known.
    private var left: FileStamp?
    private var changing = 0
    private var foreign = 0
    private var accepted = 0

    init(left: FileStamp?) { self.left = left }

    /// The file is about to be used, or changed by us.
    mutating func look(_ stamp: FileStamp) {
        guard changing == 0, stamp != left else { return }
        foreign += 1
        left = stamp
    }

    mutating func willChange(_ stamp: FileStamp) {
        look(stamp)
        changing += 1
    }

    /// - Parameter stamp: nil when it could not be had: the next look finds a change.
    mutating func didChange(_ stamp: FileStamp?) {
        changing -= 1
        if changing == 0 { left = stamp }
    }

    /// nil: nobody else has changed it, as far as is known. Else what to `accept` when nothing is
    /// taken for granted any more that was known of its content before.
    var foreignChange: ForeignChange? { foreign == accepted ? nil : ForeignChange(number: foreign) }

    mutating func accept(_ change: ForeignChange) { accepted = max(accepted, change.number) }

    /// What is in the file may not be what we wrote: to who uses it that is like a foreign change.
    mutating func doubt() { foreign += 1 }

    /// How many foreign changes were seen so far.
    var foreignCount: Int { foreign }

    /// What we left the file like; nil while it is being changed or a foreign change is not accepted.
    var stamp: FileStamp? { changing == 0 && foreign == accepted ? left : nil }
}

/// A change of a data file by somebody else.
package struct ForeignChange: Hashable, Sendable {
    fileprivate let number: Int
}
