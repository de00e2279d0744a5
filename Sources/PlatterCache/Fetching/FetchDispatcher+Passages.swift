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
        state.withLockedValue { $0.scheduler.trouble(of: origin, now: clock.now) }
    }

    /// As of `FetchScheduler.keepsWaiting`.
    package func keepsWaiting(_ resource: Resource) -> Bool {
        state.withLockedValue {
            $0.scheduler.keepsWaiting(resource.key, at: resource.origin, now: clock.now)
        }
    }

    /// Waits until a passage may send a request to its origin.
    ///
    /// - Parameter deadline: As of a reader that waits.
    /// - Returns: The number to call `passed` with; nil when the task was cancelled or the cache is
    ///   being closed.
    func admission(to resource: Resource, deadline: Moment) async -> FlightID? {
        let (admitted, asking) = AsyncStream<Void>.makeStream()
        guard let id = ask(resource, deadline, asking) else { return nil }
        for await _ in admitted { return id }
        // Admission may have come at the same instant.
        passed(id, .unknown)
        return nil
    }

    private func ask(
        _ resource: Resource, _ deadline: Moment, _ asking: AsyncStream<Void>.Continuation
    ) -> FlightID? {
        var number: FlightID?
        perform { state, now in
            if state.isStopped { return [] }
            let (id, actions) = state.scheduler.ask(
                resource.key, at: resource.origin, deadline: deadline, now: now)
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
