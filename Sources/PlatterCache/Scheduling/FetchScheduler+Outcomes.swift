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
    mutating func end(
        _ flight: FlightState, _ id: FlightID, with failure: FetchFailure
    ) -> [SchedulerAction] {
        switch failure {
        case .status, .unreachable, .bypass:
            // The origin may only dislike the second connection.
            if !rivals(of: id, flight).isEmpty { return [] }
        case .unsatisfiable, .changed, .store, .stopped: break
        }
        return fail(flight.entry, failure) + dropUnwanted(of: flight.entry)
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
