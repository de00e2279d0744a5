import PlatterCore

@testable import PlatterCache

let kib: Int64 = 1 << 10
let mib: Int64 = 1 << 20

/// A scheduler and a clock, with short words for the events of a transcript. Unless said otherwise
/// it is about one open entry of 1 GiB at one origin, and reader `n` belongs to client `n`.
struct Stage {
    static let length = 1024 * mib
    static let deadline = Moment(nanoseconds: 5_000_000_000)

    var scheduler: FetchScheduler
    var now = Moment.start

    /// - Parameter takesTurns: Whether requests are shorter while readers wait for a connection.
    init(limits: FetchLimits = FetchLimits(), takesTurns: Bool = false) {
        var limits = limits
        if !takesTurns { limits.shortestTurn = .max }
        scheduler = FetchScheduler(limits: limits)
    }

    /// A new demand: a reader that waits, unless told otherwise.
    mutating func enters(
        _ id: UInt64, _ range: ByteRange, stride: Int64 = mib, level: FetchPriority = .high,
        isWaiting: Bool = true, client: String? = nil, entry: UInt64 = 1, origin: String = "a",
        deadline: Moment = Stage.deadline, suffix: Int64? = nil, length: Int64? = Stage.length
    ) -> [SchedulerAction] {
        var demand = Demand(
            entry: EntryHandle(entry), origin: OriginID(origin),
            client: ClientID(client ?? "\(id)"), range: range, level: level, stride: stride,
            suffix: suffix)
        demand.isWaiting = isWaiting
        demand.deadline = isWaiting ? deadline : nil
        return scheduler.register(
            DemandID(id), demand, key: CacheKey("\(entry)"), completeLength: length, now: now)
    }

    mutating func waits(
        _ id: UInt64, at position: Int64, upTo end: Int64, stride: Int64 = mib
    ) -> [SchedulerAction] {
        scheduler.wait(
            DemandID(id), at: position, upTo: end, stride: stride, deadline: Stage.deadline,
            now: now)
    }

    mutating func moves(_ id: UInt64, _ range: ByteRange, stride: Int64 = mib) -> [SchedulerAction]
    {
        scheduler.move(DemandID(id), to: range, stride: stride, now: now)
    }

    mutating func leaves(_ id: UInt64) -> [SchedulerAction] {
        scheduler.leave(DemandID(id), now: now)
    }

    mutating func overdue(_ id: UInt64) -> [SchedulerAction] {
        scheduler.overdue(DemandID(id), now: now)
    }

    mutating func movedOn(_ client: String, newest: UInt64, entry: UInt64 = 1) -> [SchedulerAction]
    {
        scheduler.clientMovedOn(
            ClientID(client), of: EntryHandle(entry), newest: DemandID(newest), now: now)
    }

    mutating func planned(_ flight: UInt64, _ gap: ByteRange?) -> [SchedulerAction] {
        scheduler.planned(FlightID(flight), gap: gap, now: now)
    }

    mutating func opened(
        _ flight: UInt64, _ body: ByteRange, length: Int64 = Stage.length
    ) -> [SchedulerAction] {
        scheduler.opened(FlightID(flight), body: body, completeLength: length, now: now)
    }

    mutating func advanced(
        _ flight: UInt64, to mark: Int64, handover: Int64 = 0, near: Int64 = 0, soon: Int64 = 0
    ) -> [SchedulerAction] {
        scheduler.advanced(
            FlightID(flight), mark: mark, pace: Pace(handover: handover, near: near, soon: soon),
            now: now)
    }

    mutating func landed(
        _ flight: UInt64, _ outcome: FlightOutcome = .ended, jitter: Double = 0
    ) -> [SchedulerAction] {
        scheduler.landed(FlightID(flight), outcome: outcome, jitter: jitter, now: now)
    }

    mutating func recorded(_ flight: UInt64) -> [SchedulerAction] {
        scheduler.recorded(FlightID(flight), now: now)
    }

    mutating func timerFires(at moment: Moment) -> [SchedulerAction] {
        now = moment
        return scheduler.timer(now: now)
    }

    /// A demand enters, and its flight is in the air: nothing of it is on disk.
    mutating func flies(
        _ id: UInt64, _ range: ByteRange, flight: UInt64, stride: Int64 = mib,
        level: FetchPriority = .high, isWaiting: Bool = true, client: String? = nil,
        entry: UInt64 = 1, origin: String = "a"
    ) {
        _ = enters(
            id, range, stride: stride, level: level, isWaiting: isWaiting, client: client,
            entry: entry, origin: origin)
        _ = planned(flight, range.lowerBound..<Int64.max)
    }
}

extension SchedulerAction {
    static func plan(
        _ flight: UInt64, at start: Int64, searchEnd: Int64, length: Int64 = mib, entry: UInt64 = 1
    ) -> SchedulerAction {
        .plan(order(flight, .offset(start), searchEnd: searchEnd, length: length, entry: entry))
    }

    static func open(
        _ flight: UInt64, _ start: FlightOrder.Start, searchEnd: Int64, length: Int64 = mib,
        entry: UInt64 = 1
    ) -> SchedulerAction {
        .open(order(flight, start, searchEnd: searchEnd, length: length, entry: entry))
    }

    static func fly(_ flight: UInt64, _ range: ByteRange) -> SchedulerAction {
        .fly(FlightID(flight), range)
    }

    static func limit(_ flight: UInt64, end: Int64) -> SchedulerAction {
        .limit(FlightID(flight), end: end)
    }

    static func cancel(_ flight: UInt64) -> SchedulerAction { .cancel(FlightID(flight)) }
    static func wake(_ id: UInt64) -> SchedulerAction { .wake(DemandID(id)) }
    static func complete(_ id: UInt64) -> SchedulerAction { .complete(DemandID(id)) }

    static func fail(_ id: UInt64, _ failure: FetchFailure) -> SchedulerAction {
        .fail(DemandID(id), failure)
    }

    static func timer(_ duration: Duration) -> SchedulerAction {
        .setTimer(Moment.start.advanced(by: duration))
    }

    private static func order(
        _ flight: UInt64, _ start: FlightOrder.Start, searchEnd: Int64, length: Int64,
        entry: UInt64
    ) -> FlightOrder {
        FlightOrder(
            flight: FlightID(flight), entry: EntryHandle(entry), start: start,
            searchEnd: searchEnd, length: length)
    }
}
