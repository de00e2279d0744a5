import PlatterCore

@testable import PlatterCache

/// What goes past the store in the simulated world.
extension World {
    struct Passage {
        let key: CacheKey
        let origin: OriginID
        /// The event with which it came.
        let asksSince: Int
        /// When it was let go; nil while it waits for leave.
        var began: Moment?
    }

    mutating func stepPassages() {
        if random.once(in: 2), passages.count < 12 { return newPassage() }
        if let id = random.pick(passages.keys.sorted()) { step(passage: id) }
    }

    private mutating func newPassage() {
        guard let film = random.pick(films) else { return }
        let isOfFilm = random.once(in: 3)
        let key = isOfFilm ? film.key : CacheKey("past \(random.below(3))")
        let (id, actions) = scheduler.ask(
            key, at: film.origin, deadline: now.advanced(by: .seconds(5)), now: now)
        note("passage \(id) of \(key) asks at \(film.origin.authority)")
        passages[id] = Passage(key: key, origin: film.origin, asksSince: events)
        perform(actions)
    }

    mutating func admit(_ id: FlightID) {
        guard let passage = passages[id], passage.began == nil else {
            return fault("leave for nobody")
        }
        passages[id]?.began = now
        checkBreak(of: id, at: passage.origin)
        checkTurn(of: passage.key, .passing, at: passage.origin)
    }

    /// It ends, or its player does not wait any more.
    mutating func step(passage id: FlightID) {
        guard let passage = passages[id], passage.began != nil || isCalm || random.once(in: 6)
        else { return }
        // Whoever waits in a calm world is let go in the end.
        if isCalm, passage.began == nil { return }
        let outcome = passage.began == nil ? .unknown : outcome(of: passage)
        note("passed \(id) \(outcome)")
        if let began = passage.began { noteEnd(of: passage, began: began, outcome) }
        passages[id] = nil
        let jitter = Double(random.below(101)) / 100
        perform(scheduler.passed(id, outcome, jitter: jitter, now: now))
    }

    private mutating func outcome(of passage: Passage) -> PassageOutcome {
        if isCalm { return .answered }
        if random.once(in: 6) { return .unknown }
        switch curses[passage.key] {
        case .refused: return .unanswered
        case .toldToWait(let seconds): return .throttled(after: .seconds(seconds))
        case nil: break
        }
        switch manners[passage.origin] {
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
        of passage: Passage, began: Moment, _ outcome: PassageOutcome
    ) {
        let (key, origin) = (passage.key, passage.origin)
        var record = records[origin] ?? OriginRecord()
        let opened = record.openedAt
        switch outcome {
        case .answered:
            record.noteAnswer(to: key)
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
        switch outcome {
        case .faulty(let after?), .throttled(let after?):
            record.noteTold(key, after, limits: scheduler.limits, now: now)
        case .answered, .unanswered, .faulty, .throttled, .unknown: break
        }
        records[origin] = record
        noteTry(key, .passing, at: origin, began: began, opened: opened)
    }
}
