import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What goes past the store asks leave of its origin")
struct PassageLeaveTests {
    var stage = Stage()

    private mutating func asks(
        _ origin: String = "a", for key: String = "past"
    ) -> (FlightID, [SchedulerAction]) {
        let (id, actions) = stage.scheduler.ask(
            CacheKey(key), at: OriginID(origin), deadline: Stage.deadline, now: stage.now)
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        return (id, actions)
    }

    private mutating func ends(
        _ id: FlightID, _ outcome: PassageOutcome
    ) -> [SchedulerAction] {
        let actions = stage.scheduler.passed(id, outcome, jitter: 0, now: stage.now)
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        return actions
    }

    /// Five requests without an answer.
    private mutating func breakOrigin() {
        for _ in 0..<5 {
            let (id, actions) = asks()
            #expect(actions == [.admit(id)])
            _ = ends(id, .unanswered)
        }
    }

    private mutating func fires(_ milliseconds: Int64) -> [SchedulerAction] {
        stage.timerFires(at: Moment(nanoseconds: milliseconds * 1_000_000))
    }

    private var breaker: CircuitBreaker? { stage.scheduler.origins[OriginID("a")]?.breaker }

    @Test("it takes no slot of a flight")
    mutating func noSlot() {
        for _ in 0..<20 {
            let (id, actions) = asks()
            #expect(actions == [.admit(id)])
        }
        let order = SchedulerAction.plan(21, at: 0, searchEnd: mib)
        #expect(stage.enters(1, 0..<mib) == [order])
    }

    @Test("failures of both count together, and the pause is for both")
    mutating func together() {
        for _ in 0..<4 {
            let (id, _) = asks()
            _ = ends(id, .unanswered)
        }
        stage.flies(1, 0..<mib, flight: 5, isWaiting: false)
        _ = stage.landed(5, .retryable(after: nil))
        #expect(breaker?.isClosed == false)
        let (id, actions) = asks()
        #expect(actions == [])
        #expect(fires(500).contains(.admit(id)))
    }

    @Test("after the pause the first that asked is the probe, and the others wait for it")
    mutating func probe() {
        breakOrigin()
        let (first, actions) = asks()
        #expect(actions == [.timer(.milliseconds(500))])
        let (second, _) = asks()
        _ = stage.enters(1, 0..<mib, isWaiting: false)
        #expect(fires(500) == [.admit(first)])
        #expect(breaker?.probe == first)
        // An answer is good news for all.
        #expect(
            ends(first, .answered)
                == [.admit(second), .plan(8, at: 0, searchEnd: mib)])
    }

    @Test("a probe that fails makes all wait twice as long")
    mutating func failedProbe() {
        breakOrigin()
        let (first, _) = asks()
        let (second, _) = asks()
        _ = fires(500)
        #expect(ends(first, .unanswered) == [.timer(.milliseconds(1500))])
        #expect(fires(1500) == [.admit(second)])
    }

    @Test("a probe whose player leaves makes room for the next at once")
    mutating func releasedProbe() {
        breakOrigin()
        let (first, _) = asks()
        let (second, _) = asks()
        _ = fires(500)
        #expect(ends(first, .unknown) == [.admit(second)])
        #expect(breaker?.probe == second)
    }

    @Test("it waits for the probe of a reader, and takes that of a prefetch")
    mutating func flightProbe() {
        breakOrigin()
        stage.now = Moment(nanoseconds: 1_000_000_000)
        stage.flies(1, 0..<8 * mib, flight: 6, level: .medium, isWaiting: false)
        let (id, actions) = asks()
        #expect(actions == [.cancel(6)])
        #expect(stage.landed(6) == [.admit(id)])
        _ = stage.leaves(1)
        _ = ends(id, .unknown)
        stage.flies(2, 0..<mib, flight: 8)
        let (next, none) = asks()
        #expect(none == [])
        #expect(stage.advanced(8, to: 4096).contains(.admit(next)))
    }

    @Test("what an origin asks for is kept by both")
    mutating func retryAfter() {
        let (id, _) = asks(for: "1")
        #expect(ends(id, .throttled(after: .seconds(7))) == [])
        #expect(stage.enters(1, 0..<mib) == [.timer(.seconds(7))])
        let (_, actions) = asks(for: "1")
        #expect(actions == [])
        let (other, leave) = asks("b")
        #expect(leave == [.admit(other)])
        // Half as many flights as before.
        #expect(stage.scheduler.limit(at: OriginID("a")) == 1)
    }

    @Test("a long pause that began when nobody waited is shortened for a player")
    mutating func shortened() {
        stage.scheduler.change(OriginID("a")) {
            $0.breaker.failed(FlightID(9), threshold: 1, now: .start) { _ in .seconds(30) }
        }
        #expect(asks().1 == [.timer(.seconds(2))])
    }

    @Test("an answer says that the origin does not hang")
    mutating func hangs() {
        stage.scheduler.change(OriginID("a")) { $0.hangs = true }
        let (id, _) = asks()
        _ = ends(id, .answered)
        #expect(stage.scheduler.origins[OriginID("a")]?.hangs == false)
    }

    @Test("numbers that nobody has are ignored")
    mutating func unknown() {
        #expect(ends(FlightID(99), .unanswered) == [])
        breakOrigin()
        let (id, _) = asks()
        #expect(ends(id, .unanswered) == [])
        #expect(ends(id, .answered) == [])
        #expect(breaker?.isClosed == false)
    }
}
