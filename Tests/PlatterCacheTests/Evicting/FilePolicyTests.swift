import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What goes where no holes can be punched, and when")
struct FilePolicyTests {
    private func policy(maximum: Int64 = 10 << 30) -> EvictionPolicy {
        var settings = EvictionPolicy.Settings()
        settings.maximum = maximum
        return EvictionPolicy(settings: settings)
    }

    /// An entry of ten bytes.
    private func candidate(
        _ number: Int64, accessedAt: Int64 = 0
    ) -> EvictionPolicy.FileCandidate {
        var candidate = EvictionPolicy.FileCandidate(entry: EntryID(number))
        candidate.accessedAt = accessedAt
        candidate.recorded = 10
        candidate.allocated = 10
        return candidate
    }

    private func removals(
        _ candidates: [EvictionPolicy.FileCandidate], toFree bytes: Int64
    ) -> [Int64] {
        policy().removals(among: candidates, toFree: bytes).map(\.entry.rawValue)
    }

    // MARK: - What

    @Test("as many as are needed, the least recently used first, of the same time the older one")
    func order() {
        let candidates = [
            candidate(3, accessedAt: 30), candidate(2, accessedAt: 10),
            candidate(1, accessedAt: 10),
        ]
        #expect(removals(candidates, toFree: 0).isEmpty)
        #expect(removals(candidates, toFree: 1) == [1])
        #expect(removals(candidates, toFree: 10) == [1])
        #expect(removals(candidates, toFree: 11) == [1, 2])
        #expect(removals(candidates, toFree: .max) == [1, 2, 3])
    }

    @Test("a superseded entry goes before all others, though it was used last")
    func superseded() {
        var old = candidate(2, accessedAt: 99)
        old.isSuperseded = true
        #expect(removals([candidate(1), old], toFree: 11) == [2, 1])
    }

    @Test("pinned entries and those that somebody reads or writes stay, superseded or not")
    func staying() {
        var pinned = candidate(1)
        pinned.isPinned = true
        var read = candidate(2)
        read.isSuperseded = true
        read.spans.readers = [0..<1]
        var written = candidate(3)
        written.spans.flights = [0..<1]
        #expect(removals([pinned, read, written, candidate(4)], toFree: .max) == [4])
    }

    @Test("what the file takes counts, and what is recorded where that is not known")
    func bytes() {
        var partly = candidate(1)
        partly.recorded = 3
        #expect(partly.bytes == 10)
        #expect(partly.unrecorded == 7)
        for unknown in [nil, 0, -1] as [Int64?] {
            partly.allocated = unknown
            #expect(partly.bytes == 3)
            #expect(partly.unrecorded == 0)
        }
        // Compressed.
        partly.allocated = 2
        #expect(partly.bytes == 2)
        #expect(partly.unrecorded == 0)
    }

    @Test("no sizes trap", arguments: [Int64.min, -1, 0, 1, .max])
    func extremes(size: Int64) {
        for other in [Int64.min, 0, .max] {
            var odd = candidate(1)
            odd.recorded = size
            odd.allocated = other
            #expect(odd.bytes >= 0)
            #expect(odd.unrecorded >= 0)
            #expect(removals([odd, candidate(2)], toFree: other).count <= 2)
            let usage = EvictionPolicy.Usage(
                taken: size, free: other, total: size, punchesHoles: false)
            for policy in [policy(maximum: size), policy(maximum: other)] {
                #expect(policy.bytesToFree(for: other, usage) >= 0)
                #expect(policy.bytesToFree(for: size, usage) >= 0)
            }
        }
    }

    // MARK: - When

    private func usage(taken: Int64, punchesHoles: Bool = false) -> EvictionPolicy.Usage {
        EvictionPolicy.Usage(
            taken: taken, free: 1 << 40, total: 1 << 40, punchesHoles: punchesHoles)
    }

    @Test("nothing is added beyond the end of eviction, and room is made for more than one step")
    func ceiling() {
        let policy = policy(maximum: 1000)
        #expect(policy.fits(10, usage(taken: 840)))
        #expect(!policy.fits(11, usage(taken: 840)))
        #expect(policy.bytesToFree(for: 10, usage(taken: 840)) == 0)
        #expect(policy.bytesToFree(for: 11, usage(taken: 840)) == 51)
    }

    @Test("what is full by that does not begin a round by itself")
    func noRound() {
        #expect(policy(maximum: 1000).bytesToFree(usage(taken: 850)) == 0)
    }

    @Test("a step larger than a small cache does not keep it empty")
    func smallCache() {
        let policy = policy(maximum: 1600)
        #expect(policy.fits(1 << 20, usage(taken: 0)))
        #expect(policy.fits(1 << 20, usage(taken: 1260)))
        #expect(!policy.fits(1 << 20, usage(taken: 1261)))
    }

    @Test("with holes the limit keeps nobody from writing, and the reserve does in both cases")
    func holes() {
        let policy = policy(maximum: 1000)
        #expect(policy.fits(10, usage(taken: 5000, punchesHoles: true)))
        for punchesHoles in [true, false] {
            let full = EvictionPolicy.Usage(
                taken: 0, free: 5, total: 100, punchesHoles: punchesHoles)
            #expect(!policy.fits(1, full))
        }
    }
}
