import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// One request and its response: finds or opens the entry, says what the response is, and hands the
/// bytes on. Lives on the event loop of its connection.
///
///     begin -> (opening, waits for the origin) -> answering ⇄ detour
///          \                                        |-> done
///           \-> passing (nothing can or may be stored) ----> done
final class Exchange {
    enum Phase {
        case starting
        case opening(Opening)
        case answering(Delivery)
        case passing(Passage)
        /// The delivery waits for the passage to end.
        case detour(Passage, Delivery)
        case done
    }

    let request: PlayerRequest
    let services: ProxyServices
    private let index: IndexReader
    let channel: any Channel
    let heads: ResponseHeads
    private let pace: ClientPace
    private let finished: (Bool) -> Void
    let begun: Moment
    var phase = Phase.starting
    /// Openings that ended because the origin's version had changed meanwhile.
    private var restarts = 0
    /// Wake-ups of an earlier one come too late.
    private var round = 0

    /// - Parameter finished: Told once, on the loop, whether the connection can take another request.
    init(
        request: PlayerRequest, pace: ClientPace, services: ProxyServices, index: IndexReader,
        channel: any Channel, finished: @escaping (Bool) -> Void
    ) {
        self.request = request
        self.pace = pace
        self.services = services
        self.index = index
        self.channel = channel
        self.finished = finished
        heads = ResponseHeads(isKeepAlive: request.isKeepAlive)
        begun = services.readers.clock.now
    }

    // MARK: - Events

    func begin() {
        let now = services.readers.clock.now
        if request.hasCredentials {
            return pass(detail: "authorization")
        }
        if services.latency.isSlow { return pass(detail: "disk-slow") }
        if services.damage.isSuspect { return pass(detail: "disk-suspect") }
        if services.table.isBypassed(request.resource.key, now: now) {
            return pass(detail: "not-stored")
        }
        do {
            guard let record = try index.entry(for: request.resource.key) else { return open() }
            answer(record, demand: nil)
        } catch {
            services.log.error("The index cannot be read", metadata: ["error": "\(error)"])
            pass(detail: "index")
        }
    }

    func clientLeft() {
        switch phase {
        case .opening(let opening): opening.leave()
        case .answering(let delivery): delivery.clientLeft()
        case .passing(let passage): passage.cancel()
        case .detour(let passage, let delivery):
            passage.cancel()
            delivery.clientLeft()
        case .starting, .done: break
        }
        phase = .done
    }

    func becameWritable() {
        if case .answering(let delivery) = phase { delivery.pump() }
    }

    // MARK: - Opening

    private func open() {
        // What was meant for an opening before this one would be taken for its own.
        round += 1
        let opening = Opening(
            request: request, since: begun, services: services.readers,
            latency: services.latency, loop: channel.eventLoop,
            timedOut: { [weak self] in self?.unavailable() },
            stuck: { [weak self] in self?.pass(detail: "disk-slow") })
        phase = .opening(opening)
        opening.begin(services.table.opening(request.resource), wake: wake { $0.woke($1) })
    }

    /// The demand is the same while the entry is opened and while it is read, and so is its wake-up.
    private func woke(_ wakeup: Wakeup) {
        switch phase {
        case .opening(let opening): openingWoke(opening, wakeup)
        case .answering(let delivery), .detour(_, let delivery): delivery.woke(wakeup)
        case .starting, .passing, .done: break
        }
    }

    private func openingWoke(_ opening: Opening, _ wakeup: Wakeup) {
        opening.end()
        if case .failed(let failure) = wakeup { return openingFailed(failure) }
        do {
            guard let record = try index.entry(for: request.resource.key) else {
                opening.leave()
                return restart()
            }
            answer(record, demand: opening.demand)
        } catch {
            opening.leave()
            pass(detail: "index")
        }
    }

    private func openingFailed(_ failure: FetchFailure) {
        switch failure {
        // The challenge is in the origin's fields.
        case .status(401), .status(407): pass(detail: "challenge")
        case .status(let status): end(HTTPResponseStatus(statusCode: status))
        // An empty object cannot be asked for by range.
        case .unsatisfiable where !request.range.isSet: pass(detail: "empty")
        case .unsatisfiable(0)
        where request.range.resolve(completeLength: 0) != .unsatisfiable:
            pass(detail: "empty", isWhole: true)
        // It was another reader's range that has no bytes.
        case .unsatisfiable(let length?)
        where request.range.resolve(completeLength: length) != .unsatisfiable: restart()
        case .unsatisfiable(let length?):
            let range = ContentRange.unsatisfied(completeLength: length).fieldValue
            end(.rangeNotSatisfiable, adding: [("Content-Range", range)])
        // Whose range it was that has no bytes is not known.
        case .unsatisfiable(nil): pass(detail: "unsatisfiable")
        case .changed: restart()
        case .bypass: pass(detail: "not-stored")
        case .store: pass(detail: "store")
        case .unreachable, .stopped: unavailable()
        }
    }

    /// The world changed under the opening: once more from the index, but not for ever.
    private func restart() {
        guard restarts < 2 else { return pass(detail: "changed") }
        restarts += 1
        round += 1
        phase = .starting
        begin()
    }

    // MARK: - Answering

    private func answer(_ record: EntryRecord, demand: DemandID?) {
        if let entry = services.table.openEntry(of: record, resource: request.resource) {
            return answer(entry, demand: demand)
        }
        let round = restarts
        services.disk.perform(on: channel.eventLoop) {
            [table = services.table, resource = request.resource] in
            try table.entry(of: record, resource: resource)
        } completion: { [weak self] result in
            guard let self, restarts == round, isWaiting else { return }
            switch result {
            case .success(let entry): answer(entry, demand: demand)
            case .failure(let error as DiskError):
                withoutFile(record, demand: demand, error)
            case .failure:
                if let demand { services.readers.queue.leave(demand) }
                pass(detail: "disk-slow")
            }
        }
    }

