package import PlatterCore

/// What is learnt of origins, so that a bad one keeps nobody else waiting.
extension FetchScheduler {
    /// Origins that are remembered, unless more are in use.
    static let originLimit = 1_000

    mutating func change(_ origin: OriginID, _ body: (inout OriginState) -> Void) {
        if origins.count >= Self.originLimit, origins[origin] == nil { forgetOrigins() }
        var state = origins[origin] ?? OriginState(limits: limits)
        body(&state)
        origins[origin] = state
    }

    /// What is forgotten is soon learnt again, unless somebody waits for it.
    private mutating func forgetOrigins() {
        let used = Set(demands.values.map(\.origin)).union(flights.values.map(\.origin))
            .union(passages.origins)
        origins = origins.filter { used.contains($0.key) }
    }

    // MARK: - Failures

    /// What the end of a flight says of its origin.
    mutating func judge(
        _ flight: FlightState, _ id: FlightID, _ outcome: FlightOutcome, jitter: Double, now: Moment
    ) {
        let hasBytes = flight.mark > flight.range.lowerBound
        switch outcome {
        case _ where flight.isCancelled: break
        case .ended where hasBytes:
            let full = limits.perOrigin
            change(flight.origin) {
                $0.retries.succeeded()
                $0.concurrency.succeeded(full: full)
            }
        case .ended where flight.rest.isEmpty: break
        case .failed(.status), .failed(.unsatisfiable), .failed(.changed), .failed(.bypass):
            noteAnswer(of: flight.origin, to: flight.key, now: now)
        // Somebody is there, but it may not be the origin.
        case .failed(.badCertificate): break
        case .failed(.store), .failed(.stopped), .untrusted, .overwritten: break
        case .ended, .retryable, .throttled, .failed(.unreachable):
            if !hasBytes {
                noteFailure(
                    of: flight.origin, id, flight.key, .stored, jitter: jitter, now: now)
            }
        }
        honour(outcome, flight, jitter: jitter, now: now)
        release(id, flight.key, .stored, at: flight.origin, now: now)
    }

    /// A request brought nothing. Decides nothing: what follows from it is said by how it ends.
    package mutating func note(_ trouble: OriginTrouble, of origin: OriginID) {
        change(origin) { $0.trouble = trouble }
    }

    /// What those who wait for an origin can be told; nil when it has not failed, or has answered since.
    package func trouble(of origin: OriginID, now: Moment) -> OriginTrouble? {
        // What an earlier request died of says nothing of one that hangs now.
        let hangs = flights.values.contains { flight in
            flight.origin == origin && flight.isRunning && (flight.opens || flight.phase == .flying)
                && flight.mark <= flight.range.lowerBound
                && now >= flight.heardAt.advanced(by: limits.silence)
        }
        return hangs ? .timedOut : origins[origin]?.trouble
    }

    /// Whoever waited out a pause need not do so any longer.
    ///
    /// - Parameters:
    ///   - key: What was asked for.
    ///   - isNew: As of `OriginState.answered`.
    /// - Returns: Whether there may have been one.
    @discardableResult
    mutating func noteAnswer(
        of origin: OriginID, to key: CacheKey, isNew: Bool = true, now: Moment
    ) -> Bool {
        origins[origin]?.trouble = nil
        guard origins[origin]?.answered(key, isNew: isNew, now: now) == true else { return false }
        hungry.formUnion(queue[.init(origin: origin, line: .resting)])
        return true
    }

    mutating func noteFailure(
        of origin: OriginID, _ id: FlightID, _ key: CacheKey, _ side: ProbeTurns.Side,
        jitter: Double, now: Moment
    ) {
        // Whoever waits for a passage asks again.
        let isWaitedFor =
            flights[id] == nil || passages.wait(at: origin)
            || demands.values.contains { $0.isWaiting && $0.origin == origin }
        let (limits, backoff) = (limits, Backoff(limits: limits))
        let waiting = origins[origin]?.breaker.isClosed ?? true ? waitingKeys(at: origin) : []
        change(origin) {
            let phase = $0.breaker.phase
            $0.breaker.failed(id, threshold: limits.failuresToOpen, now: now) { openings in
                backoff.pause(
                    failures: openings, isWaitedFor: isWaitedFor, jitter: jitter,
                    first: limits.firstBreak)
            }
            guard $0.breaker.phase != phase else { return }
            if phase == .closed { for key in waiting { $0.turns.stand(key) } }
            $0.turns.had(key, side)
        }
    }

