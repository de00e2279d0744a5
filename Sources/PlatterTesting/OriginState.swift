import NIOCore
import PlatterCore

/// All that the connections of an origin share: what it serves, how badly, and what it has done.
/// Decides, does no I/O; lives under one lock.
struct OriginState {
    /// Behaviours at this path are for all.
    static let everyPath = "*"

    /// A request's place in the ledger, and what to do about it.
    struct Answer {
        let request: Int
        let path: String
        let plan: ResponsePlan
        let connection: Int
    }

    /// What becomes of an accepted connection.
    enum Admission {
        case serve(number: Int)
        case close(number: Int, Ending)
    }

    var resources: [String: Resource] = [:]
    var behaviours: [String: [Behaviour]] = [:]
    var signed = SignedTargets()
    /// How connections are refused; nil takes them.
    var refusal: Ending?
    var ledger = Ledger()
    var listener: (any Channel)?
    private(set) var pace = Pace.unlimited
    private var gate = Gate(rate: nil)
    private(set) var connections: [Int: any Channel] = [:]
    /// Connections with a request under way that was not refused as one too many.
    private var busy: Set<Int> = []
    private var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
    private var nextWatcher = 0

    mutating func set(_ pace: Pace) {
        self.pace = pace
        gate = Gate(rate: pace.bandwidth)
    }

    mutating func admit(_ channel: any Channel) -> Admission {
        let isFull = pace.maximumConnections.map { connections.count >= $0 } ?? false
        let number = ledger.accepted()
        connections[number] = channel
        notify()
        if let refusal { return .close(number: number, refusal) }
        return isFull ? .close(number: number, .reset) : .serve(number: number)
    }

    mutating func closed(_ number: Int) {
        guard connections.removeValue(forKey: number) != nil else { return }
        busy.remove(number)
        ledger.closed()
        notify()
    }

    /// - Parameters:
    ///   - resource: What the path has when nothing was set there.
    ///   - milliseconds: Since the origin was started.
    ///   - date: Seconds since 1970.
    mutating func answer(
        _ request: OriginRequest, resource: Resource?, connection: Int, at milliseconds: Int64,
        date: Int64
    ) -> Answer {
        let path = request.path
        let resource = resources[signed.origin(of: path)] ?? resource
        let start = AskedRange(request.value(of: "Range")).start(in: resource?.length ?? 0)
        let signature = signed.answer(at: path, now: milliseconds).map { Vice.answers($0) }
        let vices =
            [Self.everyPath, path].flatMap { self.vices(at: $0, request, start) }
            + (signature.map { [$0] } ?? []) + refusal(of: connection)
        let plan = ResponsePlan(for: request, resource: resource, vices: vices, date: date)
        let number = ledger.received(
            request, connection: connection, status: plan.status, at: milliseconds)
        notify()
        return Answer(
            request: number, path: path, plan: plan.delayed(by: pace.delay(before: request)),
            connection: connection)
    }

    private mutating func refusal(of connection: Int) -> [Vice] {
        if let surplus = pace.surplus, busy.count >= surplus.beyond {
            return [.status(surplus.status)]
        }
        busy.insert(connection)
        return []
    }

    private mutating func vices(at path: String, _ request: OriginRequest, _ start: Int64) -> [Vice]
    {
        guard var list = behaviours[path] else { return [] }
        let vices = list.indices.compactMap { list[$0].consider(request, start: start) }
        list.removeAll(where: \.isOver)
        behaviours[path] = list.isEmpty ? nil : list
        return vices
    }

    mutating func slot(upTo wanted: Int, now: Moment) -> Gate.Slot {
        gate.slot(upTo: wanted, sharers: connections.count, now: now)
    }

    mutating func wrote(_ count: Int, _ answer: Answer) {
        ledger.wrote(count, request: answer.request, path: answer.path)
        notify()
    }

    mutating func finished(_ answer: Answer) {
        ledger.finished(request: answer.request)
        busy.remove(answer.connection)
        notify()
    }

    /// A stream that gets an element after each change, the last one kept; and its number.
    mutating func watch() -> (number: Int, changes: AsyncStream<Void>) {
        let (stream, continuation) = AsyncStream<Void>.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        nextWatcher += 1
        watchers[nextWatcher] = continuation
        continuation.yield()
        return (nextWatcher, stream)
    }

    mutating func unwatch(_ number: Int) { watchers.removeValue(forKey: number) }

    mutating func notify() {
        for watcher in watchers.values { watcher.yield() }
    }
}
