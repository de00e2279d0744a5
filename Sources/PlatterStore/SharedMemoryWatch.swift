internal import CPlatter

/// Notices that the file system has taken away memory that SQLite's connections share: the file (`-shm`) was cut
/// short, or the disk had no room for a page that was written to.
struct SharedMemoryWatch: Sendable {
    /// How often that was so up to now.
    static var count: UInt64 { platter_bus_errors_survived() }

    /// The same when this was made.
    let count = Self.count

    /// Whether it was so since: what was found meanwhile may come of a mixture.
    var isStruck: Bool { Self.count != count }

    /// What SQLite says of memory that was taken away means nothing.
    func judged(_ error: any Error) -> IndexError { isStruck ? .struck : IndexError(error) }

    /// - Throws: `.struck`.
    func check() throws(IndexError) {
        if isStruck { throw .struck }
    }
}
