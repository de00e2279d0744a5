import NIOConcurrencyHelpers
import PlatterCore

/// What passages ask and tell, and what is known of origins.
extension FetchDispatcher {
    /// As of `FetchScheduler.note`.
    func note(_ trouble: OriginTrouble, of origin: OriginID) {
        state.withLockedValue { $0.scheduler.note(trouble, of: origin) }
    }

    /// As of `FetchScheduler.trouble`.
    package func trouble(of origin: OriginID) -> OriginTrouble? {
        state.withLockedValue { $0.scheduler.trouble(of: origin) }
    }

    /// Waits until a passage may send a request to its origin.
    ///
    /// - Returns: The number to call `passed` with; nil when the task was cancelled or the cache is
    ///   being closed.
    func admission(to origin: OriginID) async -> FlightID? {
        let (admitted, asking) = AsyncStream<Void>.makeStream()
        guard let id = ask(origin, asking) else { return nil }
        for await _ in admitted { return id }
        // Admission may have come at the same instant.
        passed(id, .unknown)
        return nil
    }

    private func ask(
        _ origin: OriginID, _ asking: AsyncStream<Void>.Continuation
    ) -> FlightID? {
        if isStopped { return nil }
        var number: FlightID?
        perform { state, now in
            let (id, actions) = state.scheduler.ask(origin, now: now)
            number = id
            state.asking[id] = asking
            return actions
        }
        return number
    }

    func passed(_ id: FlightID, _ outcome: PassageOutcome) {
        let jitter = jitter()
        perform { state, now in
            state.asking[id] = nil
            return state.scheduler.passed(id, outcome, jitter: jitter, now: now)
        }
    }
}
