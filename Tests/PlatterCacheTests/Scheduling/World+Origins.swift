import PlatterCore

@testable import PlatterCache

/// How an origin behaves in the simulated world.
enum Manners: CaseIterable {
    /// It takes a request and says nothing more.
    case hangs
    /// It begins to answer and then says nothing more.
    case stalls
    case refuses
    /// It asks for fewer requests.
    case complains

    static let count: Int64 = 4

    /// The first origin always answers.
    static func random(_ seed: UInt64) -> [OriginID: Manners] {
        var random = SplitMix64(seed: seed ^ 0xBAD)
        var manners: [OriginID: Manners] = [:]
        for index in 1..<count {
            manners[OriginID("o\(index)")] = random.once(in: 4) ? nil : random.pick(allCases)
        }
        return manners
    }
}

/// What an origin did so far.
struct OriginRecord {
    /// A request to it was out for long without a byte, and none has come since.
    var isKnownToHang = false
    /// It has asked for fewer requests.
    var hasComplained = false
    /// Fetches in a row that failed without a byte.
    var failures = 0
    /// When nothing more was to be sent to it for a while.
    var openedAt: Moment?
    /// Which objects were tried in vain since then, and with which event each was last.
    var tried: [CacheKey: Int] = [:]
    /// The last of them.
    var lastTry: (side: ProbeTurns.Side, event: Int)?
    /// Objects that were told to wait, when, and for how long at least.
    var told: [CacheKey: (at: Moment, least: Duration)] = [:]
    /// Those of them that were told so since anything else was answered.
    var witnesses: Set<CacheKey> = []

    static let threshold = 5

    /// - Parameter began: When the request began.
    mutating func noteFailure(began: Moment, now: Moment) {
        failures += 1
        guard failures >= Self.threshold || openedAt != nil else { return }
        // What was sent before says nothing new.
        if let openedAt, began <= openedAt { return }
        openedAt = now
    }

    /// - Parameter key: nil: only more came of what was answered before.
    mutating func noteAnswer(to key: CacheKey?) {
        (failures, openedAt, tried, lastTry) = (0, nil, [:], nil)
        if let key, told[key] == nil { witnesses = [] }
    }
}

/// Origins that misbehave, and what the scheduler owes to the others. Told from what happens in the
/// world alone, not from what the scheduler believes.
extension World {
    /// - Returns: Whether the transfer gets no further now.
    mutating func misbehaves(_ id: FlightID, _ transfer: Transfer) -> Bool {
        guard !isCalm else { return false }
        if let curse = curses[films[transfer.film].key] {
            guard transfer.mark <= transfer.range.lowerBound else { return false }
            land(id, curse.outcome)
            return true
        }
        guard let manners = manners[films[transfer.film].origin] else { return false }
        switch manners {
        case .hangs: break
        case .stalls: if transfer.phase == .opening || random.once(in: 3) { return false }
        case .refuses:
            if random.once(in: 4) { return false }
            land(id, .retryable(after: nil))
            return true
        case .complains:
            guard transfer.mark <= transfer.range.lowerBound, random.once(in: 2) else {
                return false
            }
            let pause: Duration? = random.once(in: 2) ? nil : .seconds(random.below(40))
            land(id, .throttled(after: pause))
            return true
        }
        // Until its client loses patience.
        if random.once(in: 8) { land(id, .retryable(after: nil)) }
        return true
    }

    mutating func noteBytes(of id: FlightID) {
        noteSilence()
        guard let transfer = transfers[id] else { return }
        transfers[id]?.heard = now
        transfers[id]?.isHopeless = false
        transfers[id]?.wasJudged = false
        records[origin(of: transfer), default: OriginRecord()].isKnownToHang = false
        noteAnswer(of: id, isNew: transfer.mark <= transfer.range.lowerBound)
    }

    mutating func noteAnswer(of id: FlightID, isNew: Bool = true) {
        guard let transfer = transfers[id] else { return }
        records[origin(of: transfer), default: OriginRecord()]
            .noteAnswer(to: isNew ? films[transfer.film].key : nil)
    }

