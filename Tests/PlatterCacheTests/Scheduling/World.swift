import PlatterCore

@testable import PlatterCache

/// A model of all around the scheduler: films and their index, readers, prefetches, transfers, a
/// clock. Strict: an order that makes no sense is a flaw. The seed decides everything.
struct World {
    /// One entry.
    struct Film {
        let entry: EntryHandle
        let origin: OriginID
        let length: Int64
        /// Its origin sends the whole, whatever is asked.
        let lacksRanges: Bool
        var key: CacheKey { CacheKey("film \(entry.rawValue)") }
        var isOpen = false
        /// What the index has.
        var present = RangeSet<Int64>()
        /// What was fetched and never deleted.
        var fetched = RangeSet<Int64>()
    }

    struct Reader {
        let film: Int
        let client: ClientID
        var position: Int64
        /// The byte after the last one that it was asked for; may lie beyond the film.
        var end: Int64
        let window: Int64
        let suffix: Int64?
        var isRegistered = false
        var isWaiting = false
        /// The event with which its wait began.
        var waitsSince = 0
        /// It has looked, found nothing, and is about to say that it waits.
        var hasMissed = false
        /// Its client has stopped reading.
        var isPaused = false
    }

    /// A prefetch or fill.
    struct Job {
        let film: Int
        let range: ByteRange
    }

    struct Transfer {
        enum Phase: Hashable { case planning, opening, flying, recording }

        let film: Int
        var phase: Phase
        var order: FlightOrder?
        /// The answer of the index, when it was searched long before it is reported.
        var earlyPlan: ByteRange??
        var range: ByteRange
        var mark: Int64
        /// Where it was told to end.
        var end: Int64
        var isHedge = false
        /// It was found that the whole comes.
        var isWhole = false
        var isCancelled = false
        var isStalled = false
        /// What of it the index has.
        var recorded: Int64
        /// When it began, or its last byte came.
        var heard = Moment.start
        var began = Moment.start
        /// Nothing was expected of its origin when it began, and no byte has come.
        var isHopeless = false
        /// Nothing has come for so long that its origin was judged by it.
        var wasJudged = false

        var isOut: Bool { phase == .flying || phase == .opening }
    }

    let seed: UInt64
    let hasFaults: Bool
    /// How origins behave that do not simply answer.
    let manners: [OriginID: Manners]
    var records: [OriginID: OriginRecord] = [:]
    /// Objects that their origin refuses for as long as there are faults, and how.
    let curses: [CacheKey: Curse]
    /// Events so far.
    var events = 0
    var random: SplitMix64
    var now = Moment.start
    var timer: Moment?
    var scheduler: FetchScheduler
    var films: [Film] = []
    var readers: [DemandID: Reader] = [:]
    var jobs: [DemandID: Job] = [:]
    /// Readers that were told to come back.
    var lingering: Set<DemandID> = []
    var transfers: [FlightID: Transfer] = [:]
    var passages: [FlightID: Passage] = [:]
    /// Some things go past the store.
    let hasPassages: Bool
    var nextDemand: UInt64 = 1
    /// No more faults and no more visitors.
    var isCalm = false
    var flaw: String?
    /// What was ordered at least once.
    var met: Set<String> = []
    var trace: [String] = []
    var isTracing = false

    /// - Parameter isBad: Some origins hang or refuse; nothing else fails.
    init(seed: UInt64, isBad: Bool = false, hasPassages: Bool = false) {
        self.seed = seed
        self.hasPassages = hasPassages
        random = SplitMix64(seed: seed)
        hasFaults = seed % 3 != 0 && !isBad
        manners = isBad ? Manners.random(seed) : [:]
        curses = hasPassages ? Curse.random(seed) : [:]
        var limits = FetchLimits()
        limits.total = Int(1 + random.below(6))
        limits.perOrigin = Int(1 + random.below(4))
        var distances = SplitMix64(seed: seed ^ 0xFA5)
        limits.carryDistance = 1 + distances.below(4 << 20)
        limits.carryTurns = distances.below(3)
        scheduler = FetchScheduler(limits: limits)
        var origins = SplitMix64(seed: ~seed)
        let count = 1 + random.below(isBad ? 8 : 4)
        for index in 0..<Int(count) {
            let origin = random.below(isBad ? Manners.count : 2)
            films.append(
                Film(
                    entry: EntryHandle(UInt64(index)), origin: OriginID("o\(origin)"),
                    length: random.once(in: 20) ? random.below(3) : 1 + random.below(4 << 20),
                    lacksRanges: origins.once(in: 4)))
        }
    }

    mutating func note(_ text: @autoclosure () -> String) {
        guard isTracing else { return }
        let line = "\(now.nanoseconds / 1_000_000) ms: \(text())"
        trace.append(line)
    }

    mutating func fault(_ text: String) {
        note("flaw: \(text)")
        flaw = flaw ?? text
    }

    // MARK: - Orders

    /// Does what an event made the scheduler order.
    mutating func perform(_ actions: [SchedulerAction]) {
        noteSilence()
        events += 1
        for action in actions {
            note("    \(action)")
            meet(action)
            perform(action)
        }
        if let violation = scheduler.violation(now: now) { fault(violation) }
        checkSlots()
        checkPauses()
    }

