import PlatterCore
import PlatterStore

/// What an index promised before somebody touched it. Whatever it says afterwards, it must not say
/// more.
struct IndexTruth {
    static let boot = "boot 1"

    struct Run {
        var entry: Int64
        var run: StoredRun
        var boot: String
    }

    var entries: [NewEntry] = []
    var runs: [Run] = []

    /// The checksum over a row of `cache_chunks`, by its definition.
    static func seal(of run: StoredRun, entry: Int64) -> Int64 {
        let values = [
            entry, run.range.lowerBound, run.range.upperBound, Int64(run.crc32c),
        ]
        return values.withUnsafeBytes { Int64(Checksum.crc32c(of: $0)) }
    }

    /// The checksum over a row of `cache_entries`.
    static func seal(of entry: NewEntry, validator: String) -> Int64 {
        let parts = [
            entry.representation.key.text, validator, String(entry.grid.completeLength),
            String(entry.grid.chunkLength), entry.file.text,
        ]
        let bytes = parts.reduce(into: [UInt8]()) { $0 += Array($1.utf8) + [0xFF] }
        return bytes.withUnsafeBytes { Int64(Checksum.crc32c(of: $0)) }
    }

    // MARK: - Questions

    /// Asks everything that is asked of an index, and checks each answer.
    ///
    /// - Throws: Broken promises. An index that says that it is corrupt has answered.
    func question(_ reader: IndexReader, _ input: inout FuzzInput) throws {
        let flaw: String?
        do throws(IndexError) {
            flaw = try ask(reader, &input)
        } catch {
            return
        }
        if let flaw { throw Violation(description: flaw) }
    }

    /// - Returns: A promise that was broken.
    private func ask(
        _ reader: IndexReader, _ input: inout FuzzInput
    ) throws(IndexError) -> String? {
        var flaws: [String?] = []
        for entry in entries {
            guard let record = try reader.entry(for: entry.representation.key) else { continue }
            flaws.append(flaw(of: record))
        }
        let id = try reader.entryID(Int64(input.below(5)))
        if let record = try reader.entry(id) { flaws.append(flaw(of: record)) }
        let length = input.oneIn(4) ? input.number() : 600_000
        for _ in 0..<4 {
            let position = input.oneIn(4) ? input.number() : input.natural(upTo: max(0, length))
            let next = position.addingClamped(input.natural(upTo: 200_000))
            let limit = input.oneIn(4) ? length : next
            let presence = try reader.presence(of: id, at: position, upTo: limit)
            flaws.append(flaw(of: presence, id.rawValue, position, limit))
        }
        flaws.append(try askForLists(reader, id, &input))
        return flaws.compactMap { $0 }.first
    }

    private func askForLists(
        _ reader: IndexReader, _ id: EntryID, _ input: inout FuzzInput
    ) throws(IndexError) -> String? {
        let runs = try reader.runs(of: id, from: input.number(), limit: input.below(20))
        let isBare = runs.contains { $0.run.range.isEmpty || $0.run.range.lowerBound < 0 }
        if isBare { return "\(runs) of \(id)" }
        let page = try reader.entries(limit: input.below(4), after: input.number())
        for summary in page { if let flaw = flaw(of: summary.entry) { return flaw } }
        let rows = try reader.evictionRows(after: page.last?.entry, limit: 1 + input.below(4))
        for row in rows { if let flaw = flaw(of: row.record) { return flaw } }
        _ = try reader.lastRuns(of: id, limit: input.below(10))
        _ = try reader.hasRuns(of: id, in: input.range(within: 600_000))
        _ = try reader.presentBytes(of: id)
        _ = try reader.totalRecordedBytes()
        return try reader.entry(with: entries[0].file).flatMap { flaw(of: $0) }
    }

    // MARK: - Answers

    /// Nothing that names bytes may be other than it was written.
    private func flaw(of record: EntryRecord) -> String? {
        let isKnown = entries.contains {
            $0.representation == record.representation && $0.grid == record.grid
                && $0.file == record.file
        }
        return isKnown ? nil : "an entry that nobody wrote: \(record)"
    }

    private func flaw(
        of presence: Presence, _ entry: Int64, _ position: Int64, _ limit: Int64
    ) -> String? {
        let description = "\(presence) of entry \(entry), asked for \(position) to \(limit)"
        switch presence {
        case .present(let range):
            let isSound =
                range.lowerBound == position && !range.isEmpty && range.upperBound <= limit
            return isSound && isTrue(range, of: entry) ? nil : description
        case .unverified(let run):
            return run.range.contains(position) ? nil : description
        case .absent(let range):
            let isSound = range.lowerBound == position && range.upperBound <= max(position, limit)
            return isSound ? nil : description
        }
    }

    /// Whether rows of this boot promised all of these bytes.
    private func isTrue(_ range: ByteRange, of entry: Int64) -> Bool {
        var position = range.lowerBound
        while position < range.upperBound {
            let next = runs.first {
                $0.entry == entry && $0.boot == Self.boot && $0.run.range.contains(position)
            }
            guard let next else { return false }
            position = next.run.range.upperBound
        }
        return true
    }
}
