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

    func isPaused(_ origin: OriginID, now: Moment) -> Bool {
        origins[origin]?.pausedUntil.map { $0 > now } ?? false
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
            noteAnswer(of: flight.origin)
        case .failed(.store), .failed(.stopped), .untrusted: break
        case .ended, .retryable, .throttled, .failed(.unreachable):
            if !hasBytes { noteFailure(of: flight.origin, id, jitter: jitter, now: now) }
        }
        honour(outcome, flight, now: now)
        change(flight.origin) { $0.breaker.released(id, now: now) }
    }

    /// A request brought nothing. Decides nothing: what follows from it is said by how it ends.
    package mutating func note(_ trouble: OriginTrouble, of origin: OriginID) {
        change(origin) { $0.trouble = trouble }
    }

    /// What those who wait for an origin can be told; nil when it has not failed, or has answered since.
    package func trouble(of origin: OriginID) -> OriginTrouble? { origins[origin]?.trouble }

    /// Whoever waited out a break need not do so any longer.
    mutating func noteAnswer(of origin: OriginID) {
        guard let state = origins[origin] else { return }
        origins[origin]?.trouble = nil
        origins[origin]?.breaker.answered()
        if !state.breaker.isClosed {
            hungry.formUnion(queue[.init(origin: origin, line: .resting)])
        }
    }

    mutating func noteFailure(
        of origin: OriginID, _ id: FlightID, jitter: Double, now: Moment
    ) {
        // Whoever waits for a passage asks again.
        let isWaitedFor =
            flights[id] == nil || passages.wait(at: origin)
            || demands.values.contains { $0.isWaiting && $0.origin == origin }
        let (limits, backoff) = (limits, Backoff(limits: limits))
        change(origin) {
            $0.breaker.failed(id, threshold: limits.failuresToOpen, now: now) { openings in
                backoff.pause(
                    failures: openings, isWaitedFor: isWaitedFor, jitter: jitter,
                    first: limits.firstBreak)
            }
        }
    }

    /// The pause that the origin asked for, and fewer requests at once for a while.
    private mutating func honour(_ outcome: FlightOutcome, _ flight: FlightState, now: Moment) {
        let asked: Duration?
        switch outcome {
        case _ where flight.isCancelled: return
        case .retryable(let after?): asked = after
        case .throttled(let after): asked = after
        case .retryable, .untrusted, .ended, .failed: return
        }
        spare(flight.origin, for: asked, startedAt: flight.startedAt, now: now)
    }

    /// - Parameters:
    ///   - asked: The pause, if the origin named one.
    ///   - startedAt: When the request began that was told so.
    mutating func spare(
        _ origin: OriginID, for asked: Duration?, startedAt: Moment, now: Moment
    ) {
        let granted = asked.map { now.advanced(by: Backoff(limits: limits).granted($0)) }
        let end = granted.map { min($0, lastGrant(at: origin, now: now) ?? $0) }
        let full = limits.perOrigin
        change(origin) {
            $0.concurrency.slowDown(startedAt: startedAt, full: full, now: now)
            $0.retryAfter = [$0.retryAfter, end].compactMap(\.self).max()
        }
    }

    /// A reader waits: what began when nobody did may be longer than is good now.
    mutating func shortenBreak(of origin: OriginID, to end: Moment) {
        origins[origin]?.breaker.shorten(to: end)
    }

    /// When a pause that the origin asked for has to end, so that those who wait still get their bytes;
    /// nil when nobody waits.
    private func lastGrant(at origin: OriginID, now: Moment) -> Moment? {
        let waiting = demands.values.filter { $0.isWaiting && $0.origin == origin }
        let first = waiting.compactMap(\.deadline).min()
        return first.map {
            max($0.advanced(by: limits.grantAfterDeadline), now.advanced(by: limits.leastGrant))
        }
    }

    /// A reader waits: the pause that the origin asked for may be longer than it can wait.
    mutating func shortenGrant(of origin: OriginID, now: Moment) {
        guard let end = origins[origin]?.retryAfter, end > now,
            let last = lastGrant(at: origin, now: now), last < end
        else { return }
        origins[origin]?.retryAfter = last
    }

    // MARK: - Silence

    /// Notices the flights that have brought nothing for a while. Their slots of the line are free,
    /// and whoever counted on their end had better not.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    mutating func noteSilence(now: Moment) -> Bool {
        var areSome = false
        for (id, flight) in flights where flight.usesLine {
            guard now >= flight.heardAt.advanced(by: limits.silence) else { continue }
            areSome = true
            flights[id]?.isSilent = true
            flights[id]?.pace = Pace(handover: 0, near: 0, soon: 0)
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
    /// - Returns: Whether the flight or its origin was taken for bad.
    mutating func hear(_ flight: inout FlightState, now: Moment) -> Bool {
        flight.heardAt = max(flight.heardAt, now)
        let hasReturned = flight.isSilent
        if hasReturned { (flight.isSilent, flight.hasReturned) = (false, true) }
        let wasBad = origins[flight.origin].map { $0.hangs || !$0.breaker.isClosed } ?? false
        origins[flight.origin]?.hangs = false
        noteAnswer(of: flight.origin)
        return hasReturned || wasBad
    }

    /// A flight was told to take nothing for a while: that is not the origin's silence.
    package mutating func paused(_ id: FlightID, now: Moment) -> [SchedulerAction] {
        if let flight = flights[id], flight.isActive {
            flights[id]?.heardAt = max(flight.heardAt, now)
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

    /// One timer for all pauses that somebody waits out.
    mutating func updateTimer(now: Moment) -> [SchedulerAction] {
        let dues = [queue.due, silenceDue, passageDue(now: now)]
        guard let due = dues.compactMap(\.self).min(),
            timer.map({ due < $0 }) ?? true
        else { return [] }
        timer = due
        return [.setTimer(due)]
    }
}