    private mutating func meet(_ action: SchedulerAction) {
        let name =
            switch action {
            case .plan: "plan"
            case .open: "open"
            case .fly(let id, _): transfers[id] == nil ? "hedge" : "fly"
            case .limit: "limit"
            case .cancel: "cancel"
            case .admit: "admit"
            case .wake: "wake"
            case .fail: "fail"
            case .complete: "complete"
            case .setTimer: "timer"
            }
        met.insert(name)
    }

    private mutating func perform(_ action: SchedulerAction) {
        switch action {
        case .plan(let order): begin(order, .planning)
        case .open(let order): begin(order, .opening)
        case .fly(let id, let range): fly(id, range)
        case .limit(let id, let end):
            guard let transfer = transfers[id], transfer.phase == .flying, transfer.mark <= end
            else { return fault("an idle limit") }
            transfers[id]?.end = min(transfer.end, end)
        case .cancel(let id):
            guard let transfer = transfers[id], transfer.phase != .recording else {
                return fault("an idle cancel")
            }
            if transfer.isCancelled { fault("cancelled twice") }
            transfers[id]?.isCancelled = true
        case .admit(let id): admit(id)
        case .wake(let id):
            if readers[id]?.isWaiting != true { fault("a wake for one who does not wait") }
            readers[id]?.isWaiting = false
        case .fail(let id, _):
            if readers.removeValue(forKey: id) == nil, jobs.removeValue(forKey: id) == nil,
                lingering.remove(id) == nil
            {
                fault("a failure for nobody")
            }
        case .complete(let id): complete(id)
        case .setTimer(let moment):
            if let timer, timer <= moment { fault("a timer that is later than the one before") }
            timer = moment
        }
    }

    private mutating func complete(_ id: DemandID) {
        guard let job = jobs.removeValue(forKey: id) else { return fault("nobody to complete") }
        let film = films[job.film]
        let wanted = job.range.clamped(to: 0..<film.length)
        let missing = RangeSet(wanted).subtracting(film.present)
        if !missing.isEmpty, !hasFaults { fault("complete, but \(missing) are missing") }
    }

    private mutating func begin(_ order: FlightOrder, _ phase: Transfer.Phase) {
        guard transfers[order.flight] == nil, order.length > 0,
            let film = films.firstIndex(where: { $0.entry == order.entry })
        else { return fault("an order that makes no sense") }
        if phase == .planning, !films[film].isOpen { fault("a plan for a closed entry") }
        var transfer = Transfer(
            film: film, phase: phase, order: order, range: 0..<0, mark: 0, end: 0, recorded: 0)
        if phase == .planning, random.once(in: 2) { transfer.earlyPlan = .some(gap(for: order)) }
        (transfer.began, transfer.heard) = (now, now)
        transfers[order.flight] = transfer
        checkStart(of: order.flight)
    }

    /// What the index says of an order.
    func gap(for order: FlightOrder) -> ByteRange? {
        guard case .offset(let start) = order.start,
            let film = films.first(where: { $0.entry == order.entry })
        else { return nil }
        let known = film.present.ranges.first { $0.contains(start) }
        let gapStart = known?.upperBound ?? start
        guard gapStart < order.searchEnd else { return nil }
        let next = film.present.ranges.first { $0.lowerBound > gapStart }
        return gapStart..<(next?.lowerBound ?? .max)
    }

    private mutating func fly(_ id: FlightID, _ range: ByteRange) {
        if let order = transfers[id]?.order {
            let limits = scheduler.limits
            let last = min(order.searchEnd, .max - limits.alignment)
            let aligned = (last + limits.alignment - 1) / limits.alignment * limits.alignment
            if range.upperBound > aligned { fault("a flight beyond what is wanted") }
            transfers[id]?.phase = .flying
        } else {
            guard let entry = scheduler.entry(of: id),
                let film = films.firstIndex(where: { $0.entry == entry })
            else { return fault("a flight for no entry") }
            transfers[id] = Transfer(
                film: film, phase: .flying, range: range, mark: range.lowerBound,
                end: range.upperBound, isHedge: true, recorded: range.lowerBound, heard: now,
                began: now)
            checkStart(of: id)
        }
        guard let film = transfers[id]?.film else { return }
        if range.isEmpty || range.lowerBound < 0 || range.upperBound > films[film].length {
            fault("\(range) is no part of the film")
        }
        checkOverlap(id, range, film)
        transfers[id]?.range = range
        transfers[id]?.mark = range.lowerBound
        transfers[id]?.recorded = range.lowerBound
        transfers[id]?.end = range.upperBound
    }

    /// Nothing is fetched twice at the same time, but by hedges.
    private mutating func checkOverlap(_ id: FlightID, _ range: ByteRange, _ film: Int) {
        let others = transfers.filter { other, transfer in
            other != id && transfer.film == film && transfer.phase == .flying
                && !transfer.isCancelled && transfer.mark < transfer.end
                && range.intersection(transfer.mark..<transfer.end) != nil
        }
        if transfers[id]?.isHedge == true {
            if others.isEmpty { fault("a hedge beside nothing") }
        } else if !others.isEmpty {
            fault("\(range) is fetched twice at once")
        }
    }
}
