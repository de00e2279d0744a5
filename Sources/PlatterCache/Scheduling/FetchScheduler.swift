package import PlatterCore

/// Decides what is fetched, in which order, on how many connections. One priority queue over all
/// entries and origins (REQUIREMENTS A3, B1, B4, B8), as a value: no clock, no I/O, no waiting.
///
/// Demands come from readers, prefetches and fills. The scheduler turns what is not yet covered by a
/// flight into flights, most urgent first, and wakes readers as the bytes arrive. Its promise is
/// that no reader ever waits without a flight, a queue place or a timer that is meant for it;
/// `violation` says whether that holds.
///
/// Events about an id that is not known are ignored, and no input traps: offsets below 0 count as 0.
package struct FetchScheduler: Sendable {
    struct EntryState: Sendable {
        /// What it is of: the same when it is forgotten and comes again.
        let key: CacheKey
        /// nil: not open yet.
        var completeLength: Int64?
        /// The origin sends the whole whatever is asked.
        var lacksRanges = false
        /// The flight that ended last was cancelled: its origin may not know that yet.
        var hasHungUp = false
        /// When a flight ended last that was not refused.
        var endedAt: Moment?
        var demands: Set<DemandID> = []
        /// In the order in which they were started.
        var flights: [FlightID] = []
        /// Bytes that landed or that a plan found on disk since somebody is interested. Only a hint
        /// to skip them: for a reader that waits the index is asked nevertheless.
        var known = RangeSet<Int64>()
        /// Failures since the last byte arrived.
        var failures = 0
        /// Answers in a row that ended early with next to nothing.
        var scantAnswers = 0
        /// How far transfers of the whole came, and how many in a row since then came no further.
        var wholeMark: Int64 = 0
        var stuckTransfers = 0
        var notBefore: Moment?
        /// When somebody else wrote to its file while a flight did.
        var overwrittenAt: Moment?
    }

    package let limits: FetchLimits
    var demands: [DemandID: Demand] = [:]
    var flights: [FlightID: FlightState] = [:]
    var entries: [EntryHandle: EntryState] = [:]
    var origins: [OriginID: OriginState] = [:]
    var passages = Passages()
    /// Demands that may need a flight and were not looked at since something changed.
    var hungry: Set<DemandID> = []
    /// Demands that need a flight and have none yet.
    var queue = FetchQueue()
    /// Demands that want nothing more until their reader says so: all was on disk when last looked,
    /// or it was tried too often.
    var settled: Set<DemandID> = []
    /// A flight lost a part of what it was to bring while the queue was worked through.
    var isDisturbed = false
    var nextFlight: UInt64 = 1
    var timer: Moment?
    /// See `takeForgotten`.
    var forgotten: [EntryHandle] = []

    package init(limits: FetchLimits = FetchLimits()) { self.limits = limits.clamped }

    /// Flights that hold a connection, for people and tests.
    package var activeFlights: Int { flights.values.count { $0.isActive } }
    package var demandCount: Int { demands.count }
    /// Entries that somebody wants something of, or that something flies for.
    var entryCount: Int { entries.count }
    package var waitingCount: Int { demands.values.count { $0.isWaiting } }

    // MARK: - Demands

    /// A new demand; ignored when the id is in use.
    ///
    /// - Parameters:
    ///   - key: What the entry is of.
    ///   - completeLength: The entry's length, nil when it is not open.
    package mutating func register(
        _ id: DemandID, _ demand: Demand, key: CacheKey, completeLength: Int64?, now: Moment
    ) -> [SchedulerAction] {
        guard demands[id] == nil else { return [] }
        var state = entries[demand.entry] ?? EntryState(key: key)
        state.completeLength = state.completeLength ?? completeLength.map { max(0, $0) }
        state.demands.insert(id)
        var demand = demand
        demand.range = demand.range.clamped(to: 0..<Int64.max)
        if let length = state.completeLength { demand.resolveSuffix(completeLength: length) }
        entries[demand.entry] = state
        // The length may be known before its opening is reported: who waits beyond looks again.
        let end = state.completeLength ?? .max
        let woken = wake(in: demand.entry) { $0 >= end }
        demands[id] = demand
        hungry.insert(id)
        guard demand.isWaiting else { return woken + schedule(now: now) }
        return woken + serveWait(id, now: now) + raceSilent(id, now: now)
    }

    /// The reader is blocked at `position`. A position at or beyond the end of an open entry fails as
    /// unsatisfiable.
    package mutating func wait(
        _ id: DemandID, at position: Int64, upTo end: Int64, stride: Int64, deadline: Moment,
        now: Moment
    ) -> [SchedulerAction] {
        guard var demand = demands[id] else { return [] }
        let position = max(0, position)
        demand.range = position..<max(position.addingClamped(1), end)
        demand.stride = stride
        demand.isWaiting = true
        demand.deadline = deadline
        revive(&demand, now: now)
        demands[id] = demand
        return serveWait(id, now: now)
    }

    /// The reader has read on, or its window has changed; it is not blocked.
    package mutating func move(
        _ id: DemandID, to range: ByteRange, stride: Int64, now: Moment
    ) -> [SchedulerAction] {
        guard var demand = demands[id] else { return [] }
        demand.isWaiting = false
        demand.isWoken = false
        demand.isServed = true
        demand.deadline = nil
        demand.range = range.clamped(to: 0..<Int64.max)
        demand.stride = stride
        revive(&demand, now: now)
        if demand.yieldedAt != nil { demand.wantNothing() }
        demands[id] = demand
        settled.remove(id)
        hungry.insert(id)
        return dropUnwanted(of: demand.entry) + schedule(now: now)
    }

    /// The reader, prefetch or fill has gone.
    package mutating func leave(_ id: DemandID, now: Moment) -> [SchedulerAction] {
        guard let demand = forget(id) else { return [] }
        let actions = dropUnwanted(of: demand.entry)
        cleanUp(demand.entry)
        return actions + schedule(now: now)
    }

    /// The reader has gone, but is likely to be back before long: what flies for it flies on, unless
    /// somebody else needs its slot. One request is enough for that. Where none was begun in all that time,
    /// none is begun now.
    package mutating func linger(_ id: DemandID, now: Moment) -> [SchedulerAction] {
        guard var demand = demands[id] else { return [] }
        switch queue.line(of: id) {
        case .waiting, .reading, .background: return leave(id, now: now)
        case .resting, nil: break
        }
        demand.isWaiting = false
        demand.isWoken = false
        demand.deadline = nil
        demands[id] = demand
        hungry.insert(id)
        return stopSpares(of: demand.entry) + schedule(now: now)
    }

    /// `client` has opened the reader `newest`: what else it reads of the entry is most likely
    /// abandoned, although its connection may still be open (PLAYERS 7.6). Not if it reads at many
    /// places: then it is no player that has moved on, but a downloader, or many people at one address.
    package mutating func clientMovedOn(
        _ client: ClientID, of entry: EntryHandle, newest: DemandID, now: Moment
    ) -> [SchedulerAction] {
        let others = (entries[entry]?.demands ?? []).filter { id in
            guard id != newest, let demand = demands[id] else { return false }
            return demand.client == client && demand.level == .high
        }
        guard others.count < limits.parallel - 1 else {
            for id in others where demands[id]?.yieldedAt != nil {
                demands[id]?.yieldedAt = nil
                hungry.insert(id)
            }
            return schedule(now: now)
        }
        for id in others {
            // Who opens several at once wants them all: only one that has had bytes can be done with.
            guard var demand = demands[id], demand.isServed else { continue }
            demand.yieldedAt = demand.range.lowerBound
            demand.yieldedSince = now
            if !demand.isWaiting && !demand.isWoken { demand.wantNothing() }
            demand.isWoken = false
            demands[id] = demand
            hungry.insert(id)
        }
        return dropUnwanted(of: entry) + schedule(now: now)
    }

    /// A wait has lasted too long: another connection is tried beside the slow one.
    package mutating func overdue(_ id: DemandID, now: Moment) -> [SchedulerAction] {
        noteSilence(now: now)
        if demands[id]?.yieldedAt != nil {
            // Whoever waits for so long was not left behind.
            demands[id]?.yieldedAt = nil
            hungry.insert(id)
        }
        // It may have been served just now; others may count on what is silent.
        guard let demand = demands[id], demand.isWaiting, let state = entries[demand.entry]
        else { return schedule(now: now) }
        // What brings it may have become slower.
        if state.lacksRanges { hungry.insert(id) }
        let racing = state.flights.compactMap { id in flights[id].map { (id: id, flight: $0) } }
            .filter { $0.flight.isBringing(demand.range.lowerBound) }
        guard let original = racing.first else {
            // Those that were to end soon did not.
            for id in flights.keys { flights[id]?.disappoint() }
            isDisturbed = true
            hungry.insert(id)
            return schedule(now: now)
        }
        // A second request would have to wait for the bandwidth limit too, with the same bytes again.
        let isHeldBack = racing.contains { racer in
            racer.flight.pausedAt.map { now < $0.advanced(by: limits.silence) } ?? false
        }
        // Slow planning is not the origin's fault, and a second request would not help it; nor would
        // one that brings everything again from the start.
        let slow = original.flight
        guard slow.opens || slow.phase == .flying && !state.lacksRanges,
            !isHeldBack, racing.count < limits.hedges,
            !isPaused(state.key, at: demand.origin, now: now),
            hasSlot(.critical, at: demand.origin)
        else { return schedule(now: now) }
        let group = slow.hedgeOf ?? original.id
        return hedge(id, slow: slow, group: group, now: now) + schedule(now: now)
    }

    /// A pause is over.
    package mutating func timer(now: Moment) -> [SchedulerAction] {
        timer = nil
        hungry.formUnion(queue.takeResting())
        return schedule(now: now)
    }

    /// How far beyond `position` bytes are in the file, though perhaps not yet in the index; nil when
    /// the byte at `position` is not.
    package func landedEnd(of entry: EntryHandle, at position: Int64) -> Int64? {
        guard let state = entries[entry] else { return nil }
        var end = position
        var grew = true
        while grew {
            grew = false
            for id in state.flights {
                guard let flight = flights[id], !flight.isDistrusted,
                    flight.range.lowerBound <= end, end < flight.mark
                else { continue }
                end = flight.mark
                grew = true
            }
        }
        return end > position ? end : nil
    }
}
