import Logging
import PlatterCore
import PlatterStore

/// Chunks: first their rows go, then a hole is made in the file.
extension EvictionPass {
    /// What became of a hole.
    enum Punching: Hashable {
        /// So many bytes of the file take no room any more.
        case done(room: Int64)
        /// Somebody needs the bytes by now, or there is no file.
        case needless
        /// The file cannot be changed. Its room comes back only with all of it.
        case refused
    }

    /// - Returns: Whether rows went.
    mutating func drop(
        _ victim: EvictionPolicy.Victim, of record: EntryRecord
    ) async throws(IndexError) -> Bool {
        // Its turn may have taken a while to come.
        guard thinned[record.id]?.isRefused != true,
            table.spans.spans(of: record.file).leaveFree(victim.range)
        else { return false }
        let bytes = try await forget(victim.range, of: record)
        let punching = try await punch(victim.range, of: record)
        // Without holes nothing came back.
        guard disk.punchesHoles else { return bytes > 0 }
        switch punching {
        case .done(let room):
            let freed = owe(bytes, room: room, record.id)
            rest -= freed
        case .needless: rest -= bytes
        case .refused:
            _ = owe(bytes, room: 0, record.id)
            thinned[record.id]?.isRefused = true
        }
        return bytes > 0
    }

    private mutating func owe(_ bytes: Int64, room: Int64, _ entry: EntryID) -> Int64 {
        thinned[entry, default: ThinnedEntry()].dropped(bytes, room: room)
    }

    /// Takes runs from the index.
    ///
    /// - Parameter sparesPinned: Not those that a person wants kept by now.
    /// - Returns: Their bytes.
    func forget(
        _ range: ByteRange, of record: EntryRecord, sparesPinned: Bool = true
    ) async throws(IndexError) -> Int64 {
        let mark = count.mark()
        let ranges =
            sparesPinned
            ? try await index.evictRuns(range, of: record.id)
            : try await index.dropRuns(range, of: record.id)
        // A damaged row may say anything, and was not counted before.
        let bytes = ranges.filter { record.grid.chunk(holding: $0) != nil }
            .reduce(Int64(0)) { $0.addingClamped($1.length) }
        count.dropped(bytes, mark)
        return bytes
    }

    /// Takes a row that says what cannot be. It promises nothing, and freed is what others know of.
    mutating func dropUnsound(
        _ run: ByteRange, of record: EntryRecord
    ) async throws(IndexError) {
        _ = try await forget(.starting(at: run.lowerBound, length: 1), of: record)
        let grid = record.grid
        guard run.lowerBound < grid.completeLength else { return }
        _ = try await punch(grid.range(of: grid.index(of: run.lowerBound)), of: record)
    }

    // MARK: - Holes

    /// Gives the room of a range back, unless somebody needs it by now; then it is left to them. See
    /// `SpanTable` for why nobody is being sent these bytes.
    @discardableResult
    mutating func punch(
        _ range: ByteRange, of record: EntryRecord
    ) async throws(IndexError) -> Punching {
        guard disk.punchesHoles else { return .refused }
        let file: any DataFile
        switch try await open(record) {
        case .success(let opened): file = opened
        case .failure(let error):
            // Without the file there is no room to give back.
            if error.code == .missing { return .needless }
            report(error)
            return .refused
        }
        let plan = HolePlan(
            range, completeLength: record.grid.completeLength, block: policy.settings.block)
        return try await search.read { [self] (reader) throws(IndexError) -> Punching in
            var punching = Punching.needless
            try table.spans.whileFree(range, of: record.file) { () throws(IndexError) in
                guard try !reader.hasRuns(of: record.id, in: range) else { return }
                let hole = plan.hole(
                    takesBefore: try isUnused(plan.before, of: record, reader),
                    takesAfter: try isUnused(plan.after, of: record, reader))
                let isMade = hole.isEmpty || punch(hole, in: file, of: record.id)
                punching = isMade ? .done(room: plan.room(in: hole)) : .refused
            }
            return punching
        }
    }

    /// Whether nothing is recorded of a range and nobody needs it. In this order: a flight that comes and
    /// goes in between leaves a row.
    private func isUnused(
        _ range: ByteRange, of record: EntryRecord, _ reader: IndexReader
    ) throws(IndexError) -> Bool {
        guard table.spans.spans(of: record.file).leaveFree(range) else { return false }
        return try !reader.hasRuns(of: record.id, in: range)
    }

    /// The entry's file, open until the round is done with the entry.
    private mutating func open(
        _ record: EntryRecord
    ) async throws(IndexError) -> Result<any DataFile, DiskError> {
        if let file = thinned[record.id]?.file { return .success(file) }
        // What it was left like may have been noted since the record was read.
        let now = try await search.read { (index) throws(IndexError) in
            try index.entry(record.id)
        }
        do throws(DiskError) {
            let file = try disk.openFile(record.file, left: now?.stamp)
            thinned[record.id, default: ThinnedEntry()].file = file
            return .success(file)
        } catch {
            return .failure(error)
        }
    }

    /// - Returns: Whether the file took it.
    private func punch(_ hole: ByteRange, in file: any DataFile, of entry: EntryID) -> Bool {
        defer { index.note(file.stamp, of: entry) { _ in } }
        do throws(DiskError) {
            try file.punch(hole)
            return true
        } catch {
            // Then the room comes back with the whole file.
            if error.code != .unsupported { report(error) }
            return false
        }
    }

    func report(_ error: DiskError) {
        log.warning("Room could not be given back", metadata: ["error": "\(error)"])
    }

    // MARK: - Trimming

    /// A file may take so much more of the disk than is recorded of it [4 MiB]: file systems reserve a
    /// little, and so do flights.
    private static let slack: Int64 = 4 << 20

    /// Gives back what is in a file but not in the index.
    mutating func trim(_ record: EntryRecord) async throws(IndexError) {
        guard disk.punchesHoles else { return }
        let (present, runs) = try await search.read { (reader) throws(IndexError) in
            (
                try reader.presentBytes(of: record.id),
                try reader.runs(of: record.id, limit: Self.runLimit)
            )
        }
        guard runs.count < Self.runLimit,
            case .success(let file) = try await open(record),
            let allocated = try? file.status().allocatedBytes,
            allocated > present.addingClamped(Self.slack)
        else { return }
        var position: Int64 = 0
        for run in runs.map(\.run.range) + [record.grid.completeLength..<Int64.max] {
            if run.lowerBound - position >= Self.slack {
                let punching = try await punch(position..<run.lowerBound, of: record)
                if punching == .refused { return }
            }
            position = max(position, run.upperBound)
        }
    }
}
