internal import HeapModule
import PlatterCore

/// Who needs a flight, and who goes next.
extension FetchScheduler {
    /// Starts what may start now, the most urgent first.
    mutating func schedule(now: Moment) -> [SchedulerAction] {
        noteSilence(now: now)
        var actions: [SchedulerAction] = []
        repeat {
            isDisturbed = false
            actions += lookAtHungry(now: now) + admitPassages(now: now)
            actions += workThroughQueue(now: now)
        } while isDisturbed || !hungry.isEmpty
        return actions + updateTimer(now: now)
    }

    /// Gives each demand that something happened to its place in the queue, or none.
    private mutating func lookAtHungry(now: Moment) -> [SchedulerAction] {
        var complete: [DemandID] = []
        var tooFar: [DemandID] = []
        while let id = hungry.popFirst() {
            if let origin = demands[id]?.origin {
                origins[origin]?.concurrency.expire(after: limits.slowDown, now: now)
            }
            switch look(at: id, now: now) {
            case .nothing: if isComplete(id) { complete.append(id) }
            case .tooFar: tooFar.append(id)
            case .paused, .from: break
            }
        }
        let done = complete.sorted().map { id in
            if let demand = forget(id) { cleanUp(demand.entry) }
            return SchedulerAction.complete(id)
        }
        return done + tooFar.sorted().flatMap { sendPast($0) }
    }

    /// The bytes come sooner past the store.
    private mutating func sendPast(_ id: DemandID) -> [SchedulerAction] {
        guard let demand = forget(id) else { return [] }
        defer { cleanUp(demand.entry) }
        return [.fail(id, .bypass)] + dropUnwanted(of: demand.entry)
    }

    /// Whether a prefetch or fill has nothing more to want: no byte is missing, and what its flights
    /// brought is in the index.
    private func isComplete(_ id: DemandID) -> Bool {
        guard let demand = demands[id], demand.level != .high, let state = entries[demand.entry],
            let length = state.completeLength
        else { return false }
        let end = max(demand.range.lowerBound, min(demand.range.upperBound, length))
        guard firstUncovered(demand, state, end: end) == nil else { return false }
        return !state.flights.compactMap { flights[$0] }.contains { flight in
            demand.first < flight.range.upperBound && flight.range.lowerBound < end
        }
    }

    private mutating func workThroughQueue(now: Moment) -> [SchedulerAction] {
        var actions: [SchedulerAction] = []
        var claims = Claims()
        var needs = openNeeds()
        var havePassed = false
        while let need = needs.popMax() {
            if need.priority < .critical, !havePassed {
                // A player waits for each passage, whose turn it is now at the latest.
                actions += admitPassages(insisting: true, now: now)
                havePassed = true
            }
            // What started just now may cover this one too.
            let next = look(at: need.id, now: now)
            if case .tooFar = next {
                hungry.insert(need.id)
                isDisturbed = true
            }
            guard case .from(let position) = next else { continue }
            if mayStart(need.priority, at: need.origin) {
                actions += start(need.id, at: position, now: now)
                needs = ranked(needs.unordered.map(\.id))
            } else if need.priority == .critical {
                guard let cancelled = makeRoom(at: need.origin, claims: &claims) else {
                    // Nor for the others, who may be thousands.
                    let open = needs.unordered.filter {
                        $0.priority < .critical || $0.origin != need.origin
                    }
                    needs = Heap(open)
                    continue
                }
                actions += cancelled
            }
        }
        return havePassed ? actions : actions + admitPassages(insisting: true, now: now)
    }

    // MARK: - Rank

    /// A demand that needs a flight: the most urgent priority first, then an origin that has none, then the
    /// client with the fewest flights, then the earliest deadline.
    struct Need: Comparable {
        let id: DemandID
        let priority: FetchPriority
        let origin: OriginID
        let isFirst: Bool
        /// How far behind the first of its origin's line its object is in `ProbeTurns`, where that origin
        /// gets one try at a time. That first one competes with those of other origins as any other does.
        var turn: UInt64
        let flights: Int
        let deadline: Moment

        /// Whether `lhs` comes later than `rhs`.
        static func < (lhs: Need, rhs: Need) -> Bool {
            (
                lhs.priority.rawValue, lhs.isFirst ? 1 : 0, rhs.turn, rhs.flights, rhs.deadline,
                rhs.id
            )
                < (
                    rhs.priority.rawValue, rhs.isFirst ? 1 : 0, lhs.turn, lhs.flights, lhs.deadline,
                    lhs.id
                )
        }
    }

    /// The demands in those lines that can move.
    private func openNeeds() -> Heap<Need> {
        ranked(queue.openPlaces.filter(canMove).flatMap { queue[$0] })
    }

    private func ranked(_ ids: [DemandID]) -> Heap<Need> {
        var running: [ClientID: Int] = [:]
        var flown: Set<OriginID> = []
        for flight in flights.values where flight.isActive {
            running[flight.client, default: 0] += 1
            flown.insert(flight.origin)
        }
        let failing = Set(origins.filter { !$0.value.breaker.isClosed }.keys)
        var needs = ids.compactMap { id in
            demands[id].map { demand in
                Need(
                    id: id, priority: demand.priority, origin: demand.origin,
                    isFirst: !flown.contains(demand.origin),
                    turn: failing.contains(demand.origin) ? turn(of: demand) : 0,
                    flights: running[demand.client] ?? 0,
                    deadline: demand.deadline ?? Moment(nanoseconds: .max))
            }
        }
        let probed = needs.indices.filter { failing.contains(needs[$0].origin) }
        for (_, rivals) in Dictionary(grouping: probed, by: { needs[$0].origin }) {
            for (_, peers) in Dictionary(grouping: rivals, by: { needs[$0].priority }) {
                let first = peers.map { needs[$0].turn }.min() ?? 0
                for peer in peers { needs[peer].turn -= first }
            }
        }
        return Heap(needs)
    }

