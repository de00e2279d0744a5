import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

private let mebibyte: Int64 = 1 << 20
private let block = 2 * mebibyte

@Suite("Where holes begin and end")
struct HolePlanTests {
    private func plan(_ range: ByteRange, of completeLength: Int64) -> HolePlan {
        HolePlan(range, completeLength: completeLength, block: block)
    }

    /// Ranges of a file of 20 MiB and five bytes, and their holes.
    private static let insideCases: [(ByteRange, ByteRange)] = [
        (0..<2_097_152, 0..<2_097_152),
        (1..<2_097_152, 2_097_152..<2_097_152),
        (0..<2_097_153, 0..<2_097_152),
        (3_145_728..<9_437_184, 4_194_304..<8_388_608),
        (10_485_760..<20_971_520, 10_485_760..<20_971_520),
        (19_922_944..<20_971_525, 20_971_520..<23_068_672),
        (20_971_521..<20_971_525, 23_068_672..<23_068_672),
    ]

    @Test(
        "on blocks inside the range, save at the end of the file",
        arguments: insideCases)
    func inside(range: ByteRange, hole: ByteRange) {
        let plan = plan(range, of: (20 << 20) + 5)
        #expect(plan.hole(takesBefore: false, takesAfter: false) == hole)
    }

    @Test("what is left of a block beside the range goes when nobody needs it")
    func growing() {
        let plan = plan(3 * mebibyte..<9 * mebibyte, of: 20 * mebibyte)
        #expect(plan.before == 2 * mebibyte..<3 * mebibyte)
        #expect(plan.after == 9 * mebibyte..<10 * mebibyte)
        #expect(
            plan.hole(takesBefore: true, takesAfter: true) == 2 * mebibyte..<10 * mebibyte)
        #expect(
            plan.hole(takesBefore: true, takesAfter: false) == 2 * mebibyte..<8 * mebibyte)
        #expect(
            plan.hole(takesBefore: false, takesAfter: true) == 4 * mebibyte..<10 * mebibyte)
    }

    @Test("a range within a block needs all of the block")
    func within() {
        let plan = plan(mebibyte..<mebibyte + 10, of: 20 * mebibyte)
        #expect(plan.hole(takesBefore: true, takesAfter: true) == 0..<block)
        #expect(plan.hole(takesBefore: true, takesAfter: false).isEmpty)
        #expect(plan.hole(takesBefore: false, takesAfter: true).isEmpty)
    }

    @Test("behind the end of the file there is nothing that could stay")
    func end() {
        let length = 19 * mebibyte + 7
        let middle = plan(17 * mebibyte..<19 * mebibyte, of: length)
        #expect(middle.after == 19 * mebibyte..<length)
        #expect(
            middle.hole(takesBefore: true, takesAfter: true) == 16 * mebibyte..<20 * mebibyte)
        let last = plan(18 * mebibyte..<length, of: length)
        #expect(last.after.isEmpty)
        #expect(
            last.hole(takesBefore: false, takesAfter: false) == 18 * mebibyte..<20 * mebibyte)
    }

    @Test("no range traps")
    func extremes() {
        for range in [0..<Int64.max, Int64.max - 1..<Int64.max, 0..<0] {
            let hole = plan(range, of: .max).hole(takesBefore: true, takesAfter: true)
            #expect(hole.lowerBound >= 0)
        }
    }

    // MARK: - Entries

    /// An entry that loses its bytes as a round takes them.
    private struct Film {
        var candidate: EvictionPolicy.Candidate
        var recorded: RangeSet<Int64>
        var holes = RangeSet<Int64>()
        var thinned = ThinnedEntry()
        var freed: Int64 = 0

        init(_ grid: ChunkGrid) {
            candidate = EvictionPolicy.Candidate(entry: EntryID(1), grid: grid)
            candidate.runs = grid.pieces(of: 0..<grid.completeLength)
            recorded = RangeSet(0..<grid.completeLength)
        }

        /// What of its room is back.
        var room: Int64 {
            holes.intersection(RangeSet(0..<candidate.grid.completeLength)).ranges
                .reduce(0) { $0 + $1.length }
        }

        private func isUnused(_ range: ByteRange) -> Bool {
            candidate.spans.leaveFree(range)
                && !recorded.ranges.contains { $0.overlaps(range) }
        }

        mutating func drop(_ victim: EvictionPolicy.Victim) -> ByteRange {
            recorded.remove(contentsOf: victim.range)
            let plan = HolePlan(
                victim.range, completeLength: candidate.grid.completeLength, block: block)
            let hole = plan.hole(
                takesBefore: isUnused(plan.before), takesAfter: isUnused(plan.after))
            if !hole.isEmpty { holes.insert(contentsOf: hole) }
            let paid = thinned.dropped(victim.bytes, room: plan.room(in: hole))
            freed += paid
            return hole
        }
    }

    private static let chunkLengths: [Int64] = [
        65_536, 196_608, 262_144, 1_048_576, 3_145_728, 10_485_760,
    ]
    private static let completeLengths: [Int64] = [22_097_873, 20_971_520, 3_145_728, 1]

    @Test(
        "no hole cuts a block or what is recorded, and no more is said to be free than is",
        arguments: chunkLengths, completeLengths)
    func entries(chunkLength: Int64, completeLength: Int64) throws {
        let grid = try #require(
            ChunkGrid(chunkLength: chunkLength, completeLength: completeLength))
        for reader in [nil, completeLength / 2, 0] {
            var film = Film(grid)
            if let reader { film.candidate.spans.readers = [reader..<reader + 1] }
            let policy = EvictionPolicy(settings: .init())
            for victim in policy.victims(among: [film.candidate], toFree: .max) {
                let hole = film.drop(victim)
                #expect(hole.lowerBound % block == 0)
                #expect(hole.upperBound % block == 0)
                #expect(!film.recorded.ranges.contains { $0.overlaps(hole) })
                #expect(film.freed <= film.room)
            }
            guard reader == nil else { continue }
            #expect(film.room == completeLength)
            #expect(film.freed == completeLength)
        }
    }

    @Test(
        "on the disk all room comes back, and what stays is as it was",
        arguments: [65_536, 262_144, 1_048_576, 3_145_728, 10_485_760] as [Int64])
    func onDisk(chunkLength: Int64) async throws {
        let length = 21 * mebibyte + 77_777
        let cellar = try Cellar(chunkLength: chunkLength, length: length, block: block)
        let record = try await cellar.fill("film", accessedAt: 1)
        cellar.disk.beforePunching { hole in
            #expect(hole.lowerBound % block == 0)
            #expect(hole.upperBound % block == 0)
        }
        let before = try cellar.disk.openFile(record.file, left: nil).status().allocatedBytes
        #expect(try await cellar.free(1) == 0)
        let after = try cellar.disk.openFile(record.file, left: nil).status().allocatedBytes
        #expect(after < before)
        let left = try cellar.chunks(of: record)
        #expect(left == Array(0..<Int64(left.count)))
        #expect(try cellar.bytes(of: record) == left)
        #expect(try await cellar.free(length - cellar.disk.dropped) == 0)
        #expect(!cellar.hasFile(record))
    }

    @Test("what is left of a block that is read is not said to be free, nor touched")
    func beingRead() async throws {
        let cellar = try Cellar(
            chunkLength: 3 * mebibyte, length: 12 * mebibyte, block: block)
        let record = try await cellar.fill("film", accessedAt: 1)
        let hold = cellar.table.spans.hold(
            7 * mebibyte..<7 * mebibyte + 1, of: record.file, as: .reader)
        // Of the chunk behind the one that is read the first mebibyte stays.
        #expect(try await cellar.free(12 * mebibyte) == 4 * mebibyte)
        #expect(try cellar.chunks(of: record) == [2])
        #expect(try cellar.bytes(of: record) == [2])
        withExtendedLifetime(hold) {}
    }
}