    mutating func noteEnd(of id: FlightID, _ outcome: FlightOutcome) {
        guard let transfer = transfers[id] else { return }
        let opened = records[origin(of: transfer)]?.openedAt
        defer {
            noteTry(
                films[transfer.film].key, .stored, at: origin(of: transfer),
                began: transfer.began, opened: opened)
        }
        if transfer.isCancelled { return }
        let key = films[transfer.film].key
        let hasBytes = transfer.mark > transfer.range.lowerBound
        var record = records[origin(of: transfer)] ?? OriginRecord()
        switch outcome {
        case .failed(.status):
            record.noteAnswer(to: key)
            record.hasComplained = true
        case .failed: record.noteAnswer(to: key)
        case .retryable(_?), .throttled: record.hasComplained = true
        case .retryable(nil), .untrusted, .overwritten, .ended: break
        }
        switch outcome {
        case .retryable, .throttled:
            if !hasBytes { record.noteFailure(began: transfer.began, now: now) }
        // The scheduler cannot know what was asked for of an opening.
        case .ended:
            let isDone = transfer.phase != .opening && transfer.mark >= transfer.end
            if !hasBytes, !isDone { record.noteFailure(began: transfer.began, now: now) }
        case .failed, .untrusted, .overwritten: break
        }
        switch outcome {
        case .retryable(let after?), .throttled(let after?):
            record.noteTold(key, after, limits: scheduler.limits, now: now)
        case .retryable, .throttled, .failed, .untrusted, .overwritten, .ended: break
        }
        records[origin(of: transfer)] = record
    }

    // MARK: - What others may expect

    func isSilent(_ transfer: Transfer) -> Bool {
        now.since(transfer.heard) >= scheduler.limits.silence
    }

    var active: [Transfer] { transfers.values.filter { $0.phase != .recording } }

    func origin(of transfer: Transfer) -> OriginID { films[transfer.film].origin }

    /// Those that may use the line: not what is silent, nor what was sent to an origin that hangs.
    func lines() -> Int { active.count { !isSilent($0) && !$0.isHopeless } }

    mutating func noteSilence() {
        for (id, transfer) in transfers
        where transfer.phase != .recording && !transfer.wasJudged && isSilent(transfer) {
            transfers[id]?.wasJudged = true
            guard transfer.isOut, transfer.mark <= transfer.range.lowerBound else { continue }
            records[origin(of: transfer), default: OriginRecord()].isKnownToHang = true
        }
    }

    mutating func checkStart(of id: FlightID) {
        guard let new = transfers[id] else { return }
        let limits = scheduler.limits
        let isHopeless = records[origin(of: new)]?.isKnownToHang ?? false
        transfers[id]?.isHopeless = isHopeless
        transfers[id]?.wasJudged = isHopeless
        if active.count > limits.ceiling { fault("\(active.count) out at once") }
        if active.count(where: { origin(of: $0) == origin(of: new) }) > limits.perOrigin {
            fault("too many at \(origin(of: new))")
        }
        checkBreak(of: id, at: origin(of: new))
        checkTurn(of: films[new.film].key, .stored, at: origin(of: new))
        if !isHopeless, lines() > limits.total {
            fault("a start beyond the limit")
        }
    }

    /// An origin that fails gets one try at a time, and none for a while after each.
    mutating func checkBreak(of id: FlightID, at origin: OriginID) {
        guard let openedAt = records[origin]?.openedAt else { return }
        if now.since(openedAt) < scheduler.limits.firstBreak / 2 {
            fault("\(origin) is tried again at once")
        }
        let isProbed = transfers.contains { other, transfer in
            other != id && self.origin(of: transfer) == origin && transfer.phase != .recording
                && transfer.began > openedAt
        }
        let isPassed = passages.contains { other, passage in
            guard let began = passage.began else { return false }
            return other != id && passage.origin == origin && began > openedAt
        }
        if isProbed || isPassed { fault("two probes of \(origin)") }
    }

    /// No reader waits for others than those of its own origin while there is room on the line.
    mutating func checkSlots() {
        let limits = scheduler.limits
        let active = active
        guard active.count < limits.ceiling, lines() < limits.total else { return }
        for id in readers.keys where scheduler.queue.line(of: id) == .waiting {
            guard let reader = readers[id] else { continue }
            let origin = films[reader.film].origin
            let own = active.count { self.origin(of: $0) == origin }
            let record = records[origin] ?? OriginRecord()
            if record.isKnownToHang || record.hasComplained || record.openedAt != nil { continue }
            if own < limits.perOrigin {
                fault("reader \(id) waits for others")
            }
        }
    }
}
