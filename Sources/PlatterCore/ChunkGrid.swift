/// The division of a representation into chunks of one size: all chunk arithmetic lives here.
///
/// A chunk is the unit of queueing, of recording when complete and of eviction. The last one may be
/// short. Chunk `i` covers the bytes `i * chunkLength ..< min((i + 1) * chunkLength, completeLength)`.
package struct ChunkGrid: Hashable, Sendable {
    /// The smallest chunk that a configuration may ask for: 64 KiB.
    package static let minimumChunkLength: Int64 = 64 << 10
    /// The largest: 1 GiB, so that a chunk's bytes can be counted in 32 bits everywhere.
    package static let maximumChunkLength: Int64 = 1 << 30
    /// 10 MiB.
    package static let defaultChunkLength: Int64 = 10 << 20

    /// Bytes of every chunk but the last.
    package let chunkLength: Int64
    /// Bytes of the representation.
    package let completeLength: Int64

    /// - Returns: nil when the chunk length is outside its bounds or the complete length is negative.
    package init?(chunkLength: Int64, completeLength: Int64) {
        guard Self.minimumChunkLength...Self.maximumChunkLength ~= chunkLength, completeLength >= 0
        else { return nil }
        self.chunkLength = chunkLength
        self.completeLength = completeLength
    }

    /// Number of chunks; 0 for an empty representation.
    package var count: Int64 {
        completeLength == 0 ? 0 : (completeLength - 1) / chunkLength + 1
    }

    /// The chunk that holds the byte at `offset`, which is 0 or more.
    package func index(of offset: Int64) -> Int64 { offset / chunkLength }

    /// The bytes of chunk `index`; empty beyond the last chunk.
    package func range(of index: Int64) -> ByteRange {
        let start = Swift.min(index.multipliedClamped(by: chunkLength), completeLength)
        return .starting(at: start, length: chunkLength, limit: completeLength)
    }

    /// The indices of the chunks that share a byte with `range`.
    package func indices(overlapping range: ByteRange) -> Range<Int64> {
        guard let inside = range.intersection(0..<completeLength) else { return 0..<0 }
        return index(of: inside.lowerBound)..<(index(of: inside.upperBound - 1) + 1)
    }

    /// `range` cut at the chunk boundaries, in order.
    package func pieces(of range: ByteRange) -> [ByteRange] {
        indices(overlapping: range).compactMap { self.range(of: $0).intersection(range) }
    }

    /// The chunk that holds all of `range`; nil when there is none, or nothing to hold.
    package func chunk(holding range: ByteRange) -> ByteRange? {
        guard range.lowerBound >= 0, !range.isEmpty else { return nil }
        let chunk = self.range(of: index(of: range.lowerBound))
        return range.upperBound <= chunk.upperBound ? chunk : nil
    }

    /// The same bytes in larger chunks: each is so many of these that it has at least `length` bytes.
    ///
    /// - Parameter length: 1 GiB at most.
    package func grouped(atLeast length: Int64) -> ChunkGrid {
        let count = Swift.max(1, (Swift.max(1, length) - 1) / chunkLength + 1)
        let grouped = ChunkGrid(
            chunkLength: chunkLength.multipliedClamped(by: count), completeLength: completeLength)
        // Chunks of more than 512 MiB cannot be doubled, and need not be.
        return grouped ?? self
    }
}
