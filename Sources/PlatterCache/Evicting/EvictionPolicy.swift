package import PlatterCore

/// How much has to go, and what goes first (REQUIREMENTS D3). Pure: it is told what there is and who
/// reads it, and says which chunks to drop.
package struct EvictionPolicy: Hashable, Sendable {
    package struct Settings: Hashable, Sendable {
        /// Bytes that the cache may take [10 GiB].
        package var maximum: Int64 = 10 << 30
        /// Percent of the disk that stay free for others [5].
        package var reserve: Int64 = 5
        /// Percent of the limit beyond which eviction begins [90], and down to which it goes [85].
        package var start: Int64 = 90
        package var end: Int64 = 85
        /// What goes together at least, and where holes begin and end [2 MiB]; see `HolePlan`.
        package var block: Int64 = 2 << 20

        package init() {}
    }

    /// What there is, in bytes.
    package struct Usage: Hashable, Sendable {
        /// What counts against the limit: the sum of all runs in the index, and where no holes can be
        /// punched what files take beyond that.
        package var taken: Int64
        /// What may still be written to the disk.
        package var free: Int64
        /// The size of the disk.
        package var total: Int64
        /// Room comes back in chunks; else only with whole files.
        package var punchesHoles: Bool

        package init(taken: Int64, free: Int64, total: Int64, punchesHoles: Bool = true) {
            self.taken = taken
            self.free = free
            self.total = total
            self.punchesHoles = punchesHoles
        }
    }

    /// An entry as far as eviction is concerned.
    package struct Candidate: Hashable, Sendable {
        package let entry: EntryID
        package let grid: ChunkGrid
        /// Another version took its place: it serves nobody new.
        package var isSuperseded = false
        /// A person wants it kept.
        package var isPinned = false
        /// Seconds since 1970.
        package var accessedAt: Int64 = 0
        /// What is recorded of it, all or some of it.
        package var runs: [ByteRange] = []
        package var spans = Spans()

        package init(entry: EntryID, grid: ChunkGrid) {
            self.entry = entry
            self.grid = grid
        }
    }

    /// A chunk to drop, or as many small ones as take a block: all rows in it go together.
    package struct Victim: Hashable, Sendable {
        package let entry: EntryID
        package let range: ByteRange
        /// How much of it is recorded, as far as the candidate's runs said.
        package let bytes: Int64

        package init(entry: EntryID, range: ByteRange, bytes: Int64) {
            self.entry = entry
            self.range = range
            self.bytes = bytes
        }
    }

    let settings: Settings

    package init(settings: Settings) { self.settings = settings }

    // MARK: - How much

    /// The bytes that may be taken: the maximum, or less where the disk's reserve needs it.
    package func limit(_ usage: Usage) -> Int64 {
        let reserve = Self.share(settings.reserve, of: usage.total)
        let room = max(0, usage.taken).addingClamped(max(0, usage.free)).addingClamped(-reserve)
        return max(0, min(settings.maximum, room))
    }

    /// Whether it is the disk that leaves less room than the settings.
    package func isShortOfDisk(_ usage: Usage) -> Bool { limit(usage) < settings.maximum }

    /// Whether so many bytes more may be written.
    ///
    /// - Parameter pledged: What others may still write.
    package func fits(_ bytes: Int64, pledged: Int64 = 0, _ usage: Usage) -> Bool {
        leavesReserve(bytes.addingClamped(pledged), usage)
            && bytesToFree(for: bytes, usage) == 0
    }

    /// Whether so many bytes more leave the disk its reserve.
    package func leavesReserve(_ bytes: Int64, _ usage: Usage) -> Bool {
        let reserve = Self.share(settings.reserve, of: usage.total)
        return usage.free.addingClamped(-bytes) >= reserve
    }

    /// What has to go before so many bytes more leave the disk its reserve.
    package func bytesLacking(for bytes: Int64, _ usage: Usage) -> Int64 {
        let reserve = Self.share(settings.reserve, of: usage.total)
        let lacking = reserve.addingClamped(max(0, bytes)).addingClamped(-max(0, usage.free))
        return max(0, lacking, bytesToFree(usage))
    }

    /// The same when the disk has refused some.
    ///
    /// Its numbers are not to be believed then: as if it were full, but then only a quarter of the cache at
    /// once, as where a quota is the reason.
    package func bytesLackingWhenRefused(_ usage: Usage) -> Int64 {
        var full = usage
        full.free = 0
        return max(
            bytesLacking(for: 0, usage), min(bytesToFree(full), max(0, usage.taken) / 4))
    }

    /// The bytes taken beyond which eviction begins.
    package func threshold(_ usage: Usage) -> Int64 { Self.share(settings.start, of: limit(usage)) }

    /// The bytes to free now; 0 when none need go.
    package func bytesToFree(_ usage: Usage) -> Int64 {
        guard usage.taken > threshold(usage) else { return 0 }
        return max(0, usage.taken - Self.share(settings.end, of: limit(usage)))
    }

    /// Does not overflow, whatever the disk says of itself.
    static func share(_ percent: Int64, of bytes: Int64) -> Int64 {
        let (bytes, percent) = (max(0, bytes), min(max(0, percent), 100))
        return bytes / 100 * percent + bytes % 100 * percent / 100
    }

    // MARK: - What first

    /// What to drop, in order: as much as brings `bytes`, or all that may go.
    ///
    /// First entries that serve nobody new; then those that nobody reads, least recently used first;
    /// then, of those being read, what lies behind all readers; then what lies ahead. Within each from
    /// the end of the file: its head is worth most. Pinned entries, and chunks that somebody reads or
    /// writes, never.
    package func victims(among candidates: [Candidate], toFree bytes: Int64) -> [Victim] {
        let ranked = candidates.filter { !$0.isPinned }
            .sorted { ($0.accessedAt, $0.entry) < ($1.accessedAt, $1.entry) }
            .flatMap(droppable)
            .enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
        var rest = bytes
        var victims: [Victim] = []
        for (_, (_, victim)) in ranked where rest > 0 {
            victims.append(victim)
            rest -= victim.bytes
        }
        return victims
    }

    private enum Rank: Int, Comparable {
        case superseded, unread, behind, ahead

        static func < (lhs: Rank, rhs: Rank) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    /// What of a candidate holds something and is needed by nobody, from the end.
    private func droppable(_ candidate: Candidate) -> [(rank: Rank, victim: Victim)] {
        let grid = candidate.grid.grouped(atLeast: settings.block)
        var held: [Int64: Int64] = [:]
        for piece in candidate.runs.flatMap(grid.pieces) {
            held[grid.index(of: piece.lowerBound), default: 0] += piece.length
        }
        return held.sorted { $0.key > $1.key }.compactMap { index, bytes in
            let range = grid.range(of: index)
            guard candidate.spans.leaveFree(range) else { return nil }
            let victim = Victim(entry: candidate.entry, range: range, bytes: bytes)
            return (Self.rank(of: range, candidate), victim)
        }
    }

    private static func rank(of range: ByteRange, _ candidate: Candidate) -> Rank {
        if candidate.isSuperseded { return .superseded }
        guard let first = candidate.spans.readers.map(\.lowerBound).min() else { return .unread }
        return range.upperBound <= first ? .behind : .ahead
    }
}
