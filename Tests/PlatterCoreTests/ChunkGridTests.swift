import PlatterCore
import Testing

@Suite("The chunk grid")
struct ChunkGridTests {
    private static let chunk = ChunkGrid.minimumChunkLength

    @Test(
        "a chunk length outside its bounds is refused",
        arguments: [Int64.min, -1, 0, 1, (64 << 10) - 1, (1 << 30) + 1, .max])
    func chunkLengthOutside(_ length: Int64) {
        #expect(ChunkGrid(chunkLength: length, completeLength: 1) == nil)
    }

    @Test(
        "a chunk length at or inside its bounds is accepted",
        arguments: [Int64(64 << 10), 65_537, 10 << 20, 1 << 30])
    func chunkLengthInside(_ length: Int64) throws {
        #expect(try #require(ChunkGrid(chunkLength: length, completeLength: 1)).count == 1)
    }

    @Test("a negative complete length is refused", arguments: [Int64.min, -1])
    func negativeLength(_ length: Int64) {
        #expect(ChunkGrid(chunkLength: Self.chunk, completeLength: length) == nil)
    }

    @Test("an empty representation has no chunks")
    func empty() throws {
        let grid = try grid(0)
        #expect(grid.count == 0)
        #expect(grid.range(of: 0) == 0..<0)
        #expect(grid.indices(overlapping: 0..<10).isEmpty)
        #expect(grid.pieces(of: 0..<10) == [])
    }

    @Test(
        "the chunks in order are the whole representation without gap or overlap",
        arguments: [1, chunk - 1, chunk, chunk + 1, 3 * chunk - 1, 3 * chunk, 3 * chunk + 1])
    func cover(_ length: Int64) throws {
        let grid = try grid(length)
        var end: Int64 = 0
        for index in 0..<grid.count {
            let range = grid.range(of: index)
            #expect(range.lowerBound == end)
            #expect(range.length == min(Self.chunk, length - end))
            end = range.upperBound
        }
        #expect(end == length)
    }

    @Test("the first and the last byte of a chunk belong to it")
    func indexOfEdges() throws {
        let grid = try grid(5 * Self.chunk + 17)
        for index in 0..<grid.count {
            let range = grid.range(of: index)
            #expect(grid.index(of: range.lowerBound) == index)
            #expect(grid.index(of: range.upperBound - 1) == index)
        }
    }

    @Test("a chunk beyond the last is empty, even where its start does not fit")
    func beyond() throws {
        let grid = try grid(Self.chunk + 1)
        #expect(grid.range(of: 2).isEmpty)
        #expect(grid.range(of: .max).isEmpty)
    }

    @Test("the largest representation has an exact last chunk")
    func largest() throws {
        let grid = try grid(.max)
        #expect(grid.count == Int64.max / Self.chunk + 1)
        #expect(grid.range(of: grid.count - 1).upperBound == .max)
        #expect(grid.range(of: grid.count - 1).length == Self.chunk - 1)
    }

    @Test("a range overlaps exactly the chunks that share a byte with it")
    func overlap() throws {
        let length = 4 * Self.chunk + 100
        let grid = try grid(length)
        let edges = interestingOffsets(upTo: length + 3)
        for low in edges {
            for high in edges where high >= low {
                let range: ByteRange = low..<high
                let expected = (0..<grid.count).filter {
                    grid.range(of: $0).intersection(range) != nil
                }
                #expect(Array(grid.indices(overlapping: range)) == expected)
            }
        }
    }

    @Test("the pieces of a range are the range, cut only at chunk boundaries")
    func pieces() throws {
        let length = 4 * Self.chunk + 100
        let grid = try grid(length)
        let edges = interestingOffsets(upTo: length + 3)
        for low in edges {
            for high in edges where high > low {
                let pieces = grid.pieces(of: low..<high)
                let inside = (low..<high as ByteRange).intersection(0..<length)
                #expect(pieces.first?.lowerBound == inside?.lowerBound)
                #expect(pieces.last?.upperBound == inside?.upperBound)
                for (piece, next) in zip(pieces, pieces.dropFirst()) {
                    #expect(piece.upperBound == next.lowerBound)
                    #expect(next.lowerBound % Self.chunk == 0)
                }
                for piece in pieces {
                    #expect(piece.lowerBound / Self.chunk == (piece.upperBound - 1) / Self.chunk)
                }
            }
        }
    }

    @Test("a range is held by the chunk that has all of it, and by no other")
    func holding() throws {
        let grid = try grid(2 * Self.chunk + 5)
        #expect(grid.chunk(holding: 0..<Self.chunk) == 0..<Self.chunk)
        #expect(grid.chunk(holding: Self.chunk + 1..<Self.chunk + 2) == grid.range(of: 1))
        #expect(grid.chunk(holding: 2 * Self.chunk..<2 * Self.chunk + 5) == grid.range(of: 2))
        let outside: [ByteRange] = [
            0..<0, -1..<1, 0..<Self.chunk + 1, 2 * Self.chunk..<2 * Self.chunk + 6,
            3 * Self.chunk..<3 * Self.chunk + 1, 0..<Int64.max, Int64.max - 1..<Int64.max,
        ]
        for range in outside { #expect(grid.chunk(holding: range) == nil) }
    }

    @Test(
        "grouped chunks are whole ones, as few as have the length",
        arguments: [
            (64 << 10, 2 << 20, 2 << 20), (192 << 10, 2 << 20, 2112 << 10),
            (3 << 20, 2 << 20, 3 << 20),
            (10 << 20, 2 << 20, 10 << 20), (1 << 20, 0, 1 << 20), (1 << 20, -1, 1 << 20),
            (1 << 30, 1 << 30, 1 << 30), (600 << 20, 700 << 20, 600 << 20),
        ] as [(Int64, Int64, Int64)])
    func grouped(chunkLength: Int64, length: Int64, grouped: Int64) throws {
        let grid = try #require(ChunkGrid(chunkLength: chunkLength, completeLength: 7))
        #expect(grid.grouped(atLeast: length).chunkLength == grouped)
        #expect(grid.grouped(atLeast: length).completeLength == 7)
    }

    private func grid(_ completeLength: Int64) throws -> ChunkGrid {
        try #require(ChunkGrid(chunkLength: Self.chunk, completeLength: completeLength))
    }

    /// Every chunk boundary and its neighbours.
    private func interestingOffsets(upTo limit: Int64) -> [Int64] {
        stride(from: 0, through: limit, by: Int64.Stride(Self.chunk)).flatMap {
            [$0 - 1, $0, $0 + 1]
        }.filter { 0...limit ~= $0 } + [limit - 3, limit]
    }
}
