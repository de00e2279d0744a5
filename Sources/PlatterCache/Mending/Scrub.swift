package import Logging
package import PlatterCore
package import PlatterStore

/// Reads everything that is recorded and compares it with its checksums (REQUIREMENTS D2): at the wish
/// of a person, or slowly in the background.
package struct Scrub: Sendable {
    /// How far it has come, in bytes that are recorded.
    package struct Progress: Hashable, Sendable {
        package var done: Int64 = 0
        package var total: Int64 = 0
    }

    package struct Report: Hashable, Sendable {
        package var entries = 0
        package var runs = 0
        package var bytes: Int64 = 0
        /// Runs whose bytes are not what was recorded.
        package var damaged: [Damage] = []
        /// Entries without a file that can be used: it has gone, is something else, or may not be read.
        package var withoutFile: [Unread] = []
        /// Entries whose file could not be opened now, or neither opened nor removed. They are as they were.
        package var unopened: [Unread] = []
        /// What SQLite finds wrong with the index itself.
        package var indexFaults: [String] = []

        package init() {}

        package var isClean: Bool {
            damaged.isEmpty && withoutFile.isEmpty && unopened.isEmpty && indexFaults.isEmpty
        }
    }

    /// An entry whose file could not be opened.
    package struct Unread: Hashable, Sendable {
        package let entry: EntryID
        package let key: CacheKey
        package let reason: String

        fileprivate init(_ record: EntryRecord, because reason: String) {
            entry = record.id
            key = record.representation.key
            self.reason = reason
        }
    }

    package struct Damage: Hashable, Sendable {
        package let entry: EntryID
        package let key: CacheKey
        package let range: ByteRange
        /// Nothing explains it: the row is of this boot, and nobody else has changed the file.
        package let isUnexplained: Bool
    }

    /// Entries of one question to the index [64], and runs of one entry [256].
    private static let pageLength = 64
    private static let runLimit = 256

    private let index: IndexWriter
    private let search: IndexSearch
    private let disk: any Disk
    private let evictor: Evictor
    private let log: Logger

    /// - Parameter evictor: Removes files that are of no use.
    package init(
        index: IndexWriter, search: IndexSearch, disk: any Disk, evictor: Evictor, log: Logger
    ) {
        self.index = index
        self.search = search
        self.disk = disk
        self.evictor = evictor
        self.log = log
    }

    /// Walks through all entries once. On a thread that may block.
    ///
    /// - Parameters:
    ///   - repairs: Forgets what is damaged, so that it is fetched again when it is wanted. An index that
    ///     is damaged is condemned as a whole, and nothing is compared. Without it, what is damaged is
    ///     not believed any more, so that it is compared again before it is served; an index that is
    ///     damaged is left as it is.
    ///   - pause: Called with the bytes read; how long to wait before more are.
    ///   - found: Called with each damaged place as it is found: a round that is broken off reports
    ///     nothing else. nil: nobody counts them here, so whoever finds them next does.
    ///   - progress: Called after each run.
    package func run(
        repairs: Bool, pause: (Int) -> Duration = { _ in .zero },
        found: ((Damage) -> Void)? = nil,
        progress: (Progress) async throws -> Void = { _ in }
    ) async throws -> Report {
        var report = Report()
        report.indexFaults = try await indexFaults().faults
        if repairs, !report.indexFaults.isEmpty {
            // A disk that failed once says the same.
            let (faults, epoch) = try await indexFaults()
            report.indexFaults = faults
            if let fault = faults.first {
                index.condemn(epoch, because: fault)
                return report
            }
        }
        var walk = Walk(repairs: repairs, isCounted: found != nil)
        walk.progress.total = try await search.read { (reader) throws(IndexError) in
            try reader.totalRecordedBytes()
        }
        var last: Int64 = 0
        while true {
            let page = try await search.read { [last] (reader) throws(IndexError) in
                try reader.entries(limit: Self.pageLength, after: last)
            }
            guard let end = page.last else { return report }
            for summary in page {
                report.entries += 1
                try await check(
                    summary.entry, walk: &walk, report: &report, pause: pause, found: found,
                    progress: progress)
            }
            last = end.entry.id.rawValue
        }
    }

    private func indexFaults() async throws(IndexError) -> (faults: [String], epoch: UInt64) {
        try await search.read { (reader) throws(IndexError) in try reader.faults() }
    }

    private struct Walk {
        let repairs: Bool
        /// Whether somebody is told of each damaged place.
        let isCounted: Bool
        var progress = Progress()
    }

    private func check(
        _ entry: EntryRecord, walk: inout Walk, report: inout Report,
        pause: (Int) -> Duration, found: ((Damage) -> Void)?,
        progress: (Progress) async throws -> Void
    ) async throws {
        var position: Int64 = 0
        var file: (any DataFile)?
        while true {
            let runs = try await runs(of: entry, from: position)
            guard let last = runs.last else { return }
            do throws(DiskError) {
                if file == nil {
                    // What it was left like may have been noted since the page was read.
                    let left = try? await search.read { (index) throws(IndexError) in
                        try index.entry(entry.id)?.stamp
                    }
                    file = try disk.openFile(entry.file, left: left ?? entry.stamp)
                }
            } catch {
                return try await couldNotOpen(entry, error, repairs: walk.repairs, &report)
            }
            guard let file else { return }
            for run in runs {
                try Task.checkCancellation()
                let damage = try await check(run, of: entry, in: file, &report)
                if let damage {
                    found?(damage)
                    try await withdraw(run.run, of: entry, damage, walk, report)
                }
                // A damaged row may say anything, and no byte of it was read.
                guard entry.grid.chunk(holding: run.run.range) != nil else { continue }
                walk.progress.done = walk.progress.done.addingClamped(run.run.range.length)
                try await progress(walk.progress)
                let wait = pause(Int(clamping: run.run.range.length))
                if wait > .zero { try await Task.sleep(for: wait) }
            }
            // Its last byte may be behind rows that were not looked at.
            position = last.run.range.lowerBound.addingClamped(1)
        }
    }

    private func runs(
        of entry: EntryRecord, from position: Int64
    ) async throws(IndexError) -> [RecordedRun] {
        try await search.read { (reader) throws(IndexError) in
            try reader.runs(of: entry.id, from: position, limit: Self.runLimit)
        }
    }

    private func couldNotOpen(
        _ entry: EntryRecord, _ error: DiskError, repairs: Bool, _ report: inout Report
    ) async throws(IndexError) {
        log.error(
            "A file of the cache cannot be opened", metadata: entry.naming(["error": "\(error)"]))
        let reason = error.code == .missing ? "it is missing" : error.message
        // What may pass is no reason to forget anything: its rows may be true.
        guard error.code.isForGood else {
            return report.unopened.append(Unread(entry, because: reason))
        }
        guard repairs else { return report.withoutFile.append(Unread(entry, because: reason)) }
        switch try await evictor.removeUseless(entry) {
        case .removed: report.withoutFile.append(Unread(entry, because: reason))
        case .inUse where error.code != .permission:
            // Who has it open reads on; without rows nothing more is expected in it.
            _ = try await index.dropRuns(0..<Int64.max, of: entry.id)
            report.withoutFile.append(Unread(entry, because: reason))
        case .inUse:
            report.unopened.append(
                Unread(entry, because: reason + "; it stays while somebody reads it"))
        case .usable:
            report.unopened.append(Unread(entry, because: reason + "; by now it may be there"))
        case .stays(let refusal):
            report.unopened.append(Unread(entry, because: "\(reason); \(refusal.message)"))
        }
    }

    /// - Returns: What is damaged of it.
    private func check(
        _ run: RecordedRun, of entry: EntryRecord, in file: any DataFile, _ report: inout Report
    ) async throws -> Damage? {
        let range = run.run.range
        let isSound = entry.grid.chunk(holding: range) != nil
        let untouched = Untouched(file)
        let isIntact =
            isSound && (try? Checksum.crc32c(of: file, range: range)) == run.run.crc32c
        if isIntact {
            report.runs += 1
            report.bytes = report.bytes.addingClamped(range.length)
            if !run.isVerified {
                index.stampVerified(
                    run.run, in: entry.id, holds: { untouched.holds }, completion: { _ in })
            }
            return nil
        }
        // It may have been evicted, or taken another's place, while it was read.
        let now = try await runs(of: entry, from: range.lowerBound).first
        guard now?.run == run.run else { return nil }
        report.runs += 1
        if isSound { report.bytes = report.bytes.addingClamped(range.length) }
        // Neither a change by others is the disk's fault, nor an index that is not ours.
        let isForeign = (try? file.foreignChange()) != .some(nil) || file.wasPunched(in: range)
        let damage = Damage(
            entry: entry.id, key: entry.representation.key, range: range,
            isUnexplained: isSound && run.isVerified && !isForeign)
        report.damaged.append(damage)
        log.error(
            "Bytes on disk are damaged",
            metadata: entry.naming(["file": "\(file.path)", "range": "\(range)"]))
        return damage
    }

    /// From now on it is not served as it is.
    private func withdraw(
        _ run: StoredRun, of entry: EntryRecord, _ damage: Damage, _ walk: Walk, _ report: Report
    ) async throws(IndexError) {
        if walk.repairs {
            // By its first byte where it is not sound: of what it says beyond that others may be right.
            let isSound = entry.grid.chunk(holding: run.range) != nil
            _ = try await index.dropRuns(
                isSound ? run.range : .starting(at: run.range.lowerBound, length: 1), of: entry.id)
        } else if report.indexFaults.isEmpty {
            // What was counted once is not counted again when it is found before it is served.
            let isCounted = walk.isCounted || !damage.isUnexplained
            try await index.distrust(
                run, of: damage.entry, because: isCounted ? .excused : .failure)
        }
    }
}
