import Logging
import PlatterCore
import PlatterStore

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
    /// Told what was taken from the index, in bytes.
    let dropped: @Sendable (Int64) -> Void

    private var rest: Int64 = 0

    init(
        policy: EvictionPolicy, table: EntryTable, disk: any Disk, index: IndexWriter,
        search: IndexSearch, wallClock: @escaping @Sendable () -> Int64, log: Logger,
        dropped: @escaping @Sendable (Int64) -> Void
    ) {
        self.policy = policy
        self.table = table
        self.disk = disk
        self.index = index
        self.search = search
        self.wallClock = wallClock
        self.log = log
        self.dropped = dropped
    }

    /// - Returns: The bytes that could not be freed; 0 when all went well.
    mutating func free(_ bytes: Int64) async throws(IndexError) -> Int64 {
        rest = bytes
        var beingRead: [EvictionRow] = []
        var last: EntryRecord?
        while rest > 0 {
            let page = try await search.read { [last] (index) throws(IndexError) in
                try index.evictionRows(after: last, limit: Self.pageLength)
            }
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
        return max(0, rest)
    }

    /// Removes the least valuable entry that nobody uses, for the sake of its file.
    ///
    /// - Returns: Whether there was one.
    mutating func removeOne() async throws(IndexError) -> Bool {
        var last: EntryRecord?
        while true {
            let page = try await search.read { [last] (index) throws(IndexError) in
                try index.evictionRows(after: last, limit: Self.pageLength)
            }
            guard let end = page.last else { return false }
            for row in page where !row.isPinned && spans(of: row) == Spans() {
                // Without one it gives nothing back, but it need not stay either.
                let hasFile = (try? disk.openFile(row.record.file, left: nil)) != nil
                rest = .max
                try await thin(row)
                let isGone = try await search.read { (reader) throws(IndexError) in
                    try reader.entry(row.record.id) == nil
                }
                if isGone, hasFile { return true }
            }
            last = end.record
        }
    }

    private func spans(of row: EvictionRow) -> Spans { table.spans.spans(of: row.record.id) }

    /// Takes an entry's chunks, as many as need be, and the entry when nothing is left of it.
    private mutating func thin(_ row: EvictionRow) async throws(IndexError) {
        var hasShrunk = false
        while rest > 0 {
            let before = rest
            let candidate = try await candidate(row)
            for victim in policy.victims(among: [candidate], toFree: rest) {
                try await drop(victim, of: row.record)
            }
            guard rest < before else { break }
            hasShrunk = true
        }
        let record = row.record
        guard
            hasShrunk || record.supersededAt != nil
                || record.accessedAt <= wallClock().addingClamped(-Self.emptyAge)
        else { return }
        _ = try await removeIfEmpty(record)
    }

    /// The last resort: of entries that are being read, what their readers do not need now.
    private mutating func thin(_ beingRead: [EvictionRow]) async throws(IndexError) {
        guard rest > 0 else { return }
        var candidates: [EvictionPolicy.Candidate] = []
        for row in beingRead { candidates.append(try await candidate(row)) }
        for victim in policy.victims(among: candidates, toFree: rest) {
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
        let ranges = try await index.evictRuns(victim.chunk, of: record.id)
        let bytes = ranges.reduce(Int64(0)) { $0.addingClamped($1.length) }
        rest -= bytes
        dropped(bytes)
        try await punch(victim.chunk, of: record)
    }

    /// Gives the chunk's room back, unless somebody needs it by now; then it is left to them. See
    /// `SpanTable` for why nobody is being sent these bytes.
    func punch(_ chunk: ByteRange, of record: EntryRecord) async throws(IndexError) {
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
            // Without holes the room comes back with the whole file.
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

    // MARK: - Removing

    /// - Returns: Whether the entry is gone.
    private func removeIfEmpty(_ record: EntryRecord) async throws(IndexError) -> Bool {
        guard try await isEmpty(record), table.spans.condemn(record.id) else { return false }
        do {
            // A flight may have come and gone in between. From here on none begins.
            guard try await isEmpty(record) else {
                table.spans.pardon(record.id)
                return false
            }
            _ = try await index.deleteEntry(record.id)
        } catch {
            table.spans.pardon(record.id)
            throw error
        }
        table.forget(record)
        do throws(DiskError) {
            try disk.removeFile(record.file)
        } catch {
            if error.code != .missing { report(error) }
        }
        return true
    }

    private func isEmpty(_ record: EntryRecord) async throws(IndexError) -> Bool {
        try await search.read { (index) throws(IndexError) in
            try !index.hasRuns(of: record.id, in: 0..<record.grid.completeLength)
        }
    }

    private func report(_ error: DiskError) {
        log.warning("Room could not be given back", metadata: ["error": "\(error)"])
    }
}
