import PlatterCore

@testable import PlatterCache

/// How an origin behaves in the simulated world.
enum Manners: CaseIterable {
    /// It takes a request and says nothing more.
    case hangs
    /// It begins to answer and then says nothing more.
    case stalls
    case refuses

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
}

/// Origins that misbehave, and what the scheduler owes to the others. Told from what happens in the
/// world alone, not from what the scheduler believes.
extension World {
    /// - Returns: Whether the transfer gets no further now.
    mutating func misbehaves(_ id: FlightID, _ transfer: Transfer) -> Bool {
        guard !isCalm, let manners = manners[films[transfer.film].origin] else { return false }
        switch manners {
        case .hangs: break
        case .stalls: if transfer.phase == .opening || random.once(in: 3) { return false }
        case .refuses:
            if random.once(in: 4) { return false }
            land(id, .retryable(after: nil))
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
        records[films[transfer.film].origin, default: OriginRecord()].isKnownToHang = false
    }

    mutating func noteEnd(of id: FlightID, _ outcome: FlightOutcome) {}

    // MARK: - What others may expect

    private func isSilent(_ transfer: Transfer) -> Bool {
        now.since(transfer.heard) >= scheduler.limits.silence
    }

    private var active: [Transfer] { transfers.values.filter { $0.phase != .recording } }

    private func origin(of transfer: Transfer) -> OriginID { films[transfer.film].origin }

    /// Those that may use the line: not what is silent, nor what was sent to an origin that hangs.
    private func lines() -> Int { active.count { !isSilent($0) && !$0.isHopeless } }

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
        if !isHopeless, lines() > limits.total {
            fault("a start beyond the limit")
        }
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
            if own < limits.perOrigin, records[origin]?.isKnownToHang != true {
                fault("reader \(id) waits for others")
            }
        }
    }
}
