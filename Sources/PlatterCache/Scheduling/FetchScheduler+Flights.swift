package import PlatterCore

/// What flights report.
extension FetchScheduler {
    /// The index was searched for an ordered flight.
    ///
    /// - Parameter gap: The first bytes that are missing, nil when all of the order is on disk.
    package mutating func planned(
        _ id: FlightID, gap: ByteRange?, now: Moment
    ) -> [SchedulerAction] {
        guard var flight = flights[id], flight.phase == .ordered, !flight.opens else { return [] }
        let start = flight.range.lowerBound
        let found = start..<max(start, min(gap?.lowerBound ?? .max, flight.searchEnd))
        let isStale = gap.map { contradictsHint($0.lowerBound, flight.entry) } ?? false
        entries[flight.entry]?.known.insert(contentsOf: found)
        remove(id)
        // Whoever counted on the order may not be served by what is left of it.
        unsettle(flight.entry)
        var actions = wake(in: flight.entry) { found.contains($0) }
        if !flight.isCancelled, !isStale, let range = gap.flatMap({ clip($0, for: flight) }) {
            flight.phase = .flying
            flight.range = range
            flight.mark = range.lowerBound
            insert(flight, id)
            advanceBackground(flight.demand, to: range.lowerBound)
            actions += [.fly(id, range)] + dropUnwanted(of: flight.entry)
        } else if gap == nil, !flight.isCancelled {
            settle(flight)
        }
        if flights[id] == nil { release(id, flight.key, .stored, at: flight.origin, now: now) }
        cleanUp(flight.entry)
        return actions + schedule(now: now)
    }

    /// The response to an opening flight was good; its body will bring `body`.
    ///
    /// - Parameter lacksRanges: The origin sends the whole whatever is asked. Then this flight is the
    ///   only way to any byte: it runs on while anybody wants something, and everybody joins it.
    package mutating func opened(
        _ id: FlightID, body: ByteRange, completeLength: Int64, lacksRanges: Bool = false,
        now: Moment
    ) -> [SchedulerAction] {
        guard var flight = flights[id], flight.opens, flight.isActive,
            var state = entries[flight.entry]
        else { return [] }
        let length = state.completeLength ?? max(0, completeLength)
        flight.opens = false
        flight.isWhole = lacksRanges
        flight.phase = .flying
        flight.range = body.clamped(to: 0..<length)
        flight.mark = flight.range.lowerBound
        flights[id] = flight
        state.completeLength = length
        state.lacksRanges = lacksRanges
        noteAnswer(of: flight.origin, to: flight.key, now: now)
        state.failures = 0
        state.notBefore = nil
        entries[flight.entry] = state
        for demand in state.demands { demands[demand]?.resolveSuffix(completeLength: length) }
        unsettle(flight.entry)
        // Whatever else was to open the entry comes too late.
        let late = state.flights.filter { $0 != id && flights[$0]?.opens == true }
        let cancelled = late.flatMap { cancel($0) }
        return cancelled + wake(in: flight.entry) { _ in true } + schedule(now: now)
    }

    /// The response to a flight of an open entry is the whole, whatever was asked. The flight goes on
    /// to the end, unless it was told where to end, and everybody behind its start joins it. Of
    /// several that fly only the one that starts first is of use.
    package mutating func sendsWhole(_ id: FlightID, now: Moment) -> [SchedulerAction] {
        flights[id]?.isWhole = true
        guard let flight = flights[id], flight.phase == .flying, flight.isRunning,
            let state = entries[flight.entry], let length = state.completeLength
        else { return lookForSilence(now: now) }
        entries[flight.entry]?.lacksRanges = true
        let others = state.flights.filter { $0 != id && flights[$0]?.isRunning == true }
        let start = flight.range.lowerBound
        if others.contains(where: { flights[$0]?.isAhead(of: start) ?? false }) {
            return cancel(id) + schedule(now: now)
        }
        if !flight.isLimited {
            flights[id]?.range = start..<max(flight.range.upperBound, length)
        }
        let behind = others.filter { flights[$0].map { $0.range.lowerBound >= start } ?? false }
        let cancelled = flight.isLimited ? [] : behind.flatMap { cancel($0) }
        unsettle(flight.entry)
        return cancelled + schedule(now: now)
    }

