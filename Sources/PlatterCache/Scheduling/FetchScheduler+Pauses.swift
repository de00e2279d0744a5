import PlatterCore

/// When an origin is asked for nothing, or not for a certain object.
extension FetchScheduler {
    func isPaused(_ key: CacheKey, at origin: OriginID, now: Moment) -> Bool {
        origins[origin]?.pausedUntil(key).map { $0 > now } ?? false
    }

    /// The place of an object in the line before an origin that fails; 0 before any other.
    func turn(of key: CacheKey, at origin: OriginID) -> UInt64 {
        guard let state = origins[origin], !state.breaker.isClosed else { return 0 }
        return state.turns.place(of: key)
    }

    /// An origin asks for fewer requests, or for a pause. That is for the object that was asked for: others
    /// wait for a moment, and then one of them shows whether it is for them too.
    ///
    /// - Parameters:
    ///   - asked: The pause, if the origin named one.
    ///   - startedAt: When the request began that was told so.
    mutating func spare(
        _ origin: OriginID, told key: CacheKey, _ side: ProbeTurns.Side, for asked: Duration?,
        startedAt: Moment, jitter: Double, now: Moment
    ) {
        let (limits, backoff) = (limits, Backoff(limits: limits))
        change(origin) {
            $0.concurrency.slowDown(startedAt: startedAt, full: limits.perOrigin, now: now)
        }
        guard let asked, asked > .zero else { return }
        let granted = backoff.granted(asked)
        let hesitation = backoff.pause(
            failures: 1, isWaitedFor: true, jitter: jitter, first: limits.firstBreak)
        let waiting = waitingKeys(at: origin)
        change(origin) {
            $0.asked.told(key, until: now.advanced(by: granted), now: now)
            guard $0.breaker.isClosed else { return }
            for key in waiting { $0.turns.stand(key) }
            $0.breaker.hesitate(until: now.advanced(by: min(granted, hesitation)))
            $0.turns.had(key, side)
        }
        shortenGrants(of: key, at: origin, now: now)
    }

    /// What is waited for at an origin, the most urgent first: those who come later stand behind them.
    func waitingKeys(at origin: OriginID) -> [CacheKey] {
        let waiting = demands.filter { $0.value.isWaiting && $0.value.origin == origin }
        let readers = waiting.sorted {
            ($0.value.deadline ?? .start, $0.key) < ($1.value.deadline ?? .start, $1.key)
        }
        return readers.compactMap { entries[$0.value.entry]?.key }
            + passages.waiting.filter { $0.origin == origin }.map(\.key)
    }

    /// Somebody waits: what began when nobody did may be longer than is good now.
    mutating func shortenPauses(of key: CacheKey, at origin: OriginID, now: Moment) {
        guard let state = origins[origin] else { return }
        if !state.breaker.isClosed {
            origins[origin]?.breaker.shorten(to: now.advanced(by: limits.waitingBackoffCap))
            origins[origin]?.turns.stand(key)
        }
        shortenGrants(of: key, at: origin, now: now)
    }

    /// The pauses that the origin asked for may be longer than those can wait who do.
    private mutating func shortenGrants(of key: CacheKey, at origin: OriginID, now: Moment) {
        guard let asked = origins[origin]?.asked else { return }
        if let end = asked.ofAll, end > now, let last = lastGrant(at: origin, now: now) {
            origins[origin]?.asked.shortenAll(to: last)
        }
        if let end = asked.end(of: key), end > now,
            let last = lastGrant(of: key, at: origin, now: now)
        {
            origins[origin]?.asked.shorten(key, to: last)
        }
    }

    /// When a pause that the origin asked for has to end, so that those who wait still get their bytes;
    /// nil when nobody waits.
    ///
    /// - Parameter key: nil: for whatever they wait.
    private func lastGrant(of key: CacheKey? = nil, at origin: OriginID, now: Moment) -> Moment? {
        let waiting = demands.values.filter { demand in
            demand.isWaiting && demand.origin == origin
                && (key == nil || entries[demand.entry]?.key == key)
        }
        let passing = passages.waiting.filter {
            $0.origin == origin && (key == nil || $0.key == key)
        }
        let first = (waiting.compactMap(\.deadline) + passing.map(\.deadline)).min()
        return first.map {
            max($0.advanced(by: limits.grantAfterDeadline), now.advanced(by: limits.leastGrant))
        }
    }
}
