import Logging
import PlatterCore
import PlatterStore

/// How a round tells what it takes from the index; see `EvictionTrigger`.
struct EvictionCount: Sendable {
    let mark: @Sendable () -> EvictionTrigger.Mark
    let dropped: @Sendable (Int64, EvictionTrigger.Mark) -> Void
}

/// One round of eviction: walks the entries in the order in which they lose their bytes and drops
/// chunks until enough is free. A row goes before its bytes, an entry's rows before its file.
struct EvictionPass {
    /// Entries of one question to the index [64], and runs of one entry [4096].
    private static let pageLength = 64
    static let runLimit = 4096
    /// An entry without a byte is kept for so long after its last use, in seconds [60].
    private static let emptyAge: Int64 = 60

    let policy: EvictionPolicy
    let table: EntryTable
    let disk: any Disk
    let index: IndexWriter
    let search: IndexSearch
    let wallClock: @Sendable () -> Int64
    let log: Logger
    let count: EvictionCount

    var rest: Int64 = 0
    /// The disk does not let go of a file.
    var isRefused = false
    /// The entries whose chunks are being taken, and those whose files refused a hole.
    var thinned: [EntryID: ThinnedEntry] = [:]

    init(
        policy: EvictionPolicy, table: EntryTable, disk: any Disk, index: IndexWriter,
        search: IndexSearch, wallClock: @escaping @Sendable () -> Int64, log: Logger,
        count: EvictionCount
    ) {
        self.policy = policy
        self.table = table
        self.disk = disk
        self.index = index
        self.search = search
        self.wallClock = wallClock
        self.log = log
        self.count = count
    }

    /// - Returns: The bytes that could not be freed; 0 when all went well.
    mutating func free(_ bytes: Int64) async throws(IndexError) -> Int64 {
        rest = bytes
        if disk.punchesHoles { try await thinAll() }
        // It may have been found out just now that there are no holes.
        if !disk.punchesHoles { try await removeFiles() }
        return max(0, rest)
    }

    /// Takes chunks.
    private mutating func thinAll() async throws(IndexError) {
        var beingRead: [EvictionRow] = []
        var last: EntryRecord?
        while rest > 0, disk.punchesHoles {
            let page = try await page(after: last)
            guard !page.isEmpty else { break }
            for row in page where rest > 0 && !row.isPinned {
                if row.record.supersededAt == nil, !spans(of: row).readers.isEmpty {
                    beingRead.append(row)
                } else {
                    try await thin(row)
                }
            }
            last = page.last?.record
        }
        try await thin(beingRead)
        thinned = [:]
    }

    func page(after last: EntryRecord?) async throws(IndexError) -> [EvictionRow] {
        try await search.read { (index) throws(IndexError) in
            try index.evictionRows(after: last, limit: Self.pageLength)
        }
    }

    func spans(of row: EvictionRow) -> Spans { table.spans.spans(of: row.record.file) }

    /// Takes an entry's chunks, as many as need be, and the entry when nothing is left of it.
    private mutating func thin(_ row: EvictionRow) async throws(IndexError) {
        let record = row.record
        var hasShrunk = false
        var isOver = false
        while rest > 0, disk.punchesHoles, !isOver {
            let candidate = try await candidate(row)
            isOver = true
            for victim in policy.victims(among: [candidate], toFree: rest)
            where rest > 0 && disk.punchesHoles {
                // Room may come back only with what lies before it.
                if try await drop(victim, of: record) { (hasShrunk, isOver) = (true, false) }
            }
        }
        thinned[record.id]?.file = nil
        guard
            hasShrunk || record.supersededAt != nil || !isYoung(record)
        else { return }
        guard try await removeIfEmpty(record) else { return }
        let freed = thinned[record.id]?.settle() ?? 0
        rest -= freed
    }

    /// Whether the entry is kept even when it is empty.
    func isYoung(_ record: EntryRecord) -> Bool {
        record.accessedAt > wallClock().addingClamped(-Self.emptyAge)
    }

    /// The last resort: of entries that are being read, what their readers do not need now.
    private mutating func thin(_ beingRead: [EvictionRow]) async throws(IndexError) {
        var isOver = false
        while rest > 0, disk.punchesHoles, !isOver {
            var candidates: [EvictionPolicy.Candidate] = []
            for row in beingRead { candidates.append(try await candidate(row)) }
            isOver = true
            for victim in policy.victims(among: candidates, toFree: rest)
            where rest > 0 && disk.punchesHoles {
                guard let row = beingRead.first(where: { $0.record.id == victim.entry }) else {
                    continue
                }
                if try await drop(victim, of: row.record) { isOver = false }
            }
        }
    }

    private mutating func candidate(
        _ row: EvictionRow
    ) async throws(IndexError) -> EvictionPolicy.Candidate {
        let record = row.record
        var candidate = EvictionPolicy.Candidate(entry: record.id, grid: record.grid)
        candidate.isSuperseded = record.supersededAt != nil
        candidate.isPinned = row.isPinned
        candidate.accessedAt = record.accessedAt
        let runs = try await search.read { (index) throws(IndexError) in
            try index.lastRuns(of: record.id, limit: Self.runLimit)
        }
        candidate.runs = runs.filter { record.grid.chunk(holding: $0) != nil }
        for run in runs where record.grid.chunk(holding: run) == nil {
            try await dropUnsound(run, of: record)
        }
        candidate.spans = spans(of: row)
        return candidate
    }
}
