import NIOCore
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// A request's wait for an entry that the index does not know: the first useful fetch is the probe, and
/// it starts at the byte that the player wants.
final class Opening {
    /// Kept when the entry is open: the reader goes on with it.
    let demand: DemandID

    private let request: PlayerRequest
    private let range: RangeField
    private let services: ReaderServices
    private let patience: Patience
    private let since: Moment

    /// - Parameters:
    ///   - range: What of the object is wanted first.
    ///   - since: When the request came.
    ///   - timedOut: Called on the loop when nothing came in time. The demand lingers.
    ///   - stuck: The same when the disk has become too slow to open anything.
    init(
        request: PlayerRequest, range: RangeField, since: Moment, services: ReaderServices,
        latency: DiskLatency, loop: any EventLoop, timedOut: @escaping () -> Void,
        stuck: @escaping () -> Void
    ) {
        let demand = services.queue.nextDemand()
        self.demand = demand
        self.request = request
        self.range = range
        self.services = services
        self.since = since
        patience = Patience(
            settings: services.waits, isHeadSent: false, since: since, clock: services.clock,
            loop: loop,
            hedge: { services.queue.overdue(demand) },
            giveUp: {
                // An origin that is later than this would never be heard if each try began anew.
                services.queue.linger(demand, for: services.waits.linger)
                timedOut()
            }, isStuck: { latency.isSlow },
            stuck: {
                services.queue.leave(demand)
                stuck()
            })
    }

    /// - Parameter wake: As of `FetchDispatcher.register`.
    func begin(_ entry: Entry, wake: @escaping @Sendable (Wakeup) -> Void) {
        patience.begin()
        services.queue.register(demand, wanted(of: entry), of: entry, wake: wake)
        services.queue.clientMovedOn(request.client, of: entry, newest: demand)
    }

    private func wanted(of entry: Entry) -> Demand {
        var length = request.isHead ? FileSlices.copyLength : services.readAhead.firstRequest
        var first: Int64 = 0
        var suffix: Int64?
        switch range.firstFetch {
        case .from(let start, upTo: let end):
            first = start
            if let end { length = min(length, max(1, end - start)) }
        case .suffix(let count): suffix = min(count, length)
        }
        var wanted = Demand(
            entry: entry.handle, origin: request.resource.origin, client: request.client,
            range: .starting(at: first, length: length), level: .high, stride: length,
            suffix: suffix)
        wanted.isWaiting = true
        wanted.deadline = since.advanced(by: services.waits.head)
        return wanted
    }

    /// The wait is over.
    func end() { patience.end() }

    /// The wait is over, and nothing more is wanted.
    func leave() {
        patience.end()
        services.queue.leave(demand)
    }
}
