import PlatterCore

/// Waiting, waking and letting go.
extension FetchScheduler {
    /// Serves a wait at once when the byte has landed or does not exist, else makes the demand
    /// hungry.
    mutating func serveWait(_ id: DemandID, now: Moment) -> [SchedulerAction] {
        guard let demand = demands[id], var state = entries[demand.entry] else { return [] }
        let position = demand.range.lowerBound
        settled.remove(id)
        hungry.insert(id)
        demands[id]?.isWoken = false
        if let length = state.completeLength, position >= length {
            forget(id)
            let dropped = dropUnwanted(of: demand.entry)
            cleanUp(demand.entry)
            return [.fail(id, .unsatisfiable(completeLength: length))] + dropped
                + schedule(now: now)
        }
        if landedEnd(of: demand.entry, at: position) != nil {
            wakeUp(id)
            return [.wake(id)] + dropUnwanted(of: demand.entry) + schedule(now: now)
        }
        // It began when nobody waited, so it may be longer than is good now.
        let longest = now.advanced(by: limits.waitingBackoffCap)
        if let end = state.notBefore, end > longest {
            state.notBefore = longest
            entries[demand.entry] = state
            unsettle(demand.entry)
        }
        shortenPauses(of: state.key, at: demand.origin, now: now)
        return dropUnwanted(of: demand.entry) + schedule(now: now)
    }

    /// Wakes the readers of an entry that wait at a position for which `isReady` is true.
    mutating func wake(
        in entry: EntryHandle, where isReady: (Int64) -> Bool
    ) -> [SchedulerAction] {
        let waiting = (entries[entry]?.demands ?? []).filter { id in
            demands[id].map { $0.isWaiting && isReady($0.range.lowerBound) } ?? false
        }
        return waiting.sorted().map { id in
            wakeUp(id)
            return .wake(id)
        }
    }

    /// A reader that was woken and has so much before it is not urgent any more, even if it does not
    /// say so because its client has stopped reading.
    ///
    /// - Returns: Whether there was one.
    mutating func calmDown(_ flight: FlightState) -> Bool {
        let calm = (entries[flight.entry]?.demands ?? []).filter { id in
            guard let demand = demands[id], demand.isWoken else { return false }
            let position = demand.range.lowerBound
            return flight.range.contains(position) && flight.mark - position > limits.joinDistance
        }
        for id in calm { demands[id]?.isWoken = false }
        return !calm.isEmpty
    }

    private mutating func wakeUp(_ id: DemandID) {
        demands[id]?.isWaiting = false
        demands[id]?.isWoken = true
        demands[id]?.isServed = true
        demands[id]?.deadline = nil
        queue.remove(id)
        hungry.insert(id)
    }

    /// Whoever wants something of the entry is looked at again: its flights have changed.
    mutating func unsettle(_ entry: EntryHandle) {
        guard let state = entries[entry] else { return }
        for id in state.demands where !settled.contains(id) { hungry.insert(id) }
    }

    /// Cancels the flights of an entry that nobody wants any more, unless little is missing.
    mutating func dropUnwanted(of entry: EntryHandle) -> [SchedulerAction] {
        (entries[entry]?.flights ?? []).flatMap { dropIfUnwanted($0) }
    }

    mutating func dropIfUnwanted(_ id: FlightID) -> [SchedulerAction] {
        guard let flight = flights[id], flight.isRunning, let state = entries[flight.entry],
            !isWanted(flight, state)
        else { return [] }
        if flight.phase == .flying, flight.remaining <= finishLength(flight) { return [] }
        return cancel(id)
    }

    private func finishLength(_ flight: FlightState) -> Int64 {
        let known = flight.pace.isMeasured ? nil : origins[flight.origin]?.pace
        let pace = known ?? flight.pace
        let near = pace.isMeasured ? pace.near : 0
        return max(limits.finishRemainder, min(near, limits.finishAtOnce))
    }

    /// Tells a flight to stop. What it was to bring beyond its mark is open again.
    mutating func cancel(_ id: FlightID) -> [SchedulerAction] {
        guard let flight = flights[id], flight.isRunning else { return [] }
        flights[id]?.isCancelled = true
        isDisturbed = true
        unsettle(flight.entry)
        return [.cancel(id)]
    }

    private func isWanted(_ flight: FlightState, _ state: EntryState) -> Bool {
        if flight.opens || state.lacksRanges { return !state.demands.isEmpty }
        return state.demands.contains { demands[$0]?.wants(flight.rest) ?? false }
    }

    @discardableResult
    mutating func forget(_ id: DemandID) -> Demand? {
        hungry.remove(id)
        queue.remove(id)
        settled.remove(id)
        guard let demand = demands.removeValue(forKey: id) else { return nil }
        entries[demand.entry]?.demands.remove(id)
        return demand
    }

    mutating func fail(_ entry: EntryHandle, _ failure: FetchFailure) -> [SchedulerAction] {
        (entries[entry]?.demands ?? []).sorted().map { id in
            forget(id)
            return .fail(id, failure)
        }
    }

    /// An entry that nobody wants and that nothing flies for leaves no trace.
    mutating func cleanUp(_ entry: EntryHandle) {
        guard let state = entries[entry], state.demands.isEmpty, state.flights.isEmpty else {
            return
        }
        entries[entry] = nil
        forgotten.append(entry)
    }

    /// Entries that were forgotten since this was asked before. Somebody may want something of one again.
    mutating func takeForgotten() -> [EntryHandle] {
        defer { forgotten = [] }
        return forgotten
    }

    mutating func remove(_ id: FlightID) {
        guard let flight = flights.removeValue(forKey: id) else { return }
        entries[flight.entry]?.flights.removeAll { $0 == id }
    }

    func revive(_ demand: inout Demand, now: Moment) {
        guard let yieldedAt = demand.yieldedAt else { return }
        let hasReadOn = demand.range.lowerBound - yieldedAt >= limits.revival
        let stillWaits = demand.isWaiting && now.since(demand.yieldedSince) >= limits.patience
        if hasReadOn || stillWaits { demand.yieldedAt = nil }
    }
}
