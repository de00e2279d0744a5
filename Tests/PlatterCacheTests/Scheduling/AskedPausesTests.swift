import PlatterCore
import Testing

@testable import PlatterCache

@Suite("A pause that was asked for is about what was requested")
struct AskedPausesTests {
    var stage = Stage()

    private static func at(_ seconds: Double) -> Moment {
        Moment(nanoseconds: Int64(seconds * 1e9))
    }

    /// A reader wants an entry, and its origin tells it to wait for an hour.
    private mutating func isTold(_ entry: UInt64, _ pause: Duration = .seconds(3600)) {
        let flight = stage.scheduler.nextFlight
        stage.flies(entry, 0..<mib, flight: flight, entry: entry)
        _ = stage.landed(flight, .throttled(after: pause))
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    private mutating func asks(_ key: String) -> (id: FlightID, actions: [SchedulerAction]) {
        stage.scheduler.ask(
            CacheKey(key), at: OriginID("a"), deadline: stage.now.advanced(by: .seconds(10)),
            now: stage.now)
    }

    private mutating func ends(_ id: FlightID, _ outcome: PassageOutcome) -> [SchedulerAction] {
        stage.scheduler.passed(id, outcome, jitter: 0, now: stage.now)
    }

    private var origin: OriginState? { stage.scheduler.origins[OriginID("a")] }

    // MARK: - One URL

    @Test("others of the origin wait for a moment, and then one of them is let through")
    mutating func others() {
        isTold(1)
        #expect(stage.enters(2, 0..<mib, entry: 2) == [.timer(.milliseconds(500))])
        #expect(stage.enters(3, 0..<mib, entry: 3) == [])
        #expect(
            stage.timerFires(at: Self.at(0.5)) == [
                .plan(2, at: 0, searchEnd: mib, entry: 2), .timer(.seconds(20)),
            ])
        _ = stage.planned(2, 0..<mib)
        _ = stage.advanced(2, to: mib)
        #expect(stage.landed(2) == [.plan(3, at: 0, searchEnd: mib, entry: 3)])
        // The one that was told so has its pause, and the origin fewer requests at once.
        #expect(stage.timerFires(at: Self.at(19.9)) == [.timer(.seconds(20))])
        #expect(stage.scheduler.limit(at: OriginID("a")) == 2)
    }

