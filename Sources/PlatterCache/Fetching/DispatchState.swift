import NIOCore
import PlatterCore

/// What `FetchDispatcher` keeps behind its lock: the scheduler, and whom its numbers stand for. Turns what
/// the scheduler orders into what is to be done outside of the lock.
struct DispatchState {
    struct Demander {
        let entry: Entry
        let wake: @Sendable (Wakeup) -> Void
    }

    /// What is done outside of the lock.
    enum Deed {
        case begin(FlightOrder, Entry, FlightControl, opens: Bool)
        case fly(FlightID, Entry, FlightControl, ByteRange)
        case cancel(FlightControl)
        case wake(@Sendable (Wakeup) -> Void, Wakeup)
        case admit(AsyncStream<Void>.Continuation)
    }

    var scheduler: FetchScheduler
    var demanders: [DemandID: Demander] = [:]
    /// The entries of orders to come: alive for as long as somebody wants something of them.
    var entries: [EntryHandle: Entry] = [:]
    var flights: [FlightID: FlightControl] = [:]
    /// Passages that wait to be admitted.
    var asking: [FlightID: AsyncStream<Void>.Continuation] = [:]
    var nextDemand: UInt64 = 1
    private var timer: Scheduled<Void>?
    private(set) var isStopped = false
    /// Told when the last flight has landed after the end.
    private(set) var drained: EventLoopPromise<Void>?

    init(scheduler: FetchScheduler) { self.scheduler = scheduler }

    /// Nothing new begins from here on.
    ///
    /// - Returns: All who are to be told.
    mutating func stop(
        _ drained: EventLoopPromise<Void>
    ) -> ([FlightControl], [Demander], [AsyncStream<Void>.Continuation]) {
        isStopped = true
        timer?.cancel()
        self.drained = drained
        defer { (demanders, asking) = ([:], [:]) }
        return (Array(flights.values), Array(demanders.values), Array(asking.values))
    }

    /// - Parameter setTimer: Starts a timer that ends at a moment.
    mutating func deeds(
        of actions: [SchedulerAction], setTimer: (Moment) -> Scheduled<Void>
    ) -> [Deed] {
        let deeds = actions.compactMap { deed(of: $0, setTimer: setTimer) }
        // At once: an entry keeps its file open, and with it the room of one that was deleted.
        for handle in scheduler.takeForgotten() where !scheduler.knows(handle) {
            entries[handle] = nil
        }
        return deeds
    }

    private mutating func deed(
        of action: SchedulerAction, setTimer: (Moment) -> Scheduled<Void>
    ) -> Deed? {
        switch action {
        case .fly(let id, _) where isStopped:
            flights[id] = nil
            return nil
        case .plan, .open, .fly, .admit, .setTimer:
            // What lands after the end starts nothing new.
            if isStopped { return nil }
        case .limit, .cancel, .wake, .fail, .complete: break
        }
        switch action {
        case .plan(let order): return begin(order, opens: false)
        case .open(let order): return begin(order, opens: true)
        case .fly(let id, let range): return fly(id, range)
        case .limit(let id, let end):
            flights[id]?.limit(to: end)
            return nil
        case .cancel(let id): return flights[id].map { .cancel($0) }
        case .admit(let id): return asking.removeValue(forKey: id).map { .admit($0) }
        case .wake(let id): return demanders[id].map { .wake($0.wake, .look) }
        case .fail(let id, let failure):
            return demanders.removeValue(forKey: id).map { .wake($0.wake, .failed(failure)) }
        case .complete(let id):
            return demanders.removeValue(forKey: id).map { .wake($0.wake, .complete) }
        case .setTimer(let moment):
            timer?.cancel()
            timer = setTimer(moment)
            return nil
        }
    }

    private mutating func begin(_ order: FlightOrder, opens: Bool) -> Deed? {
        guard let entry = entries[order.entry] else { return nil }
        let control = FlightControl()
        flights[order.flight] = control
        return .begin(order, entry, control, opens: opens)
    }

    private mutating func fly(_ id: FlightID, _ range: ByteRange) -> Deed? {
        guard let handle = scheduler.entry(of: id), let entry = entries[handle] else { return nil }
        let control = flights[id] ?? FlightControl()
        flights[id] = control
        return .fly(id, entry, control, range)
    }
}
