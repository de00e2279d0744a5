internal import PlatterCore

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

    /// Whether a later change is sure to bring another stamp: the last one is further back than the
    /// coarsest clock of a file system counts in one step.
    ///
    /// - Parameter now: By the clock that stamps are made of, seconds and nanoseconds.
    func isSettled(now: (seconds: Int64, nanoseconds: Int64)) -> Bool {
        // A change in the future says that the clock was set back.
        guard now.seconds == seconds else { return now.seconds > seconds.addingClamped(1) }
        return now.nanoseconds - nanoseconds >= Self.step
    }

    /// In nanoseconds [20 ms]: a kernel counts 100 to 1,000 steps a second, and some file systems less
    /// finely than it says, but those know no sparse files.
    private static let step: Int64 = 20_000_000

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
