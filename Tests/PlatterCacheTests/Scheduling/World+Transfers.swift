import PlatterCore

@testable import PlatterCache

/// What transfers, the index and the clock do.
extension World {
    mutating func step(_ id: FlightID) {
        guard let transfer = transfers[id] else { return }
        switch transfer.phase {
        case .planning:
            guard let order = transfer.order else { return }
            let gap = transfer.earlyPlan ?? gap(for: order)
            transfers[id]?.phase = .recording
            note("planned \(id) \(String(describing: gap))")
            let actions = scheduler.planned(id, gap: gap, now: now)
            let isFlying = actions.contains { if case .fly(id, _) = $0 { true } else { false } }
            if !isFlying { noteIdle(id) }
            if !isFlying { transfers[id] = nil }
            perform(actions)
        case .opening: answer(id, transfer)
        case .flying: progress(id, transfer)
        case .recording:
            record(id, upTo: transfer.mark)
            transfers[id] = nil
            note("recorded \(id)")
            perform(scheduler.recorded(id, now: now))
        }
    }

    /// Puts what a transfer has brought into the index.
    mutating func record(_ id: FlightID, upTo mark: Int64) {
        guard let transfer = transfers[id], transfer.recorded < mark else { return }
        films[transfer.film].present.insert(contentsOf: transfer.recorded..<mark)
        transfers[id]?.recorded = mark
    }

    private mutating func answer(_ id: FlightID, _ transfer: Transfer) {
        if transfer.isCancelled, random.once(in: 2) { return land(id, .ended) }
        if breaks(id) || misbehaves(id, transfer) { return }
        guard let order = transfer.order else { return }
        let length = films[transfer.film].length
        var range: ByteRange
        switch order.start {
        case .offset(let start):
            if start >= length, length > 0 {
                return land(id, .failed(.unsatisfiable(completeLength: length)))
            }
            range = .starting(at: min(start, length), length: order.length, limit: length)
        case .suffix(let count): range = max(0, length - count)..<length
        }
        let lacksRanges = films[transfer.film].lacksRanges
        if lacksRanges || hasFaults && random.once(in: 5) { range = 0..<length }
        films[transfer.film].isOpen = true
        transfers[id]?.phase = .flying
        transfers[id]?.range = range
        transfers[id]?.mark = range.lowerBound
        transfers[id]?.recorded = range.lowerBound
        transfers[id]?.end = range.upperBound
        note("opened \(id) \(range) of \(length)")
        transfers[id]?.isWhole = lacksRanges
        noteAnswer(of: id)
        perform(
            scheduler.opened(
                id, body: range, completeLength: length, lacksRanges: lacksRanges, now: now))
    }

    /// Not known yet, known to be little, or so much that nothing is worth another request.
    private mutating func near() -> Int64 {
        switch random.below(4) {
        case 0: .max
        case 1: random.below(64 << 20)
        default: random.below(1 << 20)
        }
    }

    private mutating func progress(_ id: FlightID, _ transfer: Transfer) {
        if transfer.isCancelled, !hasFaults || random.once(in: 3) { return land(id, .ended) }
        if transfer.mark >= transfer.end { return land(id, .ended) }
        if breaks(id) || misbehaves(id, transfer) { return }
        if transfer.isStalled, !isCalm { return }
        if films[transfer.film].lacksRanges, !transfer.isWhole { return beginWhole(id) }
        let amount = isCalm ? 1 << 20 : 1 + random.below(256 << 10)
        let mark = min(transfer.end, transfer.mark + amount)
        count(transfer, upTo: mark)
        noteBytes(of: id)
        transfers[id]?.mark = mark
        note("advanced \(id) to \(mark)")
        perform(
            scheduler.advanced(
                id, mark: mark,
                pace: Pace(
                    handover: random.below(200_000), near: near(), soon: random.below(4 << 20)),
                now: now))
        if random.once(in: 3) { record(id, upTo: mark) }
    }

    private mutating func beginWhole(_ id: FlightID) {
        note("whole \(id)")
        transfers[id]?.isWhole = true
        let limit = transfers[id]?.end
        perform(scheduler.sendsWhole(id, now: now))
        guard let end = scheduler.end(of: id), let limit, end >= limit else {
            return fault("a whole that ends before what was asked for")
        }
        transfers[id]?.end = end
    }

    /// Without faults each byte comes once, unless the origin sends it with others.
    private mutating func count(_ transfer: Transfer, upTo mark: Int64) {
        let arrived = RangeSet(transfer.mark..<mark)
        let again = films[transfer.film].fetched.intersection(arrived)
        let isExact = !hasFaults && manners.isEmpty && !films[transfer.film].lacksRanges
        if isExact, !again.isEmpty { fault("\(again) came twice") }
        films[transfer.film].fetched.formUnion(arrived)
    }

    private mutating func breaks(_ id: FlightID) -> Bool {
        guard hasFaults, !isCalm, random.once(in: 12) else { return false }
        switch random.below(8) {
        case 0: land(id, .failed(.status(id.rawValue.isMultiple(of: 2) ? 403 : 404)))
        case 1: land(id, .failed(.changed))
        case 2: land(id, .ended)
        case 3: land(id, .retryable(after: .seconds(random.below(100))))
        case 4:
            transfers[id]?.isStalled = true
            return false
        case 5: land(id, .untrusted)
        default: land(id, .retryable(after: nil))
        }
        return true
    }

    mutating func land(_ id: FlightID, _ outcome: FlightOutcome) {
        noteSilence()
        transfers[id]?.phase = .recording
        note("landed \(id) \(outcome)")
        noteEnd(of: id, outcome)
        let jitter = Double(random.below(101)) / 100
        perform(scheduler.landed(id, outcome: outcome, jitter: jitter, now: now))
    }

    // MARK: - The rest of the world

    mutating func deleteRows() {
        let film = Int(random.below(Int64(films.count)))
        let start = random.below(films[film].length)
        let range = start..<min(films[film].length, start + random.below(1 << 20))
        note("delete \(range) of \(film)")
        films[film].present.remove(contentsOf: range)
        films[film].fetched.remove(contentsOf: range)
    }

    mutating func passTime(_ duration: Duration) {
        now = now.advanced(by: duration)
        guard let due = timer, due <= now else { return }
        timer = nil
        note("timer")
        perform(scheduler.timer(now: now))
    }
}