    /// Bytes are in the file up to `mark`.
    ///
    /// - Parameter pace: What the connection brings, as measured so far.
    package mutating func advanced(
        _ id: FlightID, mark: Int64, pace: Pace, now: Moment
    ) -> [SchedulerAction] {
        let areSilent = noteSilence(now: now)
        guard var flight = flights[id], flight.phase == .flying, mark > flight.mark else {
            return areSilent ? schedule(now: now) : []
        }
        let arrived = flight.mark..<mark
        let before = queue.hasWaiting ? priority(of: flight) : .low
        flight.mark = mark
        let isFirst = arrived.lowerBound == flight.range.lowerBound
        let isHeard = hear(&flight, isFirst: isFirst, now: now)
        let hasMeasured = !flight.pace.isMeasured && pace.isMeasured
        let wasStopping = queue.hasWaiting && isStopping(flight)
        flight.pace = pace
        if now.since(flight.firstHeardAt ?? now).inSeconds >= Pace.turn { flight.expectedSoon = 0 }
        flight.firstHeardAt = flight.firstHeardAt ?? now
        if pace.isMeasured { change(flight.origin) { $0.pace = pace } }
        // A reader that counted on its slot may have to take it now.
        let hasSlowedDown = wasStopping && !isStopping(flight)
        if hasSlowedDown { isDisturbed = true }
        let ends = !flight.isEnding && flight.remaining <= max(pace.handover, limits.alignment)
        if ends { flight.isEnding = true }
        flights[id] = flight
        entries[flight.entry]?.failures = 0
        let hasRanges = noteRanges(of: flight)
        let woken = wake(in: flight.entry) { arrived.contains($0) }
        let hasCalmedDown = calmDown(flight)
        let cancelled = cancelRivals(of: id) + dropIfUnwanted(id)
        if ends || hasMeasured { unsettle(flight.entry) }
        // Its slot may be taken when what it still brings is less urgent.
        let isLess = before > .low && (hasCalmedDown || priority(of: flight) < before)
        let isMoved =
            ends || hasMeasured || hasSlowedDown || isLess || isHeard || areSilent || hasRanges
        guard isMoved || !cancelled.isEmpty else { return woken }
        return woken + cancelled + schedule(now: now)
    }

    /// The transfer is over and its slot is free.
    ///
    /// - Parameter jitter: A random number from 0 to 1 for the pause before the next try.
    package mutating func landed(
        _ id: FlightID, outcome: FlightOutcome, jitter: Double, now: Moment
    ) -> [SchedulerAction] {
        let areSilent = noteSilence(now: now)
        guard var flight = flights[id], flight.isActive else {
            return areSilent ? schedule(now: now) : []
        }
        judge(flight, id, outcome, jitter: jitter, now: now)
        let isEmptyHanded = flight.mark <= flight.range.lowerBound
        let isShort = !flight.rest.isEmpty
        let isSuspect = mayBeOneTooMany(flight, id, outcome)
        entries[flight.entry]?.hasHungUp = flight.isCancelled
        if !outcome.isFailure { entries[flight.entry]?.endedAt = now }
        if let start = flight.distrustedStart {
            flight.phase = .landed
            flight.isDistrusted = true
            flight.range = start..<flight.mark
            flights[id] = flight
        } else if isEmptyHanded {
            remove(id)
        } else {
            flight.phase = .landed
            flight.range = flight.range.lowerBound..<flight.mark
            flights[id] = flight
            entries[flight.entry]?.known.insert(contentsOf: flight.range)
            noteSpeed(of: flight)
        }
        unsettle(flight.entry)
        let isScantAgain = countScant(flight, outcome, isShort: isShort)
        let stuck = countStuck(flight, outcome)
        var actions: [SchedulerAction] = []
        switch outcome {
        case _ where flight.isCancelled: break
        // To ask at once again for what did not come would spin.
        case .ended where isEmptyHanded && isShort:
            actions = back(off: flight, id, jitter: jitter, now: now)
        case .ended where !isScantAgain: break
        // Each try costs all that comes before.
        case .retryable where stuck >= limits.tries:
            actions = fail(flight.entry, .unreachable) + dropUnwanted(of: flight.entry)
        case .retryable where stuck > 0:
            actions = back(off: flight, id, jitter: jitter, now: now)
        // One that breaks off on its way is worth asking at once.
        case .retryable(after: nil)
        where flight.mark - flight.range.lowerBound >= limits.alignment: break
        case .overwritten: actions = overwritten(flight.entry, now: now)
        case .ended, .retryable, .throttled, .untrusted:
            actions = back(off: flight, id, jitter: jitter, now: now)
        case .failed(let failure):
            actions = end(
                flight, id, with: failure, isSuspect: isSuspect, jitter: jitter, now: now)
        }
        cleanUp(flight.entry)
        return actions + schedule(now: now)
    }

