import NIOConcurrencyHelpers
package import NIOCore
package import PlatterCore

/// What a demand is told.
package enum Wakeup: Hashable, Sendable {
    /// The world has changed: look again.
    case look
    /// All that a prefetch or fill wanted is there. The demand is forgotten.
    case complete
    /// The demand is forgotten.
    case failed(FetchFailure)
}

/// The shell around the scheduler: keeps it behind a lock, and does what it says outside of the lock.
package final class FetchDispatcher: Sendable {
    let state: NIOLockedValueBox<DispatchState>
    let clock: any MonotonicClock
    let loop: any EventLoop
    private let pilot: any Pilot
    let jitter: @Sendable () -> Double

    /// - Parameter jitter: Random, from 0 to 1.
    package init(
        limits: FetchLimits, clock: any MonotonicClock, loop: any EventLoop, pilot: any Pilot,
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        state = NIOLockedValueBox(DispatchState(scheduler: FetchScheduler(limits: limits)))
        self.clock = clock
        self.loop = loop
        self.pilot = pilot
        self.jitter = jitter
    }

    // MARK: - Demands

    package func nextDemand() -> DemandID {
        state.withLockedValue { state in
            defer { state.nextDemand += 1 }
            return DemandID(state.nextDemand)
        }
    }

    /// - Parameter wake: Called on any thread, outside of all locks; it must not block.
    package func register(
        _ id: DemandID, _ demand: Demand, of entry: Entry,
        wake: @escaping @Sendable (Wakeup) -> Void
    ) {
        let (length, key) = (entry.opened?.completeLength, entry.resource.key)
        var isTooLate = false
        perform { state, now in
            // Asked here: whoever is registered before the end is told of it.
            isTooLate = state.isStopped
            if isTooLate { return [] }
            state.demanders[id] = .init(entry: entry, wake: wake)
            state.entries[entry.handle] = entry
            return state.scheduler.register(
                id, demand, key: key, completeLength: length, now: now)
        }
        if isTooLate { wake(.failed(.stopped)) }
    }

    func isRegistered(_ id: DemandID, of entry: Entry) -> Bool {
        state.withLockedValue { $0.demanders[id]?.entry === entry }
    }

    package func wait(
        _ id: DemandID, at position: Int64, upTo end: Int64, stride: Int64, deadline: Moment
    ) {
        perform { state, now in
            state.scheduler.wait(
                id, at: position, upTo: end, stride: stride, deadline: deadline, now: now)
        }
    }

    package func move(_ id: DemandID, to range: ByteRange, stride: Int64) {
        perform { $0.scheduler.move(id, to: range, stride: stride, now: $1) }
    }

    package func leave(_ id: DemandID) {
        perform { state, now in
            state.demanders[id] = nil
            return state.scheduler.leave(id, now: now)
        }
    }

    /// Leaves, but only after a while. Nobody is told anything any more.
    package func linger(_ id: DemandID, for time: Duration) {
        perform { state, now in
            guard let demander = state.demanders[id] else { return [] }
            state.demanders[id] = .init(entry: demander.entry, wake: { _ in })
            return state.scheduler.linger(id, now: now)
        }
        _ = loop.scheduleTask(in: .nanoseconds(time.nanosecondsClamped)) { [weak self] in
            self?.leave(id)
        }
    }

    package func clientMovedOn(_ client: ClientID, of entry: Entry, newest: DemandID) {
        perform {
            $0.scheduler.clientMovedOn(client, of: entry.handle, newest: newest, now: $1)
        }
    }

    package func overdue(_ id: DemandID) { perform { $0.scheduler.overdue(id, now: $1) } }

    /// Somebody else has changed the entry's file.
    func distrust(_ entry: Entry) { perform { $0.scheduler.distrust(entry.handle, now: $1) } }

    /// How far bytes from `position` on have landed; nil when the first has not.
    package func landedEnd(of entry: Entry, at position: Int64) -> Int64? {
        state.withLockedValue { $0.scheduler.landedEnd(of: entry.handle, at: position) }
    }

    // MARK: - Flights

    func planned(_ id: FlightID, gap: ByteRange?) {
        perform { state, now in
            let actions = state.scheduler.planned(id, gap: gap, now: now)
            if state.scheduler.entry(of: id) == nil { state.flights[id] = nil }
            return actions
        }
    }

    func opened(_ id: FlightID, body: ByteRange, completeLength: Int64, lacksRanges: Bool) {
        perform {
            $0.scheduler.opened(
                id, body: body, completeLength: completeLength, lacksRanges: lacksRanges, now: $1)
        }
    }

    /// The origin ignores ranges.
    ///
    /// - Returns: Where the flight is to end now.
    func sendsWhole(_ id: FlightID) -> Int64 {
        perform { $0.scheduler.sendsWhole(id, now: $1) }
        return state.withLockedValue { $0.scheduler.end(of: id) } ?? 0
    }

    /// Whether another flight of the entry proves that the origin has ranges.
    func doubtsWhole(_ id: FlightID) -> Bool {
        state.withLockedValue { $0.scheduler.doubtsWhole(id) }
    }

    /// The flight takes nothing for a while, of our own accord.
    func paused(_ id: FlightID) { perform { $0.scheduler.paused(id, now: $1) } }

    /// - Parameter isTrusted: Whether nobody else has changed the file. Asked under the lock: a change that is
    ///   noticed later has the mark distrusted later, too.
    /// - Returns: Its answer; the mark is where it was when that is no.
    func advanced(
        _ id: FlightID, mark: Int64, pace: Pace, isTrusted: () -> Bool
    ) -> Bool {
        var isUndisturbed = false
        perform { state, now in
            isUndisturbed = isTrusted()
            guard isUndisturbed else { return [] }
            return state.scheduler.advanced(id, mark: mark, pace: pace, now: now)
        }
        return isUndisturbed
    }

    func landed(_ id: FlightID, outcome: FlightOutcome) {
        let jitter = jitter()
        perform { state, now in
            state.flights[id] = nil
            return state.scheduler.landed(id, outcome: outcome, jitter: jitter, now: now)
        }
    }

    /// Whether nobody plays what the flight brings.
    func isBackground(_ id: FlightID) -> Bool {
        state.withLockedValue { $0.scheduler.isBackground(id) }
    }

    func recorded(_ id: FlightID) { perform { $0.scheduler.recorded(id, now: $1) } }

    func abandon(_ entry: Entry, failure: FetchFailure) {
        perform { $0.scheduler.abandon(entry.handle, failure: failure, now: $1) }
    }

    // MARK: - Life

    /// What is going on, for people.
    package struct Activity: Hashable, Sendable {
        package let flights: Int
        package let demands: Int
        package let waiting: Int
    }

    package var activity: Activity {
        state.withLockedValue {
            Activity(
                flights: $0.scheduler.activeFlights, demands: $0.scheduler.demandCount,
                waiting: $0.scheduler.waitingCount)
        }
    }

    /// What breaks the scheduler's promises, if anything.
    package var violation: String? {
        state.withLockedValue { $0.scheduler.violation(now: clock.now) }
    }

    /// Flights that do not end in this time are not waited for [5 s].
    private static let longestDrain = TimeAmount.seconds(5)

    /// Cancels all flights and waits until they have landed; every demand fails.
    package func stop() async {
        let drained = loop.makePromise(of: Void.self)
        end(drained)
        let limit = loop.scheduleTask(in: Self.longestDrain) { drained.succeed() }
        // Never fails.
        try? await drained.futureResult.get()
        limit.cancel()
    }

    /// - Parameter drained: Told when all flights have landed.
    func end(_ drained: EventLoopPromise<Void>) {
        let (controls, demanders, asking) = state.withLockedValue { $0.stop(drained) }
        for control in controls { control.cancel() }
        for demander in demanders { demander.wake(.failed(.stopped)) }
        for passage in asking { passage.finish() }
        if controls.isEmpty { drained.succeed() }
    }

    var isStopped: Bool { state.withLockedValue { $0.isStopped } }

    // MARK: - Doing

    func perform(_ event: (inout DispatchState, Moment) -> [SchedulerAction]) {
        let now = clock.now
        let (deeds, drained) = state.withLockedValue { state in
            let actions = event(&state, now)
            let deeds = state.deeds(of: actions) { setTimer($0, now: now) }
            return (deeds, state.flights.isEmpty ? state.drained : nil)
        }
        for deed in deeds { perform(deed) }
        drained?.succeed()
    }

    private func perform(_ deed: DispatchState.Deed) {
        switch deed {
        case .begin(let order, let entry, let control, let opens):
            pilot.begin(order, entry: entry, control: control, opens: opens, queue: self)
        case .fly(let id, let entry, let control, let range):
            pilot.fly(id, range, entry: entry, control: control, queue: self)
        case .cancel(let control): control.cancel()
        case .wake(let wake, let wakeup): wake(wakeup)
        case .admit(let asking): asking.yield()
        }
    }

    private func setTimer(_ moment: Moment, now: Moment) -> Scheduled<Void> {
        let delay = TimeAmount.nanoseconds(moment.since(now).nanosecondsClamped)
        return loop.scheduleTask(in: delay) { [weak self] in
            self?.perform { $0.scheduler.timer(now: $1) }
        }
    }
}
