package import PlatterCore

/// The scheduler's promises, checked: for tests and for the admin's self-check.
extension FetchScheduler {
    /// What is wrong, if anything: that a reader waits in vain, that a limit is passed, that less
    /// urgent work keeps a reader waiting, or that something is kept for nobody.
    package func violation(now: Moment) -> String? {
        let active = flights.values.filter(\.isActive)
        if active.count > limits.total { return "\(active.count) flights, more than the limit" }
        for (origin, group) in Dictionary(grouping: active, by: \.origin)
        where group.count > limits.perOrigin {
            return "\(group.count) flights to \(origin.authority), more than the limit"
        }
        for (id, demand) in demands where demand.isWaiting {
            if let flaw = flaw(of: id, demand, active: active, now: now) { return flaw }
        }
        for (id, state) in entries where state.demands.isEmpty && state.flights.isEmpty {
            return "entry \(id.rawValue) is kept for nobody"
        }
        for (id, flight) in flights where entries[flight.entry]?.flights.contains(id) != true {
            return "flight \(id.rawValue) has no entry"
        }
        return flawOfSlots(active)
    }

    private func flaw(
        of id: DemandID, _ demand: Demand, active: [FlightState], now: Moment
    ) -> String? {
        let state = entries[demand.entry]
        let isCarried =
            state?.lacksRanges == true
            && state.map { isOnItsWay(demand.range.lowerBound, $0) } ?? false
        let isServed =
            isCarried
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

    /// A reader may only be kept waiting by flights that are as urgent or were told to stop.
    private func flawOfSlots(_ active: [FlightState]) -> String? {
        var queued: [OriginID: Int] = [:]
        for place in queue.openPlaces where place.line == .waiting {
            queued[place.origin] = queue[place].count
        }
        let stopping = active.count { isStopping($0) }
        var unpinned = 0
        for (origin, readers) in queued {
            let group = active.filter { $0.origin == origin }
            guard group.count >= limits.perOrigin else {
                unpinned += readers
                continue
            }
            if group.count(where: isStopping) < readers, let idle = lessUrgent(group) {
                return "a reader waits for \(origin.authority) although \(idle) could stop"
            }
        }
        if stopping < unpinned, let idle = lessUrgent(active) {
            return "a reader waits although \(idle) could stop"
        }
        return nil
    }

    private func lessUrgent(_ group: [FlightState]) -> String? {
        group.first { !isStopping($0) && priority(of: $0) < .critical }.map { flight in
            "a flight at \(flight.mark) of entry \(flight.entry.rawValue)"
        }
    }
}
