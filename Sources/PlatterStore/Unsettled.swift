internal import PlatterCore

/// Which bytes were written to a file and are not known to have reached the disk itself. Until then the
/// system has them in memory alone, and may lose them without a word to whoever wrote them. Pure.
struct Unsettled {
    private var written = RangeSet<Int64>()
    /// Those that the attempt under way is about.
    private var leaving = RangeSet<Int64>()

    /// They are in the file.
    mutating func wrote(_ range: ByteRange) {
        if !range.isEmpty { written.insert(contentsOf: range) }
    }

    /// All that was written so far is about to be put on the disk.
    ///
    /// - Returns: How many bytes.
    mutating func begins() -> Int64 {
        leaving = written
        written = RangeSet()
        return leaving.ranges.reduce(0) { $0.addingClamped($1.length) }
    }

    /// It is there, or nobody takes it for granted any more. What was written meanwhile is not, even
    /// in the same place.
    mutating func ended() { leaving = RangeSet() }

    func holds(_ range: ByteRange) -> Bool {
        [written, leaving].contains { $0.ranges.contains { $0.overlaps(range) } }
    }
}
