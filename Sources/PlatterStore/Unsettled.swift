internal import PlatterCore

/// Which bytes were written to a file and are not known to have reached the disk itself. Until then the
/// system has them in memory alone, and may lose them without a word to whoever wrote them. Pure.
struct Unsettled {
    private var written = RangeSet<Int64>()
    /// Those that the attempt under way is about.
    private var leaving = RangeSet<Int64>()
    /// What the system has said of bytes that were lost before anybody asked; 0 is nothing.
    private var loss: Int32 = 0

    var isEmpty: Bool { written.isEmpty && leaving.isEmpty }

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

    /// Some of it was lost. The system does not say so twice.
    mutating func lost(_ number: Int32) { loss = number }

    mutating func takeLoss() -> Int32 {
        defer { loss = 0 }
        return loss
    }

    func holds(_ range: ByteRange) -> Bool {
        [written, leaving].contains { $0.ranges.contains { $0.overlaps(range) } }
    }
}
