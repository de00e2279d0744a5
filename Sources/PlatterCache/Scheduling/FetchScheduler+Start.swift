import PlatterCore

/// Slots, and what happens when a flight takes one.
extension FetchScheduler {
    /// Whether a flight of this priority finds a free slot. The last free slots are kept for readers
    /// that wait, and the last but one from background work.
    func hasSlot(_ priority: FetchPriority, at origin: OriginID) -> Bool {
        let kept =
            switch priority {
            case .critical: 0
            case .high: 1
            case .medium, .low: 2
            }
        var (active, atOrigin) = (0, 0)
        for flight in flights.values where flight.isActive {
            active += 1
            if flight.origin == origin { atOrigin += 1 }
        }
        return active < max(1, limits.total - kept) && atOrigin < max(1, limits.perOrigin - kept)
    }

    /// Background work also starts nothing beside anything more urgent at its origin.
    func mayStart(_ priority: FetchPriority, at origin: OriginID) -> Bool {
        guard hasSlot(priority, at: origin) else { return false }
        guard priority < .high else { return true }
        return !flights.values.contains { flight in
            flight.isActive && flight.origin == origin && self.priority(of: flight) > priority
        }
    }

    /// How urgent what is left of a flight is: as the most urgent demand that wants it. One that
    /// only runs beside another for the same bytes is not worth a reader's slot.
    func priority(of flight: FlightState) -> FetchPriority {
        guard let state = entries[flight.entry] else { return .low }
        let isSpare = flight.hedgeOf.flatMap { flights[$0]?.isRunning } ?? false
        let wanting = state.demands.lazy.compactMap { demands[$0] }
            .filter { flight.opens || $0.wants(flight.rest) }
        let priority = wanting.map { $0.priority(of: flight) }.max() ?? .low
        return isSpare ? min(priority, .high) : priority
    }

    /// Where a waiting reader could get a slot when none is free.
    enum Room: Hashable {
        case none
        /// This one was told to stop already, or has brought all.
        case leaving(FlightID)
        /// This one is the least urgent.
        case taken(FlightID)
    }

    /// - Parameter claimed: Flights whose slots others wait for.
    func room(at origin: OriginID, except claimed: Set<FlightID>) -> Room {
        let active = flights.filter { $0.value.isActive }
        let atOrigin = active.filter { $0.value.origin == origin }
        let candidates = (atOrigin.count >= limits.perOrigin ? atOrigin : active)
            .filter { !claimed.contains($0.key) }
        if let leaving = candidates.filter({ $0.value.isLeaving }).keys.min() {
            return .leaving(leaving)
        }
        let ranked = candidates.map { (priority: priority(of: $0.value), id: $0.key) }
        guard let victim = ranked.min(by: { ($0.priority, $1.id) < ($1.priority, $0.id) }),
            victim.priority < .critical
        else { return .none }
        if victim.priority < .high { return .taken(victim.id) }
        let spared = ranked.filter {
            candidates[$0.id]?.isSpared == true && $0.priority < .critical
        }
        return spared.map(\.id).min().map { .leaving($0) } ?? .taken(victim.id)
    }

    /// It was told to stop or will end before long, and nobody had better stop it.
    func isStopping(_ flight: FlightState) -> Bool {
        flight.isLeaving || (flight.isSpared && priority(of: flight) == .high)
    }

    /// Promises a waiting reader the slot of a flight that stops, the least urgent if none does.
    ///
    /// - Returns: nil when all that fly are as urgent.
    mutating func makeRoom(
        at origin: OriginID, claimed: inout Set<FlightID>
    ) -> [SchedulerAction]? {
        switch room(at: origin, except: claimed) {
        case .none: return nil
        case .leaving(let flight):
            claimed.insert(flight)
            return []
        case .taken(let flight):
            claimed.insert(flight)
            return cancel(flight)
        }
    }

    // MARK: - Starting

