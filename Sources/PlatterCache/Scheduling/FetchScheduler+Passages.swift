package import PlatterCore

/// How a request of a passage ended, as far as it says something of the origin.
package enum PassageOutcome: Hashable, Sendable {
    /// With the head of an answer that counts, be it a refusal.
    case answered
    /// No answer came.
    case unanswered
    /// With an answer that is worth another try, not before the pause that the origin asked for.
    case faulty(after: Duration?)
    /// The same; the origin asks for fewer requests.
    case throttled(after: Duration?)
    /// It says nothing, because it was not waited for.
    case unknown
}

/// What goes past the store takes no slot of a flight, but the pauses of an origin and its breaker are
/// for all: a passage asks leave for each request, and tells how it ended. Its requests have numbers as
/// flights have, because one of them may be the probe of an origin that has failed.
///
/// A player waits for each, so none needs a share of the budget of retries that nobody waits for.
extension FetchScheduler {
    /// Requests of passages.
    struct Passages: Sendable {
        struct Request: Sendable {
            let id: FlightID
            let origin: OriginID
        }

        /// Those without leave, in the order in which they asked for it.
        var waiting: [Request] = []
        /// Those that were sent, and when.
        var sent: [FlightID: (origin: OriginID, at: Moment)] = [:]

        var origins: Set<OriginID> {
            Set(waiting.map(\.origin)).union(sent.values.map(\.origin))
        }

        func wait(at origin: OriginID) -> Bool { waiting.contains { $0.origin == origin } }
    }

    /// A passage wants to send a request: `admit` says when it may.
    ///
    /// - Returns: The number under which `passed` is to be called, whatever becomes of it.
    package mutating func ask(
        _ origin: OriginID, now: Moment
    ) -> (id: FlightID, actions: [SchedulerAction]) {
        let id = FlightID(nextFlight)
        nextFlight += 1
        passages.waiting.append(.init(id: id, origin: origin))
        // It began when nobody waited, so it may be longer than is good now.
        shortenBreak(of: origin, to: now.advanced(by: limits.waitingBackoffCap))
        return (id, schedule(now: now))
    }

    /// A request of a passage has ended, or is not wanted any more.
    package mutating func passed(
        _ id: FlightID, _ outcome: PassageOutcome, jitter: Double, now: Moment
    ) -> [SchedulerAction] {
        passages.waiting.removeAll { $0.id == id }
        guard let request = passages.sent.removeValue(forKey: id) else { return [] }
        let origin = request.origin
        switch outcome {
        case .answered:
            noteAnswer(of: origin)
            origins[origin]?.hangs = false
        case .unanswered: noteFailure(of: origin, id, jitter: jitter, now: now)
        case .faulty(let after):
            noteFailure(of: origin, id, jitter: jitter, now: now)
            if after != nil { spare(origin, for: after, startedAt: request.at, now: now) }
        case .throttled(let after):
            noteFailure(of: origin, id, jitter: jitter, now: now)
            spare(origin, for: after, startedAt: request.at, now: now)
        case .unknown: break
        }
        origins[origin]?.breaker.released(id, now: now)
        return schedule(now: now)
    }

    /// Lets those go that may, the first first. They come before flights: a player waits for each.
    mutating func admitPassages(now: Moment) -> [SchedulerAction] {
        guard !passages.waiting.isEmpty else { return [] }
        var actions: [SchedulerAction] = []
        var left: [Passages.Request] = []
        for request in passages.waiting {
            let breaker = origins[request.origin]?.breaker
            if let probe = breaker?.probe {
                actions += takeOver(probe)
                left.append(request)
            } else if isPaused(request.origin, now: now) {
                left.append(request)
            } else {
                passages.sent[request.id] = (request.origin, now)
                origins[request.origin]?.breaker.started(request.id)
                actions.append(.admit(request.id))
            }
        }
        passages.waiting = left
        return actions
    }

    /// A probe that nobody waits for makes way for one that a player waits for.
    private mutating func takeOver(_ probe: FlightID) -> [SchedulerAction] {
        guard let flight = flights[probe], !isStopping(flight), priority(of: flight) < .critical
        else { return [] }
        return cancel(probe)
    }

    /// When the next pause ends that a passage waits out.
    func passageDue(now: Moment) -> Moment? {
        passages.waiting.compactMap { origins[$0.origin]?.pausedUntil }.filter { $0 > now }.min()
    }

    /// What breaks the promise to passages: that each has leave, or waits for a probe or a timer.
    func flawOfPassages(now: Moment) -> String? {
        for request in passages.waiting {
            let origin = origins[request.origin]
            if origin?.breaker.probe != nil { continue }
            guard let end = origin?.pausedUntil else {
                return "passage \(request.id.rawValue) waits for nothing"
            }
            guard let timer, timer <= max(end, now) else {
                return "the timer of passage \(request.id.rawValue) is too late"
            }
        }
        return nil
    }
}
