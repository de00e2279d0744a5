package import PlatterCore

/// The scheduler's promises, checked: for tests and for the admin's self-check.
extension FetchScheduler {
    /// What is wrong, if anything: that a reader waits in vain, that a limit is passed, that less
    /// urgent work keeps a reader waiting, or that something is kept for nobody.
    package func violation(now: Moment) -> String? {
        let active = flights.values.filter(\.isActive)
        if let flaw = flawOfLimits(active) { return flaw }
        for (id, demand) in demands where demand.isWaiting {
            if let flaw = flaw(of: id, demand, active: active, now: now) { return flaw }
        }
        for (id, state) in entries where state.demands.isEmpty && state.flights.isEmpty {
            return "entry \(id.rawValue) is kept for nobody"
        }
        for (id, flight) in flights where entries[flight.entry]?.flights.contains(id) != true {
            return "flight \(id.rawValue) has no entry"
        }
        for (origin, state) in origins {
            guard let probe = state.breaker.probe else { continue }
            if passages.sent[probe]?.origin == origin { continue }
            guard let flight = flights[probe], flight.isActive, flight.origin == origin else {
                return "\(origin.authority) waits for a probe that has gone"
            }
        }
        return flawOfPassages(now: now) ?? flawOfSlots(now: now)
    }

    private func flawOfLimits(_ active: [FlightState]) -> String? {
        if active.count > limits.ceiling { return "\(active.count) flights, more than the ceiling" }
        // Nothing could be done about those that began to bring bytes again.
        let lines = active.count { !$0.isSilent && !$0.hasReturned }
        if lines > limits.total { return "\(lines) flights, more than the limit" }
        for (origin, group) in Dictionary(grouping: active, by: \.origin)
        where group.count > limits.perOrigin {
            return "\(group.count) flights to \(origin.authority), more than the limit"
        }
        return nil
    }

    private func flaw(
        of id: DemandID, _ demand: Demand, active: [FlightState], now: Moment
    ) -> String? {
        let state = entries[demand.entry]
        let isCarried =
            state?.lacksRanges == true
            && state.map { isOnItsWay(demand.range.lowerBound, $0) } ?? false
        let isBeingRecorded =
            state?.flights.compactMap { flights[$0] }.contains {
                $0.isDistrusted && $0.range.contains(demand.range.lowerBound)
            } ?? false
        let isServed =
            isCarried || isBeingRecorded
            || active.contains { flight in
                flight.entry == demand.entry && flight.isBringing(demand.range.lowerBound)
            }
        switch queue.line(of: id) {
        case nil:
            if hungry.contains(id) { return "reader \(id.rawValue) was not looked at" }
            return isServed ? nil : "reader \(id.rawValue) waits for nothing"
        case .resting:
            guard let timer else { return "reader \(id.rawValue) rests without a timer" }
            let end = entries[demand.entry].flatMap { pause(of: demand, $0) } ?? now
            return timer <= max(end, now) ? nil : "the timer of reader \(id.rawValue) is too late"
        case .waiting, .reading, .background:
            return hasSlot(demand.priority, at: demand.origin)
                ? "reader \(id.rawValue) is queued although there is room" : nil
        }
    }

    /// A reader may only be kept waiting by flights that are as urgent or were told to stop, and
    /// where it waits for the line, only until the next one is silent.
    private func flawOfSlots(now: Moment) -> String? {
        var queued: [Scope: Int] = [:]
        for place in queue.openPlaces where place.line == .waiting {
            guard let scope = obstacle(.critical, at: place.origin) else { continue }
            queued[scope, default: 0] += queue[place].count
            let group = members(of: scope)
            if !group.values.contains(where: isStopping),
                let slow = share(in: scope, for: place.origin, of: group)
            {
                return "a reader at \(place.origin.authority) waits for flight \(slow.rawValue)"
            }
        }
        for (scope, readers) in queued {
            let group = members(of: scope).values
            if group.count(where: isStopping) < readers + excess(of: scope),
                let idle = group.first(where: { !isStopping($0) && priority(of: $0) < .critical })
            {
                return """
                    a reader waits for \(scope) although a flight at \(idle.mark) of entry \
                    \(idle.entry.rawValue) could stop
                    """
            }
        }
        guard let due = silenceDue else { return nil }
        guard let timer else { return "silence is not watched" }
        return timer <= max(due, now) ? nil : "silence is watched too late"
    }
}