    private func turn(of demand: Demand) -> UInt64 {
        guard let state = entries[demand.entry] else { return 0 }
        return turn(of: state.key, at: demand.origin)
    }

    // MARK: - What is missing

    enum NextStart {
        /// All that is wanted is covered, or goes on when a flight of the entry changes.
        case nothing
        case paused(until: Moment)
        /// The only flight that brings it has too far to go to it.
        case tooFar
        /// A flight may start here; nil opens the entry.
        case from(Int64?)
    }

    /// Looks whether a demand needs a flight, and gives it its place in the queue.
    private mutating func look(at id: DemandID, now: Moment) -> NextStart {
        let next = nextStart(of: id, now: now)
        guard let demand = demands[id] else { return .nothing }
        switch next {
        case .nothing, .tooFar: queue.remove(id)
        case .paused(let end): queue.rest(id, at: demand.origin, until: end)
        case .from: queue.insert(id, at: .init(origin: demand.origin, line: line(of: demand)))
        }
        return next
    }

    private func line(of demand: Demand) -> FetchQueue.Line {
        switch demand.priority {
        case .critical: .waiting
        case .high: .reading
        case .medium, .low: .background
        }
    }

    private func nextStart(of id: DemandID, now: Moment) -> NextStart {
        guard let demand = demands[id], let state = entries[demand.entry], !settled.contains(id)
        else { return .nothing }
        var position: Int64?
        if state.lacksRanges, isOnItsWay(demand.range.lowerBound, state) {
            return demand.isWaiting && !isCarriedSoon(demand.range.lowerBound, state)
                ? .tooFar : .nothing
        }
        if let length = state.completeLength {
            position =
                demand.isWaiting
                ? unbrought(demand.range.lowerBound, state)
                : firstUncovered(demand, state, end: min(demand.range.upperBound, length))
            guard position != nil, demand.isWaiting || mayContinue(demand, state) else {
                return .nothing
            }
        } else if state.flights.contains(where: { flights[$0]?.isRunning ?? false }) {
            return .nothing
        }
        if let end = pause(of: demand, state), end > now { return .paused(until: end) }
        return .from(position)
    }

    /// A transfer that has to bring everything comes to what lies behind its start.
    func isOnItsWay(_ position: Int64, _ state: EntryState) -> Bool {
        state.flights.contains { flights[$0]?.isAhead(of: position) ?? false }
    }

    /// One whose pace is not known yet may be fast.
    private func isCarriedSoon(_ position: Int64, _ state: EntryState) -> Bool {
        state.flights.compactMap { flights[$0] }.contains { flight in
            let reach = flight.pace.soon.multipliedClamped(by: limits.carryTurns)
            return flight.isAhead(of: position)
                && position - flight.mark <= max(limits.carryDistance, reach)
        }
    }

    func pause(of demand: Demand, _ state: EntryState) -> Moment? {
        [state.notBefore, origins[demand.origin]?.pausedUntil(state.key)].compactMap(\.self).max()
    }

    private func firstUncovered(_ demand: Demand, _ state: EntryState, end: Int64) -> Int64? {
        var position = demand.range.lowerBound
        while position < end {
            if let next = coveredEnd(position, state) ?? knownEnd(position, state) {
                position = next
            } else {
                return position
            }
        }
        return nil
    }

    /// The byte that a reader waits for, unless a flight brings it soon.
    private func unbrought(_ position: Int64, _ state: EntryState) -> Int64? {
        let isBrought = state.flights.contains { id in
            flights[id].map {
                $0.covered.contains(position)
                    && (state.lacksRanges || !isTooFarBehind($0, position))
            }
                ?? false
        }
        return isBrought ? nil : position
    }

    private func coveredEnd(_ position: Int64, _ state: EntryState) -> Int64? {
        state.flights.lazy.compactMap { flights[$0]?.covered }.first { $0.contains(position) }?
            .upperBound
    }

    private func knownEnd(_ position: Int64, _ state: EntryState) -> Int64? {
        guard state.known.contains(position) else { return nil }
        return state.known.ranges.first { $0.contains(position) }?.upperBound
    }

    /// A reader does not wait for a flight that has far to go to it, unless it would have to wait for
    /// another one to get a connection of its own.
    private func isTooFarBehind(_ flight: FlightState, _ position: Int64) -> Bool {
        guard flight.phase == .flying else { return false }
        let distance = position - flight.mark
        guard distance > max(limits.joinDistance, flight.pace.near) else { return false }
        return distance > flight.pace.soon || hasSlot(.critical, at: flight.origin)
    }

    /// Read-ahead goes on where a flight ends only just before it ends, so as not to take half of
    /// the line from the bytes that are needed first. Background work has one flight an entry.
    private func mayContinue(_ demand: Demand, _ state: EntryState) -> Bool {
        let running = state.flights.compactMap { flights[$0] }.filter(\.isActive)
        if demand.level != .high { return running.isEmpty }
        return !running.contains { !$0.isCancelled && !$0.isEnding && demand.wants($0.rest) }
    }
}
