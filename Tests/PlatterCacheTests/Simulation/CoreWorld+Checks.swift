import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

@testable import PlatterCache

/// What has to hold.
extension CoreWorld {
    func check() {
        if let violation = life.queue.violation { fault(violation) }
        if woes.isDisjoint(with: [.disk, .tampering, .rows, .index, .restarts]) { checkPinned() }
    }

    /// What is asked of the origins is not on disk.
    func noteCalls() {
        for call in life.origin.calls where call.number > heardCalls {
            heardCalls = call.number
            note("call \(call.number) asks \(call.request.url) for \(call.request.range as Any)")
            checkNeed(of: call)
        }
    }

    /// What is recorded is not fetched again. Who goes past the store may ask for it, and who opens an
    /// entry that somebody else has opened meanwhile: where nothing drives them there, nobody does.
    private func checkNeed(of call: Call) {
        guard let film = films.first(where: { $0.url == call.request.url }), !film.lacksRanges,
            case .from(let start, let end?)? = call.request.range,
            let record = try? life.auditor.entry(for: film.key),
            case .present(let run)? = try? life.auditor.presence(
                of: record.id, at: start, upTo: min(end, record.grid.completeLength))
        else { return }
        count("asked though present")
        note("    although \(run) is on disk")
        if woes.isDisjoint(with: [.versions, .disk, .tampering, .rows, .index]) {
            fault("\(run) is on disk and asked for again")
        }
        wasted += run.length
    }

    // MARK: - Eviction

    private var pinnedBytes: Int64? {
        guard let pinned, let record = try? life.auditor.entry(for: pinned) else { return nil }
        return try? life.auditor.presentBytes(of: record.id)
    }

    /// What a person wants kept only grows, unless the origin has another version.
    private func checkPinned() {
        guard let pinned, isKept.withLockedValue({ $0 }),
            let record = try? life.auditor.entry(for: pinned),
            let bytes = try? life.auditor.presentBytes(of: record.id)
        else { return }
        if keptEntry == record.id, bytes < keptBytes {
            fault("of what is to be kept \(keptBytes - bytes) bytes were taken")
        }
        (keptEntry, keptBytes) = (record.id, bytes)
    }

    // MARK: - The end

    /// The index, the files and what is in them agree.
    func checkStore() {
        guard flaw == nil, life.hasIndex else { return }
        guard let summaries = try? life.auditor.entries(limit: 1000) else {
            // Damage that nobody had come upon: from here on there is no index, until it is made anew.
            if woes.contains(.index), !life.hasIndex { return }
            return fault("the index cannot be read")
        }
        let nodes = platters.state.withLockedValue { $0.nodes }
        let owned = Set(summaries.map(\.entry.file))
        for name in nodes.keys where !owned.contains(name) { fault("\(name) belongs to nobody") }
        for summary in summaries {
            let spans = life.table.spans.spans(of: summary.entry.file)
            if spans != Spans() { fault("somebody still holds \(spans)") }
            checkRuns(of: summary.entry, in: nodes[summary.entry.file])
        }
        let total = summaries.reduce(Int64(0)) { $0 + $1.presentBytes }
        let kept = pinnedBytes ?? 0
        if total - kept > settings.maximum {
            fault("\(total) bytes are recorded, \(settings.maximum) are allowed")
        }
        checkRoom(nodes)
        let held = Set(life.disk.openFiles).subtracting(owned)
        if !held.isEmpty { fault("\(held.count) files are open that nobody owns") }
    }

    /// Where nothing can be punched out, what was recorded and is no more still takes room: the files have
    /// to be small enough, unless somebody has changed them or the index behind our back.
    private func checkRoom(_ nodes: [DataFileName: MemoryNode]) {
        guard !life.disk.punchesHoles,
            woes.isDisjoint(with: [.disk, .tampering, .rows, .index])
        else { return }
        count("rooms without holes")
        let taken = nodes.values.reduce(Int64(0)) { $0 + $1.allocatedBytes }
        let record = pinned.flatMap { try? life.auditor.entry(for: $0) }
        let kept = record.flatMap { nodes[$0.file]?.allocatedBytes } ?? 0
        if taken - kept > settings.maximum {
            fault("files take \(taken - kept) bytes, \(settings.maximum) are allowed")
        }
    }

    /// What may be served unread is what was promised.
    private func checkRuns(of record: EntryRecord, in node: MemoryNode?) {
        guard let film = films.first(where: { $0.key == record.representation.key }),
            let version = film.version(like: record.representation),
            let runs = try? life.auditor.runs(of: record.id)
        else { return fault("an entry of nothing") }
        // Who opens a file that is not as it was left has its runs compared first.
        guard let node, let file = try? life.disk.openFile(record.file, left: record.stamp),
            (try? file.foreignChange()) == .some(.none)
        else { return }
        for run in runs where run.isVerified {
            let bytes = node.bytes(run.run.range)
            let isWhole = bytes.count == Int(run.run.range.length)
            if isWhole, Ramp.matches(bytes, at: run.run.range.lowerBound, shift: version.number) {
                continue
            }
            fault("\(run.run.range) of entry \(record.id) is trusted, and wrong")
        }
    }

    /// What the program had is gone with it.
    func checkLeftovers() {
        guard flaw == nil else { return }
        if leftovers.contains(where: \.isLeft) { fault("something outlives its life") }
    }
}
