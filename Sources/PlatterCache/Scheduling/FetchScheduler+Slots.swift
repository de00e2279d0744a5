import PlatterCore

/// Slots: of an origin, of the line, and for all that is in the air. A flight that is silent has none
/// of the line, so that origins which hang leave it to the others.
extension FetchScheduler {
    /// Whatever has a limit of its own.
    enum Scope: Hashable {
        /// Flights to one origin.
        case origin(OriginID)
        /// The one flight to an origin that has failed.
        case probe(OriginID)
        /// Flights that bring bytes.
        case total
        /// Flights that bring none.
        case silent
        /// All flights.
        case ceiling
    }

    /// What keeps a flight of this priority from starting, nil if nothing does. The last free slots
    /// are kept for readers that wait, and the last but one from background work.
    func obstacle(_ priority: FetchPriority, at origin: OriginID) -> Scope? {
        let kept =
            switch priority {
            case .critical: 0
            case .high: 1
            case .medium, .low: 2
            }
        var (active, lines, atOrigin) = (0, 0, 0)
        for flight in flights.values where flight.isActive {
            active += 1
            if !flight.isSilent { lines += 1 }
            if flight.origin == origin { atOrigin += 1 }
        }
        if origins[origin]?.breaker.probe != nil { return .probe(origin) }
        if atOrigin >= max(1, limit(at: origin) - kept) { return .origin(origin) }
        // The flights of one that hangs must leave some room to origins that answer.
        if origins[origin]?.hangs ?? false {
            if active - lines >= max(1, limits.silent - kept) { return .silent }
        } else if lines >= max(1, limits.total - kept) {
            return .total
        }
        // Last, so that nobody is stopped for one who would have to wait nevertheless.
        return active >= max(1, limits.ceiling - kept) ? .ceiling : nil
    }

    func limit(at origin: OriginID) -> Int {
        origins[origin]?.concurrency.value(full: limits.perOrigin) ?? limits.perOrigin
    }

    func hasSlot(_ priority: FetchPriority, at origin: OriginID) -> Bool {
        obstacle(priority, at: origin) == nil
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

    // MARK: - Making room

    /// Where a waiting reader could get a slot when none is free.
    enum Room: Hashable {
        case none
        /// This one was told to stop already, or has brought all.
        case leaving(FlightID)
        /// This one is the least urgent.
        case taken(FlightID)
    }

    /// Whose slots readers wait for.
    struct Claims {
        var flights: Set<FlightID> = []
        /// Where those that are too many are counted already.
        var scopes: Set<Scope> = []
        /// Whose readers were promised a slot.
        var origins: Set<OriginID> = []
    }

    /// The flights that count in a scope.
    func members(of scope: Scope) -> [FlightID: FlightState] {
        switch scope {
        case .origin(let origin): flights.filter { $0.value.isActive && $0.value.origin == origin }
        case .probe(let origin):
            flights.filter { $0.key == origins[origin]?.breaker.probe && $0.value.isActive }
        case .total: flights.filter(\.value.usesLine)
        case .silent: flights.filter { $0.value.isActive && $0.value.isSilent }
        case .ceiling: flights.filter(\.value.isActive)
        }
    }

    /// So many must stop before the first slot is free.
    func excess(of scope: Scope) -> Int {
        let limit =
            switch scope {
            case .origin(let origin): self.limit(at: origin)
            case .probe: 1
            case .total: limits.total
            case .silent: limits.silent
            case .ceiling: limits.ceiling
            }
        return max(0, members(of: scope).count - limit)
    }

    /// - Parameters:
    ///   - origin: Of the reader that waits; nil: it has its share.
    ///   - claimed: Flights whose slots others wait for.
    func room(in scope: Scope, for origin: OriginID?, except claimed: Set<FlightID>) -> Room {
        let candidates = members(of: scope).filter { !claimed.contains($0.key) }
        if let leaving = candidates.filter({ $0.value.isLeaving }).keys.min() {
            return .leaving(leaving)
        }
        let ranked = candidates.map { (priority: priority(of: $0.value), id: $0.key) }
        guard let victim = ranked.min(by: { ($0.priority, $1.id) < ($1.priority, $0.id) }),
            victim.priority < .critical
        else {
            let taken = origin.flatMap { share(in: scope, for: $0, of: candidates) }
            return taken.map { .taken($0) } ?? .none
        }
        if victim.priority < .high { return .taken(victim.id) }
        let spared = ranked.filter {
            candidates[$0.id]?.isSpared == true && $0.priority < .critical
        }
        return spared.map(\.id).min().map { .leaving($0) } ?? .taken(victim.id)
    }

    /// What an origin without a flight may take of the line, however urgent that is: of those that have several
    /// that are known to be slow the one with most gives the slowest, so that such origins never have all of it.
    func share(
        in scope: Scope, for origin: OriginID, of candidates: [FlightID: FlightState]
    ) -> FlightID? {
        guard scope == .total, isWithoutFlight(origin) else { return nil }
        let slow = candidates.filter { $0.value.pace.isMeasured && !$0.value.isSpared }
        let shares = Dictionary(grouping: slow, by: \.value.origin).filter { $0.value.count > 1 }
        let most = shares.values.map(\.count).max()
        return shares.values.filter { $0.count == most }.joined()
            .min { ($0.value.pace.soon, $1.key) < ($1.value.pace.soon, $0.key) }?.key
    }

    func isWithoutFlight(_ origin: OriginID) -> Bool {
        !flights.values.contains { $0.isActive && $0.origin == origin }
    }

    /// It was told to stop or will end before long, and nobody had better stop it.
    func isStopping(_ flight: FlightState) -> Bool {
        flight.isLeaving || (flight.isSpared && priority(of: flight) == .high)
    }

    /// Promises a waiting reader the slot of a flight that stops, the least urgent if none does.
    ///
    /// - Returns: nil when all that fly are as urgent.
    mutating func makeRoom(at origin: OriginID, claims: inout Claims) -> [SchedulerAction]? {
        guard let scope = obstacle(.critical, at: origin) else { return nil }
        var actions: [SchedulerAction] = []
        if claims.scopes.insert(scope).inserted {
            for _ in 0..<excess(of: scope) {
                actions += claim(in: scope, for: origin, &claims) ?? []
            }
        }
        let isFirst = !claims.origins.contains(origin)
        guard let own = claim(in: scope, for: isFirst ? origin : nil, &claims) else {
            return actions.isEmpty ? nil : actions
        }
        claims.origins.insert(origin)
        return actions + own
    }

    private mutating func claim(
        in scope: Scope, for origin: OriginID?, _ claims: inout Claims
    ) -> [SchedulerAction]? {
        switch room(in: scope, for: origin, except: claims.flights) {
        case .none: return nil
        case .leaving(let flight):
            claims.flights.insert(flight)
            return []
        case .taken(let flight):
            claims.flights.insert(flight)
            return cancel(flight)
        }
    }

    /// Whether demands in this line may get something.
    func canMove(_ place: FetchQueue.Place) -> Bool {
        switch place.line {
        case .waiting: canTakeSlot(at: place.origin)
        case .reading: mayStart(.high, at: place.origin)
        case .background: mayStart(.medium, at: place.origin)
        case .resting: false
        }
    }

    /// Whether a slot is free, or held by something less urgent. Slots that come free by themselves are no reason to look at a long line again.
    private func canTakeSlot(at origin: OriginID) -> Bool {
        guard let scope = obstacle(.critical, at: origin) else { return true }
        let leaving = flights.filter { $0.value.isActive && isStopping($0.value) }
        return room(in: scope, for: origin, except: Set(leaving.keys)) != .none
    }
}
