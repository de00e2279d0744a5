import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What eviction takes, and how much")
struct EvictionPolicyTests {
    private let mebibyte: Int64 = 1 << 20
    private var policy: EvictionPolicy { policy(maximum: 10 << 30) }

    /// Its blocks are no larger than the chunks of its candidates.
    private func policy(maximum: Int64) -> EvictionPolicy {
        var settings = EvictionPolicy.Settings()
        settings.block = mebibyte
        settings.maximum = maximum
        return EvictionPolicy(settings: settings)
    }

    /// An entry of ten chunks of 1 MiB, all recorded.
    private func candidate(
        _ number: Int64, accessedAt: Int64 = 0, readers: [ByteRange] = []
    ) throws -> EvictionPolicy.Candidate {
        let grid = try #require(ChunkGrid(chunkLength: 1 << 20, completeLength: 10 << 20))
        var candidate = EvictionPolicy.Candidate(entry: EntryID(number), grid: grid)
        candidate.accessedAt = accessedAt
        candidate.runs = [0..<(10 << 20)]
        candidate.spans.readers = readers
        return candidate
    }

    private func chunks(_ victims: [EvictionPolicy.Victim]) -> [Int64] {
        victims.map { $0.range.lowerBound >> 20 }
    }

    // MARK: - How much

    @Test("nothing goes up to the threshold, and one byte more takes it down to the end")
    func threshold() {
        let policy = policy(maximum: 1000)
        let usage = EvictionPolicy.Usage(taken: 900, free: 1_000_000, total: 1_000_000)
        #expect(policy.bytesToFree(usage) == 0)
        var more = usage
        more.taken = 901
        #expect(policy.bytesToFree(more) == 51)
    }

    @Test("the reserve of the disk makes the limit smaller than the maximum")
    func reserve() {
        let policy = policy(maximum: 1000)
        let usage = EvictionPolicy.Usage(taken: 400, free: 100, total: 2000)
        #expect(policy.limit(usage) == 400)
        #expect(policy.bytesToFree(usage) == 60)
    }

    @Test("a little too little room does not empty the cache")
    func lacking() {
        let gibibyte: Int64 = 1 << 30
        let (taken, total) = (9 * gibibyte, 1000 * gibibyte)
        // Just the reserve is left.
        let tight = EvictionPolicy.Usage(taken: taken, free: total / 20, total: total)
        #expect(policy.bytesLacking(for: 16 * mebibyte, tight) <= taken / 4)
        #expect(policy.bytesLackingWhenRefused(tight) <= taken / 4)
        // A quota, of which the disk says nothing.
        let roomy = EvictionPolicy.Usage(taken: taken, free: total / 2, total: total)
        #expect(policy.bytesLackingWhenRefused(roomy) == taken / 4)
        // Who only asks for room is told what the disk says.
        #expect(policy.bytesLacking(for: 16 * mebibyte, roomy) == 0)
        // On a small disk all that a round would take.
        let small = EvictionPolicy.Usage(taken: 100 * mebibyte, free: 0, total: 128 * mebibyte)
        #expect(policy.bytesLackingWhenRefused(small) == policy.bytesToFree(small))
        // What the reserve lacks goes all the same.
        let full = EvictionPolicy.Usage(taken: 60 * gibibyte, free: 0, total: total)
        #expect(policy.bytesLacking(for: mebibyte, full) >= 50 * gibibyte + mebibyte)
    }

    @Test("on a disk that others have filled nothing may stay")
    func filled() {
        let usage = EvictionPolicy.Usage(taken: 40, free: 0, total: 1000)
        #expect(policy.limit(usage) == 0)
        #expect(policy.bytesToFree(usage) == 40)
    }

    @Test(
        "no sizes trap",
        arguments: [
            (Int64.max, Int64.max, Int64.max), (.min, .min, .min), (.max, .min, .max),
            (.max, 0, 0), (0, .max, .min),
        ])
    func extremes(recorded: Int64, free: Int64, total: Int64) {
        let usage = EvictionPolicy.Usage(taken: recorded, free: free, total: total)
        for policy in [policy, policy(maximum: .max), policy(maximum: .min)] {
            #expect(0...Int64.max ~= policy.bytesToFree(usage))
            #expect(policy.threshold(usage) <= policy.limit(usage))
        }
    }

    @Test("what is left after freeing is below the threshold", arguments: 1...200)
    func settles(step: Int64) {
        let policy = policy(maximum: 12_345)
        var usage = EvictionPolicy.Usage(taken: step * 97, free: 1 << 40, total: 1 << 40)
        usage.taken -= policy.bytesToFree(usage)
        #expect(policy.bytesToFree(usage) == 0)
        #expect(usage.taken <= policy.threshold(usage))
    }

    // MARK: - What first

    @Test("an entry that nobody reads loses its last chunks first")
    func fromTheEnd() throws {
        let victims = policy.victims(among: [try candidate(1)], toFree: 3 << 20)
        #expect(chunks(victims) == [9, 8, 7])
        #expect(victims.map(\.bytes) == [mebibyte, mebibyte, mebibyte])
    }

    @Test("a byte more than a chunk takes two, nothing takes none")
    func wholeChunks() throws {
        let candidates = [try candidate(1)]
        #expect(policy.victims(among: candidates, toFree: mebibyte + 1).count == 2)
        #expect(policy.victims(among: candidates, toFree: 1).count == 1)
        #expect(policy.victims(among: candidates, toFree: 0).isEmpty)
        #expect(policy.victims(among: candidates, toFree: -1).isEmpty)
    }