    @Test("one that comes when the moment is over is asked for at once")
    mutating func later() {
        isTold(1)
        stage.now = Self.at(2)
        #expect(
            stage.enters(2, 0..<mib, entry: 2) == [.plan(2, at: 0, searchEnd: mib, entry: 2)])
    }

    @Test("a pause shorter than the moment is over with it")
    mutating func short() {
        isTold(9, .zero)
        #expect(origin?.asked.count == 0)
        isTold(1, .milliseconds(100))
        #expect(stage.enters(2, 0..<mib, entry: 2) == [.timer(.milliseconds(100))])
    }

    @Test("it outlasts the entry, which is forgotten when nobody wants it")
    mutating func comesAgain() {
        isTold(1)
        _ = stage.leaves(1)
        #expect(stage.scheduler.entryCount == 0)
        stage.now = Self.at(1)
        #expect(stage.enters(1, 0..<mib, deadline: Self.at(11)) == [])
        #expect(stage.overdue(1) == [])
        #expect(stage.timerFires(at: Self.at(19)) == [.timer(.seconds(20))])
    }

    @Test("what goes past the store keeps it too, and does not keep others waiting")
    mutating func passages() {
        let (first, _) = asks("p")
        #expect(ends(first, .throttled(after: .seconds(600))) == [])
        let (again, none) = asks("p")
        #expect(none == [.timer(.seconds(25))])
        let (other, moment) = asks("q")
        #expect(moment == [.timer(.milliseconds(500))])
        #expect(stage.timerFires(at: Self.at(0.5)).contains(.admit(other)))
        _ = ends(other, .answered)
        #expect(stage.enters(2, 0..<mib, entry: 2).count == 1)
        #expect(stage.timerFires(at: Self.at(25)).contains(.admit(again)))
    }

    @Test("the same object is meant, stored or not")
    mutating func both() {
        isTold(1)
        stage.now = Self.at(1)
        #expect(asks("1").actions == [])
    }

    // MARK: - Two URLs

    @Test("when another one is told the same meanwhile, the pause is for all")
    mutating func two() {
        isTold(1)
        stage.now = Self.at(1)
        isTold(2)
        #expect(stage.enters(3, 0..<mib, entry: 3, deadline: Self.at(11)) == [])
        #expect(origin?.asked.ofAll == Self.at(20))
        let (id, none) = asks("p")
        #expect(none == [])
        #expect(stage.timerFires(at: Self.at(20)).contains(.admit(id)))
    }

    @Test("but not for longer than both were told")
    mutating func shorter() {
        isTold(1)
        stage.now = Self.at(1)
        isTold(2, .seconds(4))
        #expect(origin?.asked.ofAll == Self.at(5))
    }

    @Test("an answer to a third one ends it, and not that of the two")
    mutating func third() {
        stage.flies(3, 0..<mib, flight: 1, entry: 3)
        isTold(1)
        let (second, _) = asks("p")
        #expect(second == FlightID(3))
        _ = stage.timerFires(at: Self.at(0.5))
        _ = ends(second, .throttled(after: .seconds(3600)))
        #expect(origin?.asked.ofAll != nil)
        let (fourth, none) = asks("q")
        #expect(none == [])
        let answered = stage.advanced(1, to: 64 * kib)
        #expect(answered.contains(.admit(fourth)))
        #expect(origin?.asked.ofAll == nil)
        #expect(stage.scheduler.isPaused(CacheKey("1"), at: OriginID("a"), now: stage.now))
        #expect(stage.scheduler.isPaused(CacheKey("p"), at: OriginID("a"), now: stage.now))
        #expect(asks("p").actions == [])
    }

    @Test("what was answered before proves nothing, nor does one of the two")
    mutating func oldAnswer() {
        stage.flies(3, 0..<mib, flight: 1, entry: 3)
        _ = stage.advanced(1, to: 64 * kib)
        var asked = origin?.asked ?? AskedPauses()
        asked.told(CacheKey("1"), until: Self.at(9), now: .start)
        asked.told(CacheKey("2"), until: Self.at(8), now: .start)
        stage.scheduler.change(OriginID("a")) { $0.asked = asked }
        _ = stage.advanced(1, to: 128 * kib)
        #expect(origin?.asked.ofAll == Self.at(8))
        asked.answered(CacheKey("2"), now: Self.at(1))
        #expect(asked.ofAll == Self.at(8))
        asked.answered(CacheKey("2"), now: Self.at(8))
        #expect(asked.ofAll == nil)
    }

    @Test("two that are told so again and again take turns with one that is answered")
    mutating func inBetween() {
        var asked = AskedPauses()
        for second in 0..<20 {
            let now = Self.at(Double(second))
            let key = CacheKey("\(second % 2)")
            asked.told(key, until: now.advanced(by: .seconds(30)), now: now)
            #expect(asked.ofAll == nil)
            asked.answered(CacheKey("good"), now: now)
        }
    }

    @Test("what is remembered of an origin is bounded")
    mutating func bounded() {
        var asked = AskedPauses()
        for index in 0..<1000 {
            asked.told(
                CacheKey("\(index)"), until: Self.at(Double(10 + index)), now: .start)
        }
        #expect(asked.count == AskedPauses.limit)
        #expect(asked.end(of: CacheKey("999")) == Self.at(1009))
        asked.told(CacheKey("x"), until: Self.at(3000), now: Self.at(2000))
        #expect(asked.count == 1)
    }
}