    /// Nothing has been said to the player yet, and it is still there.
    private var isWaiting: Bool {
        switch phase {
        case .starting, .opening: true
        case .answering, .passing, .detour, .done: false
        }
    }

    private func answer(_ entry: Entry, demand: DemandID?) {
        guard let opened = entry.opened else {
            if let demand { services.readers.queue.leave(demand) }
            return open()
        }
        let plan = ResponsePlan(
            request: request, opened: opened, now: services.wallClock())
        switch plan.content {
        case .none(let head):
            if let demand { services.readers.queue.leave(demand) }
            write(head(heads, CacheStatus(demand == nil ? .hit : .forward(.uriMiss))))
        case .bytes(let range, let head):
            deliver(range, of: entry, opened, demand: demand, head: head)
        }
    }

    private func deliver(
        _ range: ByteRange, of entry: Entry, _ opened: Entry.Opened, demand: DemandID?,
        head: @escaping (ResponseHeads, CacheStatus) -> HTTPResponseHead
    ) {
        let number = demand ?? services.readers.queue.nextDemand()
        let reader = Reader(
            entry: entry, opened: opened, range: range, client: request.client,
            demand: number, isRegistered: demand != nil, services: services.readers,
            wake: wake { $0.woke($1) })
        let status = CacheStatus(
            demand == nil ? reader.outcome(index: index) : .forward(.uriMiss),
            isStored: demand != nil)
        let heads = heads
        let delivery = Delivery(
            reader: reader, begun: begun, pace: pace, services: services, index: index,
            channel: channel,
            head: { head(heads, status) },
            detours: { [weak self] in self?.detour(past: $0) },
            ended: { [weak self] in self?.deliveryEnded($0) })
        phase = .answering(delivery)
        delivery.pump()
    }

    private func detour(past range: ByteRange) {
        if case .answering(let delivery) = phase { takeDetour(range, of: delivery) }
    }

    private func deliveryEnded(_ ending: Delivery.Ending) {
        guard case .answering(let delivery) = phase else { return }
        switch ending {
        case .complete: done(isReusable: request.isKeepAlive)
        case .short: done(isReusable: false)
        case .unavailable: unavailable()
        case .failed(.changed): restart()
        // The challenge is in the origin's fields.
        case .failed(.status(401)), .failed(.status(407)):
            pass(detail: "challenge", hasBody: false)
        case .failed(.status(let status)): end(HTTPResponseStatus(statusCode: status))
        case .failed(.store): passPlanned(delivery)
        case .failed: pass(detail: "not-stored")
        case .passRest(let range): passRest(range, of: delivery.opened)
        }
    }

    /// The index has an entry whose file cannot be opened.
    private func withoutFile(_ record: EntryRecord, demand: DemandID?, _ error: DiskError) {
        if let demand { services.readers.queue.leave(demand) }
        services.log.error("A file of the cache cannot be opened", metadata: ["error": "\(error)"])
        guard error.code == .missing || error.code == .notOurs else { return pass(detail: "disk") }
        let id = record.id
        phase = .starting
        let look: @Sendable (Result<Void, IndexError>) -> Void = wakeLook { exchange in
            if case .starting = exchange.phase { exchange.restart() }
        }
        let round = restarts
        _ = channel.eventLoop.assumeIsolated().scheduleTask(in: DiskWork.deadline) { [weak self] in
            guard let self, case .starting = phase, restarts == round else { return }
            pass(detail: "index")
        }
        let (table, key) = (services.table, request.resource.key)
        let now = services.readers.clock.now
        services.index.supersede(id, at: services.wallClock()) { result in
            // It would be found again and again.
            if case .failure = result { table.bypass(key, now: now) }
            look(result)
        }
    }

    // MARK: - Ending

    /// The origin cannot be reached: say so without a body, and when to ask again.
    func unavailable() { write(unavailableHead) }

    var unavailableHead: HTTPResponseHead {
        empty(.serviceUnavailable, adding: [("Retry-After", "2")])
    }

    private func end(_ status: HTTPResponseStatus, adding extra: [(String, String)] = []) {
        write(empty(status, adding: extra))
    }

    private func empty(
        _ status: HTTPResponseStatus, adding extra: [(String, String)]
    ) -> HTTPResponseHead {
        heads.empty(status, adding: extra, cacheStatus: CacheStatus(.forward(.miss)))
    }

    private func write(_ head: HTTPResponseHead) {
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        done(isReusable: request.isKeepAlive)
    }

    func done(isReusable: Bool) {
        if case .done = phase { return }
        phase = .done
        finished(isReusable)
    }

    // MARK: - Hops

    /// A wake-up that may be called anywhere and arrives here on the loop, unless the exchange has
    /// begun anew since.
    private func wake(
        _ body: @escaping (Exchange, Wakeup) -> Void
    ) -> @Sendable (Wakeup) -> Void {
        let loop = channel.eventLoop
        let bound = NIOLoopBound((self, body), eventLoop: loop)
        let round = round
        return { wakeup in
            loop.execute {
                let (exchange, body) = bound.value
                if exchange.round == round { body(exchange, wakeup) }
            }
        }
    }

    private func wakeLook<Value, Failure: Error>(
        _ body: @escaping (Exchange) -> Void
    ) -> @Sendable (Result<Value, Failure>) -> Void {
        let wake = wake { exchange, _ in body(exchange) }
        return { _ in wake(.look) }
    }
}