    @Test("the least recently used entry goes whole before the next one loses a byte")
    func leastRecentlyUsed() throws {
        let candidates = [
            try candidate(1, accessedAt: 30), try candidate(2, accessedAt: 10),
            try candidate(3, accessedAt: 20),
        ]
        let victims = policy.victims(among: candidates, toFree: 12 << 20)
        #expect(victims.map(\.entry.rawValue) == Array(repeating: 2, count: 10) + [3, 3])
    }

    @Test("of entries used at the same time the older one goes first")
    func sameTime() throws {
        let candidates = [try candidate(2), try candidate(1)]
        #expect(policy.victims(among: candidates, toFree: 1).map(\.entry) == [EntryID(1)])
    }

    @Test("a superseded entry goes before all others, though it was used last")
    func superseded() throws {
        var old = try candidate(2, accessedAt: 99)
        old.isSuperseded = true
        let victims = policy.victims(
            among: [try candidate(1, accessedAt: 1), old], toFree: 11 << 20)
        #expect(victims.map(\.entry.rawValue) == Array(repeating: 2, count: 10) + [1])
    }

    @Test("what the last readers of a superseded entry need stays")
    func supersededAndRead() throws {
        var old = try candidate(1, readers: [(2 << 20)..<(3 << 20)])
        old.isSuperseded = true
        let victims = policy.victims(among: [old], toFree: .max)
        #expect(chunks(victims) == [9, 8, 7, 6, 5, 4, 3, 1, 0])
    }

    @Test("a pinned entry stays, whatever is to be freed")
    func pinned() throws {
        var pinned = try candidate(1, accessedAt: 1)
        pinned.isPinned = true
        let victims = policy.victims(
            among: [pinned, try candidate(2, accessedAt: 2)], toFree: .max)
        #expect(Set(victims.map(\.entry)) == [EntryID(2)])
        #expect(victims.count == 10)
    }

    @Test("an entry that is read comes after all that nobody reads, however long ago")
    func readLast() throws {
        let read = try candidate(1, accessedAt: 1, readers: [0..<1])
        let victims = policy.victims(
            among: [read, try candidate(2, accessedAt: 2)], toFree: 11 << 20)
        #expect(victims.map(\.entry.rawValue) == Array(repeating: 2, count: 10) + [1])
    }

    @Test("of an entry that is read, what lies behind its reader goes before what lies ahead")
    func behindFirst() throws {
        let read = try candidate(1, readers: [(4 << 20)..<(6 << 20)])
        let victims = policy.victims(among: [read], toFree: .max)
        #expect(chunks(victims) == [3, 2, 1, 0, 9, 8, 7, 6])
    }

    @Test("what lies between two readers is ahead of one of them")
    func between() throws {
        let read = try candidate(1, readers: [(6 << 20)..<(7 << 20), (2 << 20)..<(3 << 20)])
        let victims = policy.victims(among: [read], toFree: .max)
        #expect(chunks(victims) == [1, 0, 9, 8, 7, 5, 4, 3])
    }

    @Test("what is behind the readers of one entry goes before what is ahead in another")
    func behindOfAll() throws {
        let first = try candidate(1, accessedAt: 1, readers: [0..<1])
        let second = try candidate(2, accessedAt: 2, readers: [(9 << 20)..<(10 << 20)])
        let victims = policy.victims(among: [first, second], toFree: 10 << 20)
        #expect(victims.map(\.entry.rawValue) == Array(repeating: 2, count: 9) + [1])
    }

    @Test("one byte of a span protects all of its chunk, and no other")
    func chunkOfSpan() throws {
        let read = try candidate(1, readers: [((4 << 20) - 1)..<((4 << 20) + 1)])
        let victims = policy.victims(among: [read], toFree: .max)
        #expect(chunks(victims) == [2, 1, 0, 9, 8, 7, 6, 5])
    }

    @Test("what a flight writes stays, and does not count as being read")
    func flight() throws {
        var flying = try candidate(1)
        flying.spans.flights = [(5 << 20)..<(8 << 20)]
        let victims = policy.victims(among: [flying], toFree: .max)
        #expect(chunks(victims) == [9, 8, 4, 3, 2, 1, 0])
    }

    @Test("chunks without a recorded byte are left alone, and those with a part count for that")
    func parts() throws {
        var partly = try candidate(1)
        partly.runs = [
            (1 << 20)..<((1 << 20) + 10), ((1 << 20) + 20)..<((1 << 20) + 25),
            (7 << 20)..<((7 << 20) + 3),
        ]
        let victims = policy.victims(among: [partly], toFree: .max)
        #expect(chunks(victims) == [7, 1])
        #expect(victims.map(\.bytes) == [3, 15])
    }

    @Test("small chunks go together, as many as take a block, and stay together")
    func blocks() throws {
        let policy = EvictionPolicy(settings: .init())
        #expect(chunks(policy.victims(among: [try candidate(1)], toFree: 1)) == [8])
        let read = try candidate(1, readers: [(5 << 20)..<(5 << 20) + 1])
        let victims = policy.victims(among: [read], toFree: .max)
        #expect(chunks(victims) == [2, 0, 8, 6])
        #expect(victims.allSatisfy { $0.bytes == 2 * mebibyte })
    }

    @Test("a short last chunk ends with the entry")
    func lastChunk() throws {
        let last: ByteRange = (2 << 20)..<((2 << 20) + 7)
        let grid = try #require(ChunkGrid(chunkLength: 1 << 20, completeLength: last.upperBound))
        var candidate = EvictionPolicy.Candidate(entry: EntryID(1), grid: grid)
        candidate.runs = [last]
        let victims = policy.victims(among: [candidate], toFree: .max)
        #expect(victims.map(\.range) == [last])
    }
}
