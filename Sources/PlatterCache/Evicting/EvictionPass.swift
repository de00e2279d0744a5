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
    private static let runLimit = 4096
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
    }

    func page(after last: EntryRecord?) async throws(IndexError) -> [EvictionRow] {
        try await search.read { (index) throws(IndexError) in
            try index.evictionRows(after: last, limit: Self.pageLength)
        }
    }

    func spans(of row: EvictionRow) -> Spans { table.spans.spans(of: row.record.id) }

    /// Takes an entry's chunks, as many as need be, and the entry when nothing is left of it.
    private mutating func thin(_ row: EvictionRow) async throws(IndexError) {
        var hasShrunk = false
        while rest > 0, disk.punchesHoles {
            let before = rest
            let candidate = try await candidate(row)
            for victim in policy.victims(among: [candidate], toFree: rest) where disk.punchesHoles {
                try await drop(victim, of: row.record)
            }
            guard rest < before else { break }
            hasShrunk = true
        }
        let record = row.record
        guard
            hasShrunk || record.supersededAt != nil || !isYoung(record)
        else { return }
        try await removeIfEmpty(record)
    }

    /// Whether the entry is kept even when it is empty.
    func isYoung(_ record: EntryRecord) -> Bool {
        record.accessedAt > wallClock().addingClamped(-Self.emptyAge)
    }

    /// The last resort: of entries that are being read, what their readers do not need now.
    private mutating func thin(_ beingRead: [EvictionRow]) async throws(IndexError) {
        guard rest > 0, disk.punchesHoles else { return }
        var candidates: [EvictionPolicy.Candidate] = []
        for row in beingRead { candidates.append(try await candidate(row)) }
        for victim in policy.victims(among: candidates, toFree: rest) where disk.punchesHoles {
            guard let row = beingRead.first(where: { $0.record.id == victim.entry }) else {
                continue
            }
            try await drop(victim, of: row.record)
        }
    }

    private func candidate(
        _ row: EvictionRow
    ) async throws(IndexError) -> EvictionPolicy.Candidate {
        let record = row.record
        var candidate = EvictionPolicy.Candidate(entry: record.id, grid: record.grid)
        candidate.isSuperseded = record.supersededAt != nil
        candidate.isPinned = row.isPinned
        candidate.accessedAt = record.accessedAt
        candidate.runs = try await search.read { (index) throws(IndexError) in
            try index.lastRuns(of: record.id, limit: Self.runLimit)
        }
        candidate.spans = spans(of: row)
        return candidate
    }

    // MARK: - Dropping

    private mutating func drop(
        _ victim: EvictionPolicy.Victim, of record: EntryRecord
    ) async throws(IndexError) {
        // Its turn may have taken a while to come.
        guard table.spans.spans(of: record.id).leaveFree(victim.chunk) else { return }
        let bytes = try await forget(victim.chunk, of: record)
        try await punch(victim.chunk, of: record)
        // Without holes nothing came back.
        if disk.punchesHoles { rest -= bytes }
    }

    /// Takes runs from the index, unless a person wants them kept by now.
    ///
    /// - Returns: Their bytes.
    func forget(_ range: ByteRange, of record: EntryRecord) async throws(IndexError) -> Int64 {
        let mark = count.mark()
        let ranges = try await index.evictRuns(range, of: record.id)
        let bytes = ranges.reduce(Int64(0)) { $0.addingClamped($1.length) }
        count.dropped(bytes, mark)
        return bytes
    }

    /// Gives the chunk's room back, unless somebody needs it by now; then it is left to them. See
    /// `SpanTable` for why nobody is being sent these bytes.
    func punch(_ chunk: ByteRange, of record: EntryRecord) async throws(IndexError) {
        guard disk.punchesHoles else { return }
        let file: any DataFile
        do {
            file = try disk.openFile(record.file, left: record.stamp)
        } catch {
            // Without the file there is no room to give back.
            if error.code != .missing { report(error) }
            return
        }
        let hole = Self.hole(for: chunk, completeLength: record.grid.completeLength)
        try await search.read { [self] (reader) throws(IndexError) in
            try table.spans.whileFree(chunk, of: record.id) { () throws(IndexError) in
                guard try !reader.hasRuns(of: record.id, in: chunk) else { return }
                punch(hole, in: file, of: record.id)
            }
        }
    }

    /// A file may take so much more of the disk than is recorded of it [4 MiB]: file systems reserve a
    /// little, and so do flights.
    private static let slack: Int64 = 4 << 20

    /// Gives back what is in a file but not in the index.
    func trim(_ record: EntryRecord) async throws(IndexError) {
        guard disk.punchesHoles else { return }
        let (present, runs) = try await search.read { (reader) throws(IndexError) in
            (
                try reader.presentBytes(of: record.id),
                try reader.runs(of: record.id, limit: Self.runLimit)
            )
        }
        guard runs.count < Self.runLimit,
            let file = try? disk.openFile(record.file, left: record.stamp),
            let allocated = try? file.status().allocatedBytes,
            allocated > present.addingClamped(Self.slack)
        else { return }
        var position: Int64 = 0
        for run in runs.map(\.run.range) + [record.grid.completeLength..<Int64.max] {
            if run.lowerBound - position >= Self.slack {
                try await punch(position..<run.lowerBound, of: record)
            }
            position = max(position, run.upperBound)
        }
    }

    private func punch(_ hole: ByteRange, in file: any DataFile, of entry: EntryID) {
        do throws(DiskError) {
            try file.punch(hole)
        } catch {
            // Then the room comes back with the whole file.
            if error.code != .unsupported { report(error) }
        }
        index.note(file.stamp, of: entry) { _ in }
    }

    /// Whole blocks only: the ends of other holes are zeroed in place, and a socket that still holds
    /// the last page of a response would send the zeros. 64 KiB is the largest page there is.
    static func hole(for chunk: ByteRange, completeLength: Int64) -> ByteRange {
        let block: Int64 = 64 << 10
        let start = chunk.lowerBound.addingClamped(block - 1) / block * block
        // Nothing lies behind the end of the file.
        let isLast = chunk.upperBound >= completeLength
        let end = chunk.upperBound.addingClamped(isLast ? block - 1 : 0) / block * block
        return start..<max(start, end)
    }

    func report(_ error: DiskError) {
        log.warning("Room could not be given back", metadata: ["error": "\(error)"])
    }
}
