import PlatterCore

/// Where a hole begins and ends that gives the room of a range back. Pure.
///
/// In whole blocks only. The system keeps a file in memory in pieces of up to 2 MiB, each at a multiple
/// of its own size. A piece that lies in a hole is let go of as it is: a socket that still holds it sends
/// what was there. But of a piece that is only partly in a hole that part is zeroed in place, and the
/// socket would send the zeros. So what is left of a block beside the range stays, unless it can go as
/// well; behind the end of the file there is nothing.
struct HolePlan: Sendable {
    /// What the blocks at both ends of the range have outside of it; empty where they have nothing.
    let before: ByteRange
    let after: ByteRange
    /// The blocks that lie in the range, and all that share a byte with it.
    private let inner: (start: Int64, end: Int64)
    private let outer: (start: Int64, end: Int64)
    private let completeLength: Int64

    /// - Parameters:
    ///   - range: Not before the start of the file.
    ///   - block: The largest piece [1 or more].
    init(_ range: ByteRange, completeLength: Int64, block: Int64) {
        let block = max(1, block)
        let first = range.lowerBound / block * block
        let last = range.upperBound.addingClamped(block - 1) / block * block
        let isLast = range.upperBound >= completeLength
        before = first..<range.lowerBound
        after = range.upperBound..<max(range.upperBound, min(last, completeLength))
        inner = (
            range.lowerBound.addingClamped(block - 1) / block * block,
            isLast ? last : range.upperBound / block * block
        )
        outer = (first, last)
        self.completeLength = completeLength
    }

    /// - Parameters:
    ///   - takesBefore: Nothing of `before` is recorded, and nobody needs it.
    ///   - takesAfter: The same of `after`.
    /// - Returns: The hole; empty when there is no block in it.
    func hole(takesBefore: Bool, takesAfter: Bool) -> ByteRange {
        let start = takesBefore || before.isEmpty ? outer.start : inner.start
        let end = takesAfter || after.isEmpty ? outer.end : inner.end
        return start..<max(start, end)
    }

    /// How much of the file lies in a hole, in bytes.
    func room(in hole: ByteRange) -> Int64 { hole.intersection(0..<completeLength)?.length ?? 0 }
}
