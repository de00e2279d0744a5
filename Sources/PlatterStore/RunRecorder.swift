package import PlatterCore

/// Collects the pieces one flight writes and says which runs to record when.
///
/// A value without I/O: after each write the flight tells it the piece and hands what it gets back
/// to the index. Pieces that follow each other are joined, never across the grid.
package struct RunRecorder: Sendable {
    /// 1 MiB: what a crash may cost, and what keeps the index down to one row change per MiB.
    package static let defaultFlushLength: Int64 = 1 << 20

    private let grid: ChunkGrid
    private let flushLength: Int64
    private var runs: [StoredRun] = []
    private var heldBytes: Int64 = 0

    /// - Parameter flushLength: Bytes after which the runs are due.
    package init(grid: ChunkGrid, flushLength: Int64 = RunRecorder.defaultFlushLength) {
        self.grid = grid
        self.flushLength = flushLength
    }

    /// The checksums of `bytes` that lie at `offset` of the representation, one run per chunk
    /// touched. Bytes beyond the complete length have none.
    package static func pieces(
        of bytes: UnsafeRawBufferPointer, at offset: Int64, grid: ChunkGrid
    ) -> [StoredRun] {
        let range = ByteRange.starting(at: offset, length: Int64(bytes.count))
        return grid.pieces(of: range).map { piece in
            let start = Int(piece.lowerBound - offset)
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(piece.length)])
            return StoredRun(range: piece, crc32c: Checksum.crc32c(of: part))
        }
    }

    /// A piece is in the file.
    ///
    /// - Returns: The runs to record now: none until `flushLength` bytes are held.
    package mutating func wrote(_ piece: StoredRun) -> [StoredRun] {
        heldBytes = heldBytes.addingClamped(piece.range.length)
        if let last = runs.last, isSameChunk(last, piece), let joined = last.joined(with: piece) {
            runs[runs.count - 1] = joined
        } else {
            runs.append(piece)
        }
        return heldBytes >= flushLength ? finish() : []
    }

    /// The flight ends, or a reader needs the index to be up to date.
    ///
    /// - Returns: All runs not handed out yet.
    package mutating func finish() -> [StoredRun] {
        defer {
            runs = []
            heldBytes = 0
        }
        return runs
    }

    private func isSameChunk(_ first: StoredRun, _ second: StoredRun) -> Bool {
        grid.index(of: first.range.lowerBound) == grid.index(of: second.range.upperBound - 1)
    }
}