    /// - Parameter position: The first byte wanted; nil opens the entry.
    mutating func start(_ id: DemandID, at position: Int64?) -> [SchedulerAction] {
        guard let demand = demands[id], let state = entries[demand.entry] else { return [] }
        let first = position ?? demand.range.lowerBound
        let new = flight(for: id, demand, at: first, in: state, opens: position == nil)
        var actions = position == nil ? [] : makeWay(for: first, of: demand)
        if demand.isWaiting { actions += stopBackground(at: demand.origin) }
        queue.remove(id)
        let suffix = position == nil ? demand.suffix : nil
        let order = FlightOrder(
            flight: insert(new), entry: demand.entry,
            start: suffix.map { .suffix($0) } ?? .offset(first), searchEnd: new.searchEnd,
            length: new.length)
        return actions + [position == nil ? .open(order) : .plan(order)]
    }

    /// Runs another flight beside `slow`, for what that one has not brought.
    mutating func hedge(
        _ id: DemandID, slow: FlightState, group: FlightID
    ) -> [SchedulerAction] {
        guard let demand = demands[id], let state = entries[demand.entry] else { return [] }
        if slow.opens {
            guard case .open(let order)? = start(id, at: nil).last else { return [] }
            flights[order.flight]?.hedgeOf = group
            return [.open(order)]
        }
        var new = flight(for: id, demand, at: slow.mark, in: state, opens: false)
        new.hedgeOf = group
        new.phase = .flying
        new.range = new.range.clamped(to: slow.range)
        let stopped = stopBackground(at: demand.origin)
        return stopped + [.fly(insert(new), new.range)]
    }

    private func flight(
        for id: DemandID, _ demand: Demand, at first: Int64, in state: EntryState, opens: Bool
    ) -> FlightState {
        let limit = state.completeLength ?? .max
        let rest = max(0, demand.range.upperBound - min(first, demand.range.upperBound))
        let length = max(1, min(stride(of: demand, id), rest))
        return FlightState(
            entry: demand.entry, origin: demand.origin, client: demand.client, opens: opens,
            demand: id, isForReader: demand.level == .high,
            searchEnd: min(max(demand.range.upperBound, first.addingClamped(1)), limit),
            length: length,
            range: .starting(
                at: first, length: alignedEnd(first.addingClamped(length)) - first, limit: limit),
            mark: first)
    }

    /// Where others wait for a connection, requests are so short that each has its turn before long,
    /// and none has to be stopped for another.
    private func stride(of demand: Demand, _ id: DemandID) -> Int64 {
        guard demand.level == .high, queue.hasReader(except: id, at: demand.origin) else {
            return demand.stride
        }
        // Less than is spared, because the next one may be slower.
        let soon = paces[demand.origin]?.soon ?? limits.firstTurn
        return min(demand.stride, max(limits.shortestTurn, soon / 3 * 2))
    }

    private mutating func insert(_ flight: FlightState) -> FlightID {
        let id = FlightID(nextFlight)
        nextFlight += 1
        insert(flight, id)
        return id
    }

    /// Entries keep their flights in the order of their ids.
    mutating func insert(_ flight: FlightState, _ id: FlightID) {
        flights[id] = flight
        var ids = entries[flight.entry]?.flights ?? []
        ids.insert(id, at: ids.firstIndex { $0 > id } ?? ids.endIndex)
        entries[flight.entry]?.flights = ids
    }

    /// A flight that was on its way to `position` but is far behind now ends there.
    private mutating func makeWay(for position: Int64, of demand: Demand) -> [SchedulerAction] {
        guard demand.isWaiting else { return [] }
        return (entries[demand.entry]?.flights ?? []).compactMap { id in
            guard let flight = flights[id], flight.phase == .flying, flight.isRunning,
                flight.mark < position, position < flight.range.upperBound
            else { return nil }
            flights[id]?.range = flight.range.lowerBound..<position
            flights[id]?.isLimited = true
            isDisturbed = true
            unsettle(flight.entry)
            return .limit(id, end: position)
        }
    }

    /// Background fill gives the whole line to a reader that waits.
    private mutating func stopBackground(at origin: OriginID) -> [SchedulerAction] {
        let filling = flights.filter { _, flight in
            flight.isRunning && flight.origin == origin && !flight.opens
                && !flight.isLeaving && flight.remaining > limits.finishRemainder
                && priority(of: flight) == .low
        }
        return filling.keys.sorted().flatMap { cancel($0) }
    }

    func alignedEnd(_ end: Int64) -> Int64 {
        let rest = end % limits.alignment
        return rest == 0 ? end : end.addingClamped(limits.alignment - rest)
    }
}
