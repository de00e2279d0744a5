internal import PlatterCore

/// Which bytes of an open file were given back to the disk and not written again since: there are zeros now,
/// whatever the index says. It may say so when somebody has put an older one in its place. Pure.
struct Punched {
    private var holes = RangeSet<Int64>()

    /// They are about to be given back.
    mutating func punches(_ range: ByteRange) {
        if !range.isEmpty { holes.insert(contentsOf: range) }
    }

    /// They are in the file.
    mutating func wrote(_ range: ByteRange) {
        if !range.isEmpty, !holes.isEmpty { holes.remove(contentsOf: range) }
    }

    /// Whether a byte of the range is in a hole.
    func overlaps(_ range: ByteRange) -> Bool {
        !holes.isEmpty && holes.ranges.contains { $0.overlaps(range) }
    }
}
