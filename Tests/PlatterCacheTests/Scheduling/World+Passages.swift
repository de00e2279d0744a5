import PlatterCore

@testable import PlatterCache

/// What goes past the store in the simulated world.
extension World {
    struct Passage {
        let origin: OriginID
        /// When it was let go; nil while it waits for leave.
        var began: Moment?
    }

    mutating func stepPassages() {
        if random.once(in: 2), passages.count < 12 { return newPassage() }
        if let id = random.pick(passages.keys.sorted()) { step(passage: id) }
    }

    private mutating func newPassage() {
        guard let origin = random.pick(films)?.origin else { return }
        let (id, actions) = scheduler.ask(origin, now: now)
        note("passage \(id) asks at \(origin.authority)")
        passages[id] = Passage(origin: origin)
        perform(actions)
    }

    mutating func admit(_ id: FlightID) {
        guard let passage = passages[id], passage.began == nil else {
            return fault("leave for nobody")
        }
        passages[id]?.began = now
        checkBreak(of: id, at: passage.origin)
    }

    /// It ends, or its player does not wait any more.
    mutating func step(passage id: FlightID) {
        guard let passage = passages[id], passage.began != nil || isCalm || random.once(in: 6)
        else { return }
        // Whoever waits in a calm world is let go in the end.
        if isCalm, passage.began == nil { return }
        let outcome = passage.began == nil ? .unknown : outcome(at: passage.origin)
        note("passed \(id) \(outcome)")
        if let began = passage.began { noteEnd(at: passage.origin, began: began, outcome) }
        passages[id] = nil
        let jitter = Double(random.below(101)) / 100
        perform(scheduler.passed(id, outcome, jitter: jitter, now: now))
    }

    private mutating func outcome(at origin: OriginID) -> PassageOutcome {
        if isCalm { return .answered }
        if random.once(in: 6) { return .unknown }
        switch manners[origin] {
        case .hangs, .stalls: return random.once(in: 8) ? .unanswered : .unknown
        case .refuses: return .unanswered
        case .complains:
            return .throttled(after: random.once(in: 2) ? nil : .seconds(random.below(40)))
        case nil:
            guard hasFaults, random.once(in: 3) else { return .answered }
            return .faulty(after: random.once(in: 2) ? nil : .seconds(random.below(40)))
        }
    }

    private mutating func noteEnd(
        at origin: OriginID, began: Moment, _ outcome: PassageOutcome
    ) {
        var record = records[origin] ?? OriginRecord()
        switch outcome {
        case .answered:
            record.noteAnswer()
            record.isKnownToHang = false
        case .unanswered: record.noteFailure(began: began, now: now)
        case .faulty(let after):
            record.noteFailure(began: began, now: now)
            if after != nil { record.hasComplained = true }
        case .throttled:
            record.noteFailure(began: began, now: now)
            record.hasComplained = true
        case .unknown: break
        }
        records[origin] = record
    }
}