    /// All that the flight brought is in the index: readers find it there from now on.
    package mutating func recorded(_ id: FlightID, now: Moment) -> [SchedulerAction] {
        guard let flight = flights[id], flight.phase == .landed else {
            return lookForSilence(now: now)
        }
        remove(id)
        if flight.isDistrusted {
            let woken = wake(in: flight.entry) { flight.range.contains($0) }
            unsettle(flight.entry)
            cleanUp(flight.entry)
            return woken + schedule(now: now)
        }
        // For plans that were made before this was in the index.
        entries[flight.entry]?.known.insert(contentsOf: flight.range)
        for id in entries[flight.entry]?.demands ?? [] where demands[id]?.level != .high {
            hungry.insert(id)
        }
        cleanUp(flight.entry)
        return schedule(now: now)
    }

    /// Every demand on the entry ends with `failure`: its file or its rows cannot be used, or the
    /// origin has another version.
    package mutating func abandon(
        _ entry: EntryHandle, failure: FetchFailure, now: Moment
    ) -> [SchedulerAction] {
        let failed = fail(entry, failure) + dropUnwanted(of: entry)
        cleanUp(entry)
        return failed + schedule(now: now)
    }

    /// Somebody else has changed the entry's file: what flights have put into it so far is not there
    /// for anybody until the index says so, after it was compared with its checksum.
    package mutating func distrust(_ entry: EntryHandle, now: Moment) -> [SchedulerAction] {
        guard let state = entries[entry] else { return [] }
        entries[entry]?.known = RangeSet()
        for id in state.flights {
            guard let flight = flights[id] else { continue }
            if flight.phase == .landed {
                flights[id]?.isDistrusted = true
            } else if flight.mark > flight.range.lowerBound {
                flights[id]?.distrustedStart = flight.distrustedStart ?? flight.range.lowerBound
                flights[id]?.range = flight.rest
            }
        }
        unsettle(entry)
        return schedule(now: now)
    }

    // MARK: - Steps

    /// One that was over before it could be measured was fast, unless it brought next to nothing.
    private mutating func noteSpeed(of flight: FlightState) {
        guard !flight.pace.isMeasured, flight.range.length > limits.alignment else { return }
        let least = Pace.atLeast(flight.range.length)
        let known = origins[flight.origin]?.pace?.soon ?? 0
        if known < least.soon { change(flight.origin) { $0.pace = least } }
    }

    /// Whether the plan misses a byte that was there: it came in while the plan was made, or its row
    /// was deleted. One of both is out of date: the hint is dropped and the index asked once more.
    private mutating func contradictsHint(_ position: Int64, _ entry: EntryHandle) -> Bool {
        guard let hint = entries[entry]?.known.ranges.first(where: { $0.contains(position) }) else {
            return false
        }
        entries[entry]?.known.remove(contentsOf: hint)
        return true
    }

    /// The part of a gap that no other flight covers, ended on the grid: at most what the order
    /// asked for, and not beyond its last byte of interest.
    private func clip(_ gap: ByteRange, for flight: FlightState) -> ByteRange? {
        guard let state = entries[flight.entry] else { return nil }
        let start = max(gap.lowerBound, flight.range.lowerBound)
        let wished = min(start.addingClamped(flight.length), flight.searchEnd)
        var end = min(gap.upperBound, alignedEnd(wished), state.completeLength ?? .max)
        for covered in state.flights.compactMap({ flights[$0]?.covered }) where !covered.isEmpty {
            if covered.contains(start) { return nil }
            if covered.lowerBound > start { end = min(end, covered.lowerBound) }
        }
        if let hint = state.known.ranges.first(where: { $0.upperBound > start }) {
            end = min(end, hint.lowerBound)
        }
        return start < end ? start..<end : nil
    }

    /// All of an order is on disk: its reader needs no more read-ahead until it moves.
    private mutating func settle(_ flight: FlightState) {
        guard let demand = demands[flight.demand], demand.level == .high, !demand.isWaiting else {
            return
        }
        let end = min(demand.range.upperBound, entries[demand.entry]?.completeLength ?? .max)
        guard demand.range.lowerBound >= flight.range.lowerBound, end <= flight.searchEnd else {
            return
        }
        hungry.remove(flight.demand)
        settled.insert(flight.demand)
    }

    /// A prefetch or fill never looks back at what it found present.
    private mutating func advanceBackground(_ id: DemandID, to position: Int64) {
        guard let demand = demands[id], demand.level != .high else { return }
        demands[id]?.range = position..<max(position, demand.range.upperBound)
    }
}
