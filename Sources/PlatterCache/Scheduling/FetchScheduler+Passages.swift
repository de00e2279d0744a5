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
/// flights have, because one of them may be the probe of an origin that has failed; flights and passages
/// take turns to be it.
///
/// A player waits for each, so none needs a share of the budget of retries that nobody waits for.
extension FetchScheduler {
    /// Requests of passages.
    struct Passages: Sendable {
        struct Request: Sendable {
            let id: FlightID
            let key: CacheKey
            let origin: OriginID
            let deadline: Moment
            /// When it was sent.
            var sentAt = Moment.start
        }

        /// Those without leave, in the order in which they asked for it.
        var waiting: [Request] = []
        var sent: [FlightID: Request] = [:]

        var origins: Set<OriginID> {
            Set(waiting.map(\.origin)).union(sent.values.map(\.origin))
        }

        func wait(at origin: OriginID) -> Bool { waiting.contains { $0.origin == origin } }
    }

    /// A passage wants to send a request: `admit` says when it may.
    ///
    /// - Parameters:
    ///   - key: What it is for.
    ///   - deadline: As of a reader that waits.
    /// - Returns: The number under which `passed` is to be called, whatever becomes of it.
    package mutating func ask(
        _ key: CacheKey, at origin: OriginID, deadline: Moment, now: Moment
    ) -> (id: FlightID, actions: [SchedulerAction]) {
        let id = FlightID(nextFlight)
        nextFlight += 1
        passages.waiting.append(.init(id: id, key: key, origin: origin, deadline: deadline))
        shortenPauses(of: key, at: origin, now: now)
        return (id, schedule(now: now))
    }

    /// A request of a passage has ended, or is not wanted any more.
    package mutating func passed(
        _ id: FlightID, _ outcome: PassageOutcome, jitter: Double, now: Moment
    ) -> [SchedulerAction] {
        passages.waiting.removeAll { $0.id == id }
        guard let request = passages.sent.removeValue(forKey: id) else { return [] }
        let (origin, key) = (request.origin, request.key)
        switch outcome {
        case .answered:
            noteAnswer(of: origin, to: key, now: now)
            origins[origin]?.hangs = false
        case .unanswered, .faulty, .throttled:
            noteFailure(of: origin, id, key, .passing, jitter: jitter, now: now)
        case .unknown: break
        }
        switch outcome {
        case .faulty(let after?): honour(after, request, jitter: jitter, now: now)
        case .throttled(let after): honour(after, request, jitter: jitter, now: now)
        case .answered, .unanswered, .faulty, .unknown: break
        }
        release(id, key, .passing, at: origin, now: now)
        return schedule(now: now)
    }

    private mutating func honour(
        _ asked: Duration?, _ request: Passages.Request, jitter: Double, now: Moment
    ) {
        spare(
            request.origin, told: request.key, .passing, for: asked, startedAt: request.sentAt,
            jitter: jitter, now: now)
    }

    /// Lets those go that may, the first first: before flights, because a player waits for each.
    ///
    /// - Parameter insisting: A flight whose turn it was did not take it.
    mutating func admitPassages(insisting: Bool = false, now: Moment) -> [SchedulerAction] {
        guard !passages.waiting.isEmpty else { return [] }
        var actions: [SchedulerAction] = []
        var admitted: Set<FlightID> = []
        for var request in passagesInTurn {
            let origin = request.origin
            if isPaused(request.key, at: origin, now: now) { continue }
            if let probe = origins[origin]?.breaker.probe {
                actions += takeOver(probe)
            } else if insisting || !isTurnOfFlights(at: origin) {
                request.sentAt = now
                passages.sent[request.id] = request
                admitted.insert(request.id)
                origins[origin]?.breaker.started(request.id)
                actions.append(.admit(request.id))
            }
        }
        passages.waiting.removeAll { admitted.contains($0.id) }
        return actions
    }

    /// Whether a passage that asked now would have to wait: for the end of a pause, or for the one request that
    /// shows whether the origin answers again.
    package func keepsWaiting(_ key: CacheKey, at origin: OriginID, now: Moment) -> Bool {
        isPaused(key, at: origin, now: now) || origins[origin]?.breaker.probe != nil
    }

    private var passagesInTurn: [Passages.Request] {
        let waiting = passages.waiting.map { (turn: turn(of: $0.key, at: $0.origin), request: $0) }
        return waiting.sorted { ($0.turn, $0.request.id) < ($1.turn, $1.request.id) }
            .map(\.request)
    }

    /// Whether a blocked reader is to have the probe that is free now.
    private func isTurnOfFlights(at origin: OriginID) -> Bool {
        guard let state = origins[origin], !state.breaker.isClosed else { return false }
        return state.turns.last == .passing
            && !queue[.init(origin: origin, line: .waiting)].isEmpty
    }

    /// A probe that nobody waits for makes way for one that a player waits for.
    private mutating func takeOver(_ probe: FlightID) -> [SchedulerAction] {
        guard let flight = flights[probe], !isStopping(flight), priority(of: flight) < .critical
        else { return [] }
        return cancel(probe)
    }

    /// When the next pause ends that a passage waits out.
    func passageDue(now: Moment) -> Moment? {
        passages.waiting.compactMap(pauseEnd).filter { $0 > now }.min()
    }

    private func pauseEnd(of request: Passages.Request) -> Moment? {
        origins[request.origin]?.pausedUntil(request.key)
    }

    /// What breaks the promise to passages: that each has leave, or waits for a probe or a timer.
    func flawOfPassages(now: Moment) -> String? {
        for request in passages.waiting {
            if origins[request.origin]?.breaker.probe != nil { continue }
            guard let end = pauseEnd(of: request) else {
                return "passage \(request.id.rawValue) waits for nothing"
            }
            guard let timer, timer <= max(end, now) else {
                return "the timer of passage \(request.id.rawValue) is too late"
            }
        }
        return nil
    }
}
