import PlatterCore

/// What is learnt of origins, so that a bad one keeps nobody else waiting.
extension FetchScheduler {
    /// Origins that are remembered, unless more are in use.
    static let originLimit = 1_000

    mutating func change(_ origin: OriginID, _ body: (inout OriginState) -> Void) {
        if origins.count >= Self.originLimit, origins[origin] == nil { forgetOrigins() }
        body(&origins[origin, default: OriginState()])
    }

    /// What is forgotten is soon learnt again, unless somebody waits for it.
    private mutating func forgetOrigins() {
        let used = Set(demands.values.map(\.origin)).union(flights.values.map(\.origin))
        origins = origins.filter { used.contains($0.key) }
    }

    func isPaused(_ origin: OriginID, now: Moment) -> Bool {
        origins[origin]?.pausedUntil.map { $0 > now } ?? false
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

    /// A byte came.
    ///
    /// - Returns: Whether the flight or its origin was taken for silent.
    func hear(_ flight: inout FlightState, now: Moment) -> Bool {
        flight.heardAt = max(flight.heardAt, now)
        guard flight.isSilent else { return false }
        flight.isSilent = false
        flight.hasReturned = true
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
    mutating func updateTimer() -> [SchedulerAction] {
        guard let due = [queue.due, silenceDue].compactMap(\.self).min(),
            timer.map({ due < $0 }) ?? true
        else { return [] }
        timer = due
        return [.setTimer(due)]
    }
}
