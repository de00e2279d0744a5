import Logging
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// The way of a request whose object is known: its file is opened, and its bytes are handed on.
extension Exchange {
    func answer(_ record: EntryRecord, demand: DemandID?) {
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
                pass(.diskSlow)
            }
        }
    }

    /// Nothing has been said to the player yet, and it is still there.
    private var isWaiting: Bool {
        switch phase {
        case .starting, .opening: true
        case .asking, .answering, .passing, .detour, .done: false
        }
    }

    private func answer(_ entry: Entry, demand: DemandID?) {
        guard let opened = entry.opened else {
            if let demand { services.readers.queue.leave(demand) }
            return open(entry)
        }
        let plan = ResponsePlan(
            request: request, opened: opened, now: services.wallClock())
        switch plan.content {
        case .none(let head):
            if let demand { services.readers.queue.leave(demand) }
            write(head(heads, demand == nil ? CacheStatus(.hit) : firstAnswer(of: entry)))
        case .beyond(let first, let head):
            guard let demand else { return ask(at: first, beyond: opened, refusal: head) }
            // The origin has just said where the end is.
            services.readers.queue.leave(demand)
            write(head(heads, firstAnswer(of: entry)))
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
        let status = demand == nil ? outcome(of: reader) : firstAnswer(of: entry)
        // What is on disk and what would come behind it are not of one coding.
        if status.outcome != .hit, entry.isCoded(now: services.readers.clock.now) {
            reader.close()
            return pass(.notStored)
        }
        let heads = heads
        let delivery = Delivery(
            reader: reader, begun: begun, pace: pace, services: services, tools: tools,
            channel: channel,
            head: { head(heads, status) },
            detours: { [weak self] in self?.detour(past: $0, because: $1) },
            ended: { [weak self] in self?.deliveryEnded($0) })
        phase = .answering(delivery)
        delivery.pump()
    }

    /// The origin's first answer said what the object is, and its bytes are kept.
    private func firstAnswer(of entry: Entry) -> CacheStatus {
        CacheStatus(forwarded: .uriMiss, status: entry.lacksRanges ? 200 : 206, isStored: true)
    }

    /// What the origin will say of bytes that are missing is not known yet.
    private func outcome(of reader: Reader) -> CacheStatus {
        let outcome = reader.outcome(index: index)
        return CacheStatus(outcome, isStored: outcome != .hit)
    }

    private func detour(past range: ByteRange, because fault: StoreFault) {
        if case .answering(let delivery) = phase {
            takeDetour(range, of: delivery, because: fault)
        }
    }

    private func deliveryEnded(_ ending: Delivery.Ending) {
        guard case .answering(let delivery) = phase else { return }
        switch ending {
        case .complete: done(isReusable: request.isKeepAlive)
        case .short: done(isReusable: false)
        case .unavailable: unavailable()
        case .failed(.stopped): stopped()
        case .failed(.badCertificate): notTrusted()
        case .failed(.changed): restart()
        // The challenge is in the origin's fields.
        case .failed(.status(401)), .failed(.status(407)):
            pass(.challenge)
        case .failed(.status(let status)): refused(status)
        case .failed(.store): passPlanned(delivery)
        case .failed: pass(.notStored)
        case .passRest(let range, let fault):
            passRest(range, of: delivery.opened, because: fault)
        }
    }

    /// The index has an entry whose file cannot be opened.
    private func withoutFile(_ record: EntryRecord, demand: DemandID?, _ error: DiskError) {
        if let demand { services.readers.queue.leave(demand) }
        services.log.error(
            "A file of the cache cannot be opened",
            metadata: record.naming(["error": "\(error)"]))
        guard error.code.isForGood else { return pass(.disk) }
        phase = .starting
        let goOn = wake { exchange, wakeup in
            guard case .starting = exchange.phase else { return }
            if case .look = wakeup { exchange.restart() } else { exchange.pass(.disk) }
        }
        let round = restarts
        _ = channel.eventLoop.assumeIsolated().scheduleTask(in: DiskWork.deadline) { [weak self] in
            guard let self, case .starting = phase, restarts == round else { return }
            pass(.index)
        }
        let (table, key) = (services.table, request.resource.key)
        let now = services.readers.clock.now
        services.evictor.giveUp(record) { result in
            switch result {
            case .success(true): return goOn(.look)
            // The next one looks again: it may be put right.
            case .success(false): return goOn(.failed(.store))
            // It would be found again and again.
            case .failure: table.bypass(key, now: now)
            }
            goOn(.look)
        }
    }
}
