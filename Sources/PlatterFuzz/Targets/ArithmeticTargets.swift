import PlatterCore

extension FuzzTarget {
    static let arithmetic = [
        FuzzTarget("byte-range") { try fuzzByteRange(&$0) },
        FuzzTarget("chunk-grid") { try fuzzChunkGrid(&$0) },
        FuzzTarget("moments") { try fuzzMoments(&$0) },
    ]
}

private func fuzzByteRange(_ input: inout FuzzInput) throws {
    let (start, length, limit) = (input.natural(), input.number(), input.natural())
    let range = ByteRange.starting(at: start, length: length, limit: limit)
    try expect(
        range.lowerBound == start && range.length >= 0 && range.length <= max(0, length)
            && (range.isEmpty || range.upperBound <= limit),
        "\(length) bytes from \(start), at most to \(limit): \(range)")

    let (low, high) = (input.natural(), input.natural())
    let other = min(low, high)..<max(low, high)
    let common = range.intersection(other)
    let clamped = range.clamped(to: other)
    try expect(
        common == (clamped.isEmpty ? nil : clamped) && common == other.intersection(range),
        "\(range) and \(other) have \(String(describing: common)) in common")

    let (first, second) = (input.number(), input.number())
    let (sum, overflow) = first.addingReportingOverflow(second)
    try expect(
        first.addingClamped(second) == (overflow ? (second < 0 ? .min : .max) : sum),
        "\(first) + \(second)")
    let (product, tooBig) = low.multipliedReportingOverflow(by: high)
    try expect(low.multipliedClamped(by: high) == (tooBig ? .max : product), "\(low) * \(high)")
}

private func fuzzChunkGrid(_ input: inout FuzzInput) throws {
    let (chunkLength, completeLength) = (input.number(), input.number())
    guard let grid = ChunkGrid(chunkLength: chunkLength, completeLength: completeLength) else {
        let isPossible =
            completeLength >= 0
            && ChunkGrid.minimumChunkLength...ChunkGrid.maximumChunkLength ~= chunkLength
        return try expect(!isPossible, "no grid of \(chunkLength) for \(completeLength)")
    }
    let offset = input.natural()
    let index = grid.index(of: offset)
    let chunk = grid.range(of: index)
    let isInside = offset < completeLength
    try expect(
        chunk.contains(offset) == isInside && (!isInside || index < grid.count)
            && chunk.isEmpty == (index >= grid.count) && chunk.length <= chunkLength
            && chunk.upperBound <= completeLength,
        "byte \(offset) of \(grid) lies in chunk \(index), \(chunk)")
    // A whole object of the largest size has more pieces than fit in memory; nothing asks for them.
    let asked = ByteRange.starting(at: offset, length: input.natural(upTo: chunkLength * 20))
    let pieces = grid.pieces(of: asked)
    let inside = asked.intersection(0..<completeLength)
    try expect(
        pieces.first?.lowerBound == inside?.lowerBound
            && pieces.last?.upperBound == inside?.upperBound
            && zip(pieces, pieces.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }
            && pieces.allSatisfy {
                grid.index(of: $0.lowerBound) == grid.index(of: $0.upperBound - 1)
            } && pieces.count == grid.indices(overlapping: asked).count,
        "\(asked) in \(grid) falls into \(pieces)")
}

private func fuzzMoments(_ input: inout FuzzInput) throws {
    let moment = Moment(nanoseconds: input.number())
    let duration = Duration(
        secondsComponent: input.number(), attosecondsComponent: input.number() % 1_000_000_000)
    let later = moment.advanced(by: duration)
    try expect(
        duration < .zero ? later <= moment : later >= moment, "\(moment) + \(duration): \(later)")
    let earlier = Moment(nanoseconds: input.number())
    let passed = moment.since(earlier)
    try expect(
        passed >= .zero && (passed == .zero) == (moment <= earlier),
        "from \(earlier) to \(moment): \(passed)")
    _ = duration.inSeconds
}
