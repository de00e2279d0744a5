import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Who is tried next where an origin fails")
struct ProbeTurnsTests {
    var stage = Stage()
    /// Passages that were let go, and flights that were begun.
    private var tried: [String] = []
    /// What each request in the air is for.
    private var flights: [FlightID: UInt64] = [:]
    private var passages: [FlightID: String] = [:]
    private var sent: Set<FlightID> = []

    private mutating func note(_ actions: [SchedulerAction]) {
        for action in actions {
            switch action {
            case .plan(let order):
                flights[order.flight] = order.entry.rawValue
                sent.insert(order.flight)
                tried.append("\(order.entry.rawValue)")
            case .admit(let id):
                sent.insert(id)
                tried.append(passages[id] ?? "nobody")
            case .open, .fly, .limit, .cancel, .wake, .fail, .complete, .setTimer: break
            }
        }
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    private mutating func asks(_ key: String) {
        let (id, actions) = stage.scheduler.ask(
            CacheKey(key), at: OriginID("a"), deadline: Stage.deadline, now: stage.now)
        passages[id] = key
        note(actions)
    }

    private mutating func reads(_ entry: UInt64) {
        note(stage.enters(entry, 0..<mib, entry: entry, deadline: stage.now))
    }

    /// Five requests in vain: the last of them was a flight.
    private mutating func breakOrigin() {
        for id in UInt64(101)...105 {
            let flight = stage.scheduler.nextFlight
            stage.flies(id, 0..<mib, flight: flight, isWaiting: false, entry: id)
            _ = stage.landed(flight, .retryable(after: nil))
            _ = stage.leaves(id)
        }
    }

    /// Time passes until something is sent.
    private mutating func waitForNext() {
        while sent.isEmpty, let timer = stage.scheduler.timer {
            note(stage.timerFires(at: max(timer, stage.now)))
        }
    }

    /// So many requests fail, one after the other. Passages ask again, as their players do.
    private mutating func fail(_ count: Int) {
        for _ in 0..<count {
            waitForNext()
            guard let id = sent.popFirst() else { return }
            #expect(sent.isEmpty)
            if flights.removeValue(forKey: id) != nil {
                note(stage.landed(id.rawValue, .retryable(after: nil)))
            } else if let key = passages.removeValue(forKey: id) {
                note(stage.scheduler.passed(id, .unanswered, jitter: 0, now: stage.now))
                asks(key)
            }
        }
    }

    @Test("passages and blocked readers take turns, however many there are of either")
    mutating func sides() {
        breakOrigin()
        for key in ["p", "q", "r"] { asks(key) }
        reads(1)
        fail(8)
        #expect(tried == ["p", "1", "q", "1", "r", "1", "p", "1"])
    }

    @Test("a passage that always fails does not keep a reader from an origin that is well again")
    mutating func passingStarves() throws {
        breakOrigin()
        asks("cursed")
        reads(1)
        fail(1)
        #expect(tried == ["cursed"])
        waitForNext()
        #expect(tried == ["cursed", "1"])
        let next = sent.popFirst()
        let flight = try #require(next)
        _ = stage.planned(flight.rawValue, 0..<mib)
        // All is well: nobody has to wait for a turn.
        let answered = stage.advanced(flight.rawValue, to: mib)
        #expect(answered.contains(.wake(1)))
        note(answered)
        asks("other")
        #expect(tried == ["cursed", "1", "cursed", "other"])
    }

    @Test("a stored object that always fails keeps neither passages nor other objects waiting")
    mutating func storedStarves() {
        breakOrigin()
        reads(1)
        reads(2)
        asks("p")
        fail(6)
        #expect(tried == ["p", "1", "p", "2", "p", "1"])
    }

    @Test("many passages of one object have one turn of it")
    mutating func objects() {
        breakOrigin()
        for key in ["p", "p", "p", "q"] { asks(key) }
        fail(6)
        #expect(tried == ["p", "q", "p", "q", "p", "q"])
    }

    @Test("an object keeps its place when its reader gives up and comes again")
    mutating func comesAgain() {
        breakOrigin()
        reads(1)
        reads(2)
        reads(3)
        fail(1)
        note(stage.leaves(2))
        reads(4)
        reads(2)
        fail(4)
        #expect(tried == ["1", "2", "3", "1", "4"])
    }

    @Test("an object that was waited for before loses no place by another reader of it")
    mutating func waitedBefore() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        // The only slot is taken; the second one waits.
        reads(1)
        reads(2)
        note(stage.landed(1, .throttled(after: .milliseconds(600))))
        note(stage.enters(60, 0..<1, entry: 2))
        tried = []
        note(stage.timerFires(at: Moment(nanoseconds: 600_000_000)))
        #expect(tried == ["2"])
    }

    @Test("a reader whose turn it is but who has no slot keeps no passage waiting")
    mutating func noSlot() {
        var limits = FetchLimits()
        (limits.total, limits.perOrigin) = (1, 1)
        stage = Stage(limits: limits)
        breakOrigin()
        asks("p")
        reads(1)
        fail(1)
        stage.flies(50, 0..<8 * mib, flight: stage.scheduler.nextFlight, entry: 50, origin: "b")
        fail(1)
        #expect(tried == ["p", "p"])
    }

    @Test("a probe that was given back counts as a turn")
    mutating func givenBack() throws {
        breakOrigin()
        asks("p")
        asks("p")
        reads(1)
        waitForNext()
        let next = sent.popFirst()
        let id = try #require(next)
        note(stage.scheduler.passed(id, .unknown, jitter: 0, now: stage.now))
        #expect(tried == ["p", "1"])
    }

    @Test("what is remembered is bounded, and gone with the first answer")
    mutating func bounded() {
        var turns = ProbeTurns()
        for index in 0..<1000 { turns.stand(CacheKey("\(index)")) }
        for index in 0..<1000 { turns.had(CacheKey("\(index)"), .stored) }
        #expect(turns.count == ProbeTurns.limit)
        breakOrigin()
        reads(1)
        fail(1)
        #expect(stage.scheduler.origins[OriginID("a")]?.turns.count ?? 0 > 0)
        let other = stage.scheduler.nextFlight
        asks("p")
        waitForNext()
        note(stage.scheduler.passed(FlightID(other), .answered, jitter: 0, now: stage.now))
        #expect(stage.scheduler.origins[OriginID("a")]?.turns == ProbeTurns())
    }
}
