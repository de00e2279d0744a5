import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Who gets a slot")
struct SlotTests {
    var stage = Stage()

    private static func few(total: Int = 6, perOrigin: Int = 1) -> Stage {
        var limits = FetchLimits()
        limits.total = total
        limits.perOrigin = perOrigin
        return Stage(limits: limits)
    }

    @Test("read-ahead leaves the last slot to a reader that waits")
    mutating func reserved() {
        stage.flies(1, 0..<8 * mib, flight: 1, isWaiting: false)
        stage.flies(2, 100 * mib..<108 * mib, flight: 2, isWaiting: false)
        #expect(stage.enters(3, 200 * mib..<208 * mib, isWaiting: false) == [])
        #expect(
            stage.enters(4, 300 * mib..<301 * mib)
                == [.plan(3, at: 300 * mib, searchEnd: 301 * mib)])
    }

    @Test("a waiting reader stops background fill at its origin, even with slots to spare")
    mutating func fillGivesWay() {
        stage.flies(1, 0..<8 * mib, flight: 1, level: .low, isWaiting: false)
        #expect(
            stage.enters(2, 100 * mib..<101 * mib)
                == [.cancel(1), .plan(2, at: 100 * mib, searchEnd: 101 * mib)])
    }

    @Test("a prefetch gives up its slot before read-ahead does")
    mutating func leastUrgentFirst() {
        stage = Self.few(total: 3, perOrigin: 3)
        stage.flies(1, 0..<mib, flight: 1, level: .medium, isWaiting: false)
        stage.flies(2, 0..<mib, flight: 2, isWaiting: false, entry: 2)
        stage.flies(3, 0..<mib, flight: 3, entry: 3)
        #expect(stage.enters(4, 0..<mib, entry: 4) == [.cancel(1)])
        #expect(stage.enters(5, 0..<mib, entry: 5) == [])
        // Only now is it known that it would take long.
        #expect(stage.advanced(2, to: 64 * kib, near: 64 * kib) == [.cancel(2)])
        #expect(stage.enters(6, 0..<mib, entry: 6) == [])
        #expect(stage.landed(1) == [.plan(4, at: 0, searchEnd: mib, entry: 4)])
        #expect(stage.landed(2) == [.plan(5, at: 0, searchEnd: mib, entry: 5)])
    }

    @Test("a reader that was just woken keeps its slot until it says how it goes on")
    mutating func wokenKeepsSlot() {
        stage = Self.few()
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.enters(2, 0..<mib, entry: 2)
        #expect(stage.advanced(1, to: 4096) == [.wake(1)])
        #expect(stage.moves(1, 4096..<8 * mib) == [.cancel(1)])
    }

    @Test("a woken reader that has far more than it takes loses its slot to one that waits")
    mutating func wokenCalmsDown() {
        stage = Self.few()
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.enters(2, 0..<mib, entry: 2)
        _ = stage.advanced(1, to: 4096)
        #expect(stage.advanced(1, to: 257 * kib) == [.cancel(1)])
    }

    @Test("a flight that has brought all is about to free its slot and is not cancelled")
    mutating func doneIsLeaving() {
        stage = Self.few()
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        _ = stage.advanced(1, to: mib)
        #expect(stage.enters(2, 0..<mib, entry: 2) == [])
        #expect(stage.landed(1) == [.plan(2, at: 0, searchEnd: mib, entry: 2)])
    }

    @Test("background work starts only where nothing more urgent flies")
    mutating func backgroundAlone() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(
            stage.enters(2, 0..<mib, level: .medium, isWaiting: false, entry: 2) == [])
        #expect(
            stage.enters(3, 0..<mib, level: .low, isWaiting: false, entry: 3, origin: "b")
                == [.plan(2, at: 0, searchEnd: mib, entry: 3)])
        _ = stage.advanced(1, to: mib)
        #expect(stage.landed(1) == [.plan(3, at: 0, searchEnd: mib, entry: 2)])
    }

    @Test("the earliest deadline goes first")
    mutating func deadlines() {
        stage = Self.few()
        stage.flies(1, 0..<mib, flight: 1)
        let (late, early) = (Moment(nanoseconds: 9), Moment(nanoseconds: 8))
        _ = stage.enters(2, 0..<mib, entry: 2, deadline: late)
        _ = stage.enters(3, 0..<mib, entry: 3, deadline: early)
        _ = stage.advanced(1, to: mib)
        #expect(stage.landed(1) == [.plan(2, at: 0, searchEnd: mib, entry: 3)])
    }

    @Test("a client without a flight goes before one that has some, whatever the deadlines")
    mutating func fairness() {
        stage = Self.few(total: 2, perOrigin: 2)
        stage.flies(1, 0..<mib, flight: 1, client: "greedy")
        stage.flies(2, 0..<mib, flight: 2, client: "other", entry: 2)
        _ = stage.enters(
            3, 0..<mib, client: "greedy", entry: 3, deadline: Moment(nanoseconds: 1))
        _ = stage.enters(4, 0..<mib, client: "modest", entry: 4)
        _ = stage.advanced(2, to: mib)
        #expect(stage.landed(2) == [.plan(3, at: 0, searchEnd: mib, entry: 4)])
    }

    @Test("several slots that come free at once are shared among clients")
    mutating func fairAtOnce() {
        // Two were told to wait until then, so that nobody may start before.
        stage = Self.few(total: 3, perOrigin: 2)
        let end = Moment.start.advanced(by: .seconds(1))
        stage.scheduler.change(OriginID("a")) {
            for key in ["x", "y"] { $0.asked.told(CacheKey(key), until: end, now: .start) }
        }
        _ = stage.enters(2, 0..<mib, client: "greedy", entry: 2)
        _ = stage.enters(3, 0..<mib, client: "greedy", entry: 3)
        _ = stage.enters(4, 0..<mib, client: "modest", entry: 4)
        #expect(
            stage.timerFires(at: end) == [
                .plan(1, at: 0, searchEnd: mib, entry: 2),
                .plan(2, at: 0, searchEnd: mib, entry: 4),
            ])
    }

    @Test("a flight is background work until a reader wants its bytes")
    mutating func isBackground() {
        stage.flies(1, 0..<8 * mib, flight: 1, level: .medium, isWaiting: false)
        #expect(stage.scheduler.isBackground(FlightID(1)))
        _ = stage.enters(2, 9 * mib..<10 * mib, isWaiting: false)
        #expect(stage.scheduler.isBackground(FlightID(1)))
        _ = stage.moves(2, 0..<64 * kib)
        #expect(!stage.scheduler.isBackground(FlightID(1)))
        #expect(stage.scheduler.isBackground(FlightID(99)))
    }
}
