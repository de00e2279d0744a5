import PlatterCore

@testable import PlatterCache

/// How an origin treats one object for ever.
enum Curse {
    case refused
    case toldToWait(Int64)

    var outcome: FlightOutcome {
        switch self {
        case .refused: .retryable(after: nil)
        case .toldToWait(let seconds): .throttled(after: .seconds(seconds))
        }
    }

    static func random(_ seed: UInt64) -> [CacheKey: Curse] {
        var random = SplitMix64(seed: seed ^ 0xC025E)
        let keys = (0..<8).map { CacheKey("film \($0)") } + (0..<3).map { CacheKey("past \($0)") }
        var curses: [CacheKey: Curse] = [:]
        for key in keys where random.once(in: 3) {
            curses[key] = random.once(in: 3) ? .toldToWait(600) : .refused
        }
        return curses
    }
}

extension OriginRecord {
    /// The object is not asked for again for as long as it says, or 10 s if that is less; of others one may
    /// try after a moment.
    mutating func noteTold(
        _ key: CacheKey, _ asked: Duration, limits: FetchLimits, now: Moment
    ) {
        guard asked > .zero else { return }
        told[key] = (now, min(asked, limits.leastGrant))
        witnesses.insert(key)
        openedAt = openedAt ?? now
    }
}

/// That one object which always fails keeps no other from an origin: who is tried while it fails, and for
/// whom the pauses are that it asks for.
extension World {
    /// A request is over.
    ///
    /// - Parameter opened: When its origin was to be left alone, before this end.
    mutating func noteTry(
        _ key: CacheKey, _ side: ProbeTurns.Side, at origin: OriginID, began: Moment,
        opened: Moment?
    ) {
        guard let openedAt = records[origin]?.openedAt else { return }
        guard openedAt != opened || began > openedAt else { return }
        records[origin]?.tried[key] = events
        records[origin]?.lastTry = (side, events)
    }

    /// All of what was planned is on disk: it was a try nevertheless.
    mutating func noteIdle(_ id: FlightID) {
        guard let transfer = transfers[id] else { return }
        let origin = origin(of: transfer)
        noteTry(
            films[transfer.film].key, .stored, at: origin, began: transfer.began,
            opened: records[origin]?.openedAt)
    }

    /// Objects take turns, and so do readers that are blocked and what goes past the store.
    mutating func checkTurn(of key: CacheKey, _ side: ProbeTurns.Side, at origin: OriginID) {
        guard let record = records[origin] else { return }
        if let told = record.told[key], now.since(told.at) < told.least {
            return fault("\(key) was told to wait at \(told.at.nanoseconds / 1_000_000) ms")
        }
        guard record.openedAt != nil else { return }
        let waiting = waiting(side, at: origin)
        if let last = record.tried[key] {
            for (other, since) in waiting where other != key {
                if max(since, record.tried[other] ?? 0) < last {
                    fault("\(key) is tried again before \(other)")
                }
            }
        }
        guard let last = record.lastTry, last.side == side else { return }
        let others = self.waiting(side == .stored ? .passing : .stored, at: origin)
        if side == .passing, !hasRoom(at: origin) { return }
        if let other = others.first(where: { $0.since < last.event }) {
            fault("\(key) is tried although it is the turn of \(other.key)")
        }
    }

    /// Who waits to be tried, and since when.
    private func waiting(
        _ side: ProbeTurns.Side, at origin: OriginID
    ) -> [(key: CacheKey, since: Int)] {
        switch side {
        case .stored:
            readers.compactMap { id, reader in
                let film = films[reader.film]
                guard film.origin == origin, scheduler.queue.line(of: id) == .waiting else {
                    return nil
                }
                return (film.key, reader.waitsSince)
            }
        case .passing:
            passages.values.compactMap { passage in
                guard passage.origin == origin, passage.began == nil,
                    records[origin]?.told[passage.key] == nil
                else { return nil }
                return (passage.key, passage.asksSince)
            }
        }
    }

    /// Whether a blocked reader could get a flight, as far as slots go.
    private func hasRoom(at origin: OriginID) -> Bool {
        let (limits, active, lines) = (scheduler.limits, active, lines())
        let own = active.count { self.origin(of: $0) == origin }
        return own < scheduler.limit(at: origin) && lines < limits.total
            && active.count < limits.ceiling && active.count - lines < limits.silent
    }

    /// What one object was told makes nobody wait for long who wants another one.
    mutating func checkPauses() {
        let waiting = Set(
            readers.values.filter(\.isWaiting).map { films[$0.film].origin }
                + passages.values.filter { $0.began == nil }.map(\.origin))
        for origin in waiting {
            guard let end = scheduler.origins[origin]?.pausedUntil, end > now,
                end.since(now) > scheduler.limits.waitingBackoffCap
            else { continue }
            if (records[origin]?.witnesses.count ?? 0) < 2 {
                fault("all of \(origin.authority) waits for one object")
            }
        }
    }
}
