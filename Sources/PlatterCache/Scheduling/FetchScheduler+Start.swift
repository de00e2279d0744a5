import PlatterCore

/// How flights begin.
extension FetchScheduler {
    /// - Parameter position: The first byte wanted; nil opens the entry.
    mutating func start(
        _ id: DemandID, at position: Int64?, now: Moment
    ) -> [SchedulerAction] {
        guard let demand = demands[id], let state = entries[demand.entry] else { return [] }
        let first = position ?? demand.range.lowerBound
        let new = flight(for: id, demand, at: first, in: state, opens: position == nil)
        var actions = position == nil ? [] : makeWay(for: first, of: demand)
        if demand.isWaiting { actions += stopBackground(at: demand.origin) }
        queue.remove(id)
        let suffix = position == nil ? demand.suffix : nil
        let order = FlightOrder(
            flight: begin(new, now: now), entry: demand.entry,
            start: suffix.map { .suffix($0) } ?? .offset(first), searchEnd: new.searchEnd,
            length: new.length)
        return actions + [position == nil ? .open(order) : .plan(order)]
    }

    /// Runs another flight beside `slow`, for what that one has not brought.
    mutating func hedge(
        _ id: DemandID, slow: FlightState, group: FlightID, now: Moment
    ) -> [SchedulerAction] {
        guard let demand = demands[id], let state = entries[demand.entry] else { return [] }
        if slow.opens {
            let actions = start(id, at: nil, now: now)
            if case .open(let order)? = actions.last { flights[order.flight]?.hedgeOf = group }
            return actions
        }
        var new = flight(for: id, demand, at: slow.mark, in: state, opens: false)
        new.hedgeOf = group
        new.phase = .flying
        new.range = new.range.clamped(to: slow.range)
        let stopped = stopBackground(at: demand.origin)
        return stopped + [.fly(begin(new, now: now), new.range)]
    }

    /// Who comes to requests of which nothing has been heard for a while does not count on them alone.
    mutating func raceSilent(_ id: DemandID, now: Moment) -> [SchedulerAction] {
        let actions = lookForSilence(now: now)
        guard let demand = demands[id], demand.isWaiting, let state = entries[demand.entry]
        else { return actions }
        let racing = state.flights.compactMap { flights[$0] }
            .filter { $0.isBringing(demand.range.lowerBound) }
        // One that has just begun is taken for silent where its origin hangs.
        let areOld = racing.allSatisfy {
            $0.isSilent && now >= $0.heardAt.advanced(by: limits.silence)
        }
        guard !racing.isEmpty, areOld else { return actions }
        return actions + overdue(id, now: now)
    }

    /// Stops requests that run beside others for the same bytes, when nobody waits for them.
    mutating func stopSpares(of entry: EntryHandle) -> [SchedulerAction] {
        guard let state = entries[entry],
            !state.demands.contains(where: { demands[$0]?.isWaiting ?? false })
        else { return [] }
        let spares = state.flights.filter { id in
            flights[id]?.hedgeOf.flatMap { flights[$0]?.isRunning } ?? false
        }
        return spares.sorted().flatMap { cancel($0) }
    }

    private func flight(
        for id: DemandID, _ demand: Demand, at first: Int64, in state: EntryState, opens: Bool
    ) -> FlightState {
        let limit = state.completeLength ?? .max
        let rest = max(0, demand.range.upperBound - min(first, demand.range.upperBound))
        let end = max(demand.range.upperBound, first.addingClamped(1))
        let stride = stride(of: demand, id)
        let shared = stride < rest ? nil : sharedEnd(beyond: end, in: state)
        let length = max(1, min(stride, rest), shared.map { $0 - first } ?? 1)
        return FlightState(
            entry: demand.entry, key: state.key, origin: demand.origin, client: demand.client,
            opens: opens,
            demand: id, isForReader: demand.level == .high,
            searchEnd: min(shared ?? end, limit),
            length: length,
            range: .starting(
                at: first, length: alignedEnd(first.addingClamped(length)) - first, limit: limit),
            mark: first)
    }

    /// Many may read small parts beside each other (an index of a film, parts of a few kilobytes): one request
    /// brings what others wait for close behind its end, up to the next line of the grid.
    ///
    /// - Returns: nil when nobody does.
    private func sharedEnd(beyond end: Int64, in state: EntryState) -> Int64? {
        let reach = alignedEnd(end)
        guard end < reach, state.demands.count > 1 else { return nil }
        let near = state.demands.lazy.compactMap { demands[$0] }.filter {
            $0.isWaiting && $0.range.lowerBound >= end && $0.range.lowerBound < reach
        }
        return near.map { min($0.range.upperBound, reach) }.max()
    }

    /// Where others wait for a connection, requests are so short that each has its turn before long,
    /// and none has to be stopped for another.
    private func stride(of demand: Demand, _ id: DemandID) -> Int64 {
        guard demand.level == .high, queue.hasReader(except: id, at: demand.origin) else {
            return demand.stride
        }
        // Less than is spared, because the next one may be slower.
        let soon = origins[demand.origin]?.pace?.soon ?? limits.firstTurn
        return min(demand.stride, max(limits.shortestTurn, soon / 3 * 2))
    }

    private mutating func begin(_ flight: FlightState, now: Moment) -> FlightID {
        let id = FlightID(nextFlight)
        nextFlight += 1
        var flight = flight
        flight.startedAt = now
        flight.expectedSoon = origins[flight.origin]?.pace?.soon ?? 0
        flight.heardAt = now
        flight.isFresh = flight.opens
        flight.isSilent = origins[flight.origin]?.hangs ?? false
        change(flight.origin) { $0.breaker.started(id) }
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
