import PlatterCore

/// Races between flights, and what follows when one fails.
extension FetchScheduler {
    /// The running flights that race `id` for the same bytes.
    func rivals(of id: FlightID, _ flight: FlightState) -> [FlightID] {
        let group = flight.hedgeOf ?? id
        return (entries[flight.entry]?.flights ?? []).filter { other in
            guard other != id, let rival = flights[other], rival.isRunning else { return false }
            return other == group || rival.hedgeOf == group
        }
    }

    /// Whoever brings a byte first has won. A flight that was told to stop cannot win any more.
    mutating func cancelRivals(of id: FlightID) -> [SchedulerAction] {
        guard let winner = flights[id], winner.isRunning else { return [] }
        return rivals(of: id, winner).flatMap { cancel($0) }
    }

    /// A flight ended with a failure that another try does not mend.
    ///
    /// - Parameter isSuspect: As of `mayBeOneTooMany`.
    mutating func end(
        _ flight: FlightState, _ id: FlightID, with failure: FetchFailure, isSuspect: Bool,
        jitter: Double, now: Moment
    ) -> [SchedulerAction] {
        switch failure {
        case .status, .unreachable, .badCertificate, .bypass:
            // The origin may only dislike the second connection.
            if !rivals(of: id, flight).isEmpty { return [] }
        case .unsatisfiable, .changed, .store, .stopped: break
        }
        switch failure {
        case .status where isSuspect:
            let full = limits.perOrigin
            change(flight.origin) {
                $0.concurrency.slowDown(startedAt: flight.startedAt, full: full, now: now)
            }
            // When the others are out of the way its turn comes, without a pause.
            return hasSlot(.critical, at: flight.origin)
                ? back(off: flight, id, jitter: jitter, now: now) : []
        case .status, .badCertificate, .bypass:
            return fail(flight, failure) + dropUnwanted(of: flight.entry)
        case .unreachable, .unsatisfiable, .changed, .store, .stopped:
            return fail(flight.entry, failure) + dropUnwanted(of: flight.entry)
        }
    }

    /// Whether a refusal may be about how many ask at once, and not about what is asked for: the origin
    /// brings other bytes of the entry just now, did so when it was asked, or may still count a connection that
    /// was hung up on.
    func mayBeOneTooMany(
        _ flight: FlightState, _ id: FlightID, _ outcome: FlightOutcome
    ) -> Bool {
        guard case .failed(.status(let status)) = outcome, let state = entries[flight.entry],
            state.completeLength != nil
        else { return false }
        // A challenge, and two that say that there is nothing.
        if [401, 404, 407, 410].contains(status) { return false }
        return state.hasHungUp || state.endedAt.map { $0 > flight.startedAt } ?? false
            || state.flights.contains { $0 != id && flights[$0]?.isActive == true }
    }

    /// Fails those who want what a flight was to bring. Whoever is blocked on another byte of an open
    /// entry is not concerned.
    private mutating func fail(
        _ flight: FlightState, _ failure: FetchFailure
    ) -> [SchedulerAction] {
        guard let state = entries[flight.entry], state.completeLength != nil else {
            return fail(flight.entry, failure)
        }
        let concerned = state.demands.filter { id in
            guard let demand = demands[id] else { return false }
            return demand.isWaiting
                ? flight.range.contains(demand.range.lowerBound) : demand.wants(flight.range)
        }
        return concerned.sorted().map { id in
            forget(id)
            return .fail(id, failure)
        }
    }

    /// Nothing is wrong with the origin: it is asked again at once. When others go on writing to the file
    /// the store is of no use for now.
    mutating func overwritten(_ entry: EntryHandle, now: Moment) -> [SchedulerAction] {
        let last = entries[entry]?.overwrittenAt
        entries[entry]?.overwrittenAt = now
        guard let last, now.since(last) < limits.overwrites else { return [] }
        return fail(entry, .store) + dropUnwanted(of: entry)
    }

    /// Counts answers in a row that end early with next to nothing. A server may send less than it was asked
    /// for, but one that goes on like this is no better than one that fails, though bytes come.
    ///
    /// - Parameter isShort: The flight did not bring all that it was to.
    /// - Returns: Whether these are too many to ask at once again.
    mutating func countScant(
        _ flight: FlightState, _ outcome: FlightOutcome, isShort: Bool
    ) -> Bool {
        switch outcome {
        case .ended, .retryable(after: nil): break
        case .retryable, .throttled, .untrusted, .overwritten, .failed: return false
        }
        // Without a byte it is a failure, and counts as one.
        let brought = max(0, flight.mark - flight.range.lowerBound)
        guard !flight.isCancelled, brought > 0, var state = entries[flight.entry] else {
            return false
        }
        if isShort, brought < limits.scantLength {
            state.scantAnswers = min(state.scantAnswers + 1, 1 << 16)
            // Each byte ends the count of failures.
            state.failures = max(state.failures, state.scantAnswers - limits.scantAnswers)
        } else {
            state.scantAnswers = 0
        }
        entries[flight.entry] = state
        return state.scantAnswers >= limits.scantAnswers
    }

    /// Counts answers in a row that had to bring everything from the start and ended without a new byte.
    mutating func countStuck(_ flight: FlightState, _ outcome: FlightOutcome) -> Int {
        guard flight.isWhole, !flight.isCancelled, case .retryable(after: nil) = outcome,
            var state = entries[flight.entry]
        else { return 0 }
        let isStuck = flight.mark <= max(flight.range.lowerBound, state.wholeMark)
        state.stuckTransfers = isStuck ? min(state.stuckTransfers + 1, limits.tries) : 0
        state.wholeMark = max(state.wholeMark, flight.mark)
        entries[flight.entry] = state
        return state.stuckTransfers
    }

    mutating func back(
        off flight: FlightState, _ id: FlightID, jitter: Double, now: Moment
    ) -> [SchedulerAction] {
        let backoff = Backoff(limits: limits)
        guard var state = entries[flight.entry], rivals(of: id, flight).isEmpty else { return [] }
        state.failures += 1
        let isWaitedFor = state.demands.contains { demands[$0]?.isWaiting == true }
        let pause = backoff.pause(
            failures: state.failures, isWaitedFor: isWaitedFor, jitter: jitter)
        state.notBefore = now.advanced(by: pause)
        entries[flight.entry] = state
        let isTired = state.failures >= limits.tries || !(isWaitedFor || mayRetry(flight))
        return isTired ? giveUpUnawaited(of: flight.entry) : []
    }

    /// Whether the origin's budget has a try for those who do not wait, if there are any.
    private mutating func mayRetry(_ flight: FlightState) -> Bool {
        guard entries[flight.entry]?.demands.isEmpty == false else { return true }
        var isGranted = true
        change(flight.origin) { isGranted = $0.retries.take() }
        return isGranted
    }

    /// Read-ahead, prefetch and fill end after their tries; a waiting reader has its own deadline.
    private mutating func giveUpUnawaited(of entry: EntryHandle) -> [SchedulerAction] {
        let tired = (entries[entry]?.demands ?? []).sorted().filter {
            demands[$0].map { !$0.isWaiting } ?? false
        }
        return tired.compactMap { id in
            guard demands[id]?.level != .high else {
                queue.remove(id)
                hungry.remove(id)
                settled.insert(id)
                return nil
            }
            forget(id)
            return .fail(id, .unreachable)
        }
    }
}