    /// A request is over, or was never sent. If it was the probe, another one may be, and others come first.
    mutating func release(
        _ id: FlightID, _ key: CacheKey, _ side: ProbeTurns.Side, at origin: OriginID, now: Moment
    ) {
        guard origins[origin]?.breaker.probe == id else { return }
        origins[origin]?.breaker.released(id, now: now)
        origins[origin]?.turns.had(key, side)
    }

    /// The pause that the origin asked for, and fewer requests at once for a while.
    private mutating func honour(
        _ outcome: FlightOutcome, _ flight: FlightState, jitter: Double, now: Moment
    ) {
        let asked: Duration?
        switch outcome {
        case _ where flight.isCancelled: return
        case .retryable(let after?): asked = after
        case .throttled(let after): asked = after
        case .retryable, .untrusted, .overwritten, .ended, .failed: return
        }
        spare(
            flight.origin, told: flight.key, .stored, for: asked, startedAt: flight.startedAt,
            jitter: jitter, now: now)
    }

    // MARK: - Silence

    /// Notices the flights that have brought nothing for a while. Their slots of the line are free,
    /// and whoever counted on their end had better not.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    mutating func noteSilence(now: Moment) -> Bool {
        var areSome = false
        for (id, flight) in flights
        where flight.isFresh && now >= flight.startedAt.advanced(by: limits.silence) {
            areSome = true
            flights[id]?.isFresh = false
        }
        for (id, flight) in flights where flight.usesLine {
            guard now >= flight.heardAt.advanced(by: limits.silence) else { continue }
            areSome = true
            flights[id]?.isSilent = true
            flights[id]?.disappoint()
            unsettle(flight.entry)
            let isOut = flight.opens || flight.phase == .flying
            if isOut, flight.mark <= flight.range.lowerBound {
                change(flight.origin) { $0.hangs = true }
            }
        }
        return areSome
    }

    /// For an event that has nothing else to say.
    mutating func lookForSilence(now: Moment) -> [SchedulerAction] {
        noteSilence(now: now) ? schedule(now: now) : []
    }

    /// A byte came.
    ///
    /// - Parameter isFirst: Of this flight.
    /// - Returns: Whether the flight or its origin was taken for bad.
    mutating func hear(_ flight: inout FlightState, isFirst: Bool, now: Moment) -> Bool {
        flight.heardAt = max(flight.heardAt, now)
        let hasReturned = flight.isSilent
        if hasReturned { (flight.isSilent, flight.hasReturned) = (false, true) }
        let didHang = origins[flight.origin]?.hangs ?? false
        origins[flight.origin]?.hangs = false
        let wasPaused = noteAnswer(
            of: flight.origin, to: flight.key, isNew: isFirst, now: now)
        return hasReturned || didHang || wasPaused
    }

    /// A flight was told to take nothing for a while: that is not the origin's silence.
    package mutating func paused(_ id: FlightID, now: Moment) -> [SchedulerAction] {
        if let flight = flights[id], flight.isActive {
            flights[id]?.heardAt = max(flight.heardAt, now)
            flights[id]?.pausedAt = now
        }
        return lookForSilence(now: now)
    }

    // MARK: - Ranges

    /// What was taken for an origin without ranges has some.
    ///
    /// - Returns: Whether that is news.
    mutating func noteRanges(of flight: FlightState) -> Bool {
        guard entries[flight.entry]?.lacksRanges == true, provesRanges(flight) else { return false }
        entries[flight.entry]?.lacksRanges = false
        unsettle(flight.entry)
        return true
    }

    /// When the next flight is silent; nil when nobody waits for the line.
    var silenceDue: Moment? {
        let isAwaited = queue.openPlaces.contains { place in
            obstacle(place.line.priority, at: place.origin) == .total
        }
        guard isAwaited else { return nil }
        return flights.values.filter(\.usesLine).map(\.heardAt).min()?.advanced(by: limits.silence)
    }

    /// When the next flight that opens an entry has had its time; nil when nobody waits for a slot.
    private var freshDue: Moment? {
        guard queue.hasWaiting || !passages.waiting.isEmpty else { return nil }
        return flights.values.filter { $0.isFresh && $0.isActive }.map(\.startedAt).min()?
            .advanced(by: limits.silence)
    }

    /// One timer for all pauses that somebody waits out.
    mutating func updateTimer(now: Moment) -> [SchedulerAction] {
        let dues = [queue.due, silenceDue, freshDue, passageDue(now: now)]
        guard let due = dues.compactMap(\.self).min(),
            timer.map({ due < $0 }) ?? true
        else { return [] }
        timer = due
        return [.setTimer(due)]
    }
}
