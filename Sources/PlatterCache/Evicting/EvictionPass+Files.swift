import PlatterCore
import PlatterStore

/// Whole entries and their files: what goes for want of files, and all that can go where the file system
/// cannot punch holes.
extension EvictionPass {
    /// Removes the least valuable entry that nobody uses, for the sake of its file.
    ///
    /// - Returns: Whether there was one.
    mutating func removeOne() async throws(IndexError) -> Bool {
        var last: EntryRecord?
        while !isRefused {
            let page = try await page(after: last)
            guard let end = page.last else { return false }
            for row in page where !isRefused && !row.isPinned && spans(of: row) == Spans() {
                // Without one it gives nothing back, but it need not stay either.
                let hasFile = (try? disk.openFile(row.record.file, left: nil)) != nil
                guard try await !isYoungAndEmpty(row.record) else { continue }
                if try await remove(row.record), hasFile { return true }
            }
            last = end.record
        }
        return false
    }

    /// Removes entries, the least valuable first, until enough is free.
    mutating func removeFiles() async throws(IndexError) {
        var last: EntryRecord?
        while rest > 0, !isRefused {
            let page = try await page(after: last)
            guard !page.isEmpty else { break }
            try await removeFiles(of: page)
            last = page.last?.record
        }
    }

    private mutating func removeFiles(of page: [EvictionRow]) async throws(IndexError) {
        var candidates: [EvictionPolicy.FileCandidate] = []
        for row in page where try await !isYoungAndEmpty(row.record) {
            candidates.append(try await fileCandidate(row))
        }
        while rest > 0 {
            let chosen = policy.removals(among: candidates, toFree: rest)
            guard !chosen.isEmpty else { return }
            for removal in chosen where !isRefused {
                guard let row = page.first(where: { $0.record.id == removal.entry }) else {
                    continue
                }
                if try await remove(row.record) { rest = rest.addingClamped(-removal.bytes) }
            }
            // Some may have stayed, for somebody needs them by now.
            candidates.removeAll { chosen.contains($0) }
        }
    }

    /// What files take of the disk beyond what is recorded of them.
    func unrecordedBytes() async throws(IndexError) -> Int64 {
        var sum: Int64 = 0
        var last: EntryRecord?
        while true {
            let page = try await page(after: last)
            guard let end = page.last else { return sum }
            for row in page { sum = sum.addingClamped(try await fileCandidate(row).unrecorded) }
            last = end.record
        }
    }

    private func fileCandidate(
        _ row: EvictionRow
    ) async throws(IndexError) -> EvictionPolicy.FileCandidate {
        let record = row.record
        var candidate = EvictionPolicy.FileCandidate(entry: record.id)
        candidate.isSuperseded = record.supersededAt != nil
        candidate.isPinned = row.isPinned
        candidate.accessedAt = record.accessedAt
        candidate.recorded = try await search.read { (index) throws(IndexError) in
            try index.presentBytes(of: record.id)
        }
        let file = try? disk.openFile(record.file, left: record.stamp)
        candidate.allocated = try? file?.status().allocatedBytes
        candidate.spans = spans(of: row)
        return candidate
    }

    // MARK: - Removing

    /// Takes all of an entry, unless somebody needs it or wants it kept by now.
    ///
    /// - Returns: Whether its room comes back.
    private mutating func remove(_ record: EntryRecord) async throws(IndexError) -> Bool {
        guard table.spans.condemn(record.file) else { return false }
        do {
            _ = try await forget(0..<Int64.max, of: record)
        } catch {
            table.spans.pardon(record.file)
            throw error
        }
        return try await removeCondemned(record)
    }

    /// Takes all of an entry whose file has gone, whoever wants it kept, unless somebody has it in use by
    /// now.
    ///
    /// - Returns: Whether it is gone.
    mutating func removeLost(_ record: EntryRecord) async throws(IndexError) -> Bool {
        guard table.spans.condemn(record.file) else { return false }
        // A flight may have made the file again. From here on none writes to it.
        guard disk.hasLost(record.file) else {
            table.spans.pardon(record.file)
            return false
        }
        do {
            _ = try await forget(0..<Int64.max, of: record, sparesPinned: false)
        } catch {
            table.spans.pardon(record.file)
            throw error
        }
        return try await removeCondemned(record)
    }

    /// The same of an entry whose file is there but of no use: it cannot be opened, whoever tries again. It is
    /// removed before the rows are: nobody can read what they promise.
    mutating func removeUseless(_ record: EntryRecord) async throws(IndexError) -> Removal {
        guard table.spans.condemn(record.file) else { return .inUse }
        // A flight may have made the file again, or a person put it right. From here on none writes to it.
        guard let fault = disk.faultForGood(of: record.file) else {
            table.spans.pardon(record.file)
            return .usable
        }
        do throws(DiskError) {
            if fault.code != .missing { try disk.removeFile(record.file) }
        } catch {
            // Somebody who may not change the folder may not read the file either: a person has to see to it.
            if fault.code == .permission, error.code != .missing {
                table.spans.pardon(record.file)
                return .stays(error)
            }
        }
        do throws(IndexError) {
            _ = try await forget(0..<Int64.max, of: record, sparesPinned: false)
            _ = try await removeCondemned(record)
        } catch {
            // Another one was faster.
            if error.code == .entryGone { return .removed }
            table.spans.pardon(record.file)
            throw error
        }
        return table.spans.isCondemned(record.file) ? .removed : .inUse
    }

    /// - Returns: Whether the entry was empty, and its file is gone.
    mutating func removeIfEmpty(_ record: EntryRecord) async throws(IndexError) -> Bool {
        guard try await isEmpty(record), table.spans.condemn(record.file) else { return false }
        return try await removeCondemned(record)
    }

    /// - Returns: Whether the file is gone too.
    private mutating func removeCondemned(
        _ record: EntryRecord
    ) async throws(IndexError) -> Bool {
        do {
            // A flight may have come and gone before. From here on none begins.
            guard try await isEmpty(record) else {
                table.spans.pardon(record.file)
                return false
            }
            _ = try await index.deleteEntry(record.id)
        } catch {
            // Another round was faster.
            if error.code == .entryGone { return false }
            table.spans.pardon(record.file)
            throw error
        }
        table.forget(record)
        do throws(DiskError) {
            try disk.removeFile(record.file)
        } catch {
            guard error.code != .missing else { return true }
            report(error)
            // The next one would stay as well, and lose its rows for nothing.
            isRefused = true
            return false
        }
        return true
    }

    private func isEmpty(_ record: EntryRecord) async throws(IndexError) -> Bool {
        try await search.read { (index) throws(IndexError) in
            try !index.hasRuns(of: record.id, in: 0..<record.grid.completeLength)
        }
    }

    /// Somebody may be about to fetch its first byte.
    private func isYoungAndEmpty(_ record: EntryRecord) async throws(IndexError) -> Bool {
        guard record.supersededAt == nil, isYoung(record) else { return false }
        return try await isEmpty(record)
    }
}
