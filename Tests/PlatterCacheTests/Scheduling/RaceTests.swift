import PlatterCore
import Testing

@testable import PlatterCache

@Suite("A second request beside a slow one")
struct RaceTests {
    var stage = Stage()

    @Test("each overdue call adds a connection, three at most")
    mutating func threeAtMost() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.overdue(1) == [.fly(2, 0..<mib)])
        #expect(stage.overdue(1) == [.fly(3, 0..<mib)])
        #expect(stage.overdue(1) == [])
    }

    @Test("nobody asks again for what an origin without ranges sends slowly")
    mutating func whole() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.scheduler.sendsWhole(FlightID(1), now: stage.now)
        #expect(stage.overdue(1) == [])
    }

    @Test("nobody asks again for what the bandwidth limit holds back, until it does not any more")
    mutating func heldBack() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.scheduler.paused(FlightID(1), now: stage.now)
        #expect(stage.overdue(1) == [])
        stage.now = stage.now.advanced(by: .seconds(1))
        _ = stage.advanced(1, to: 700 * kib)
        _ = stage.waits(1, at: 700 * kib, upTo: 8 * mib)
        #expect(stage.overdue(1) == [])
        stage.now = stage.now.advanced(by: .seconds(1))
        #expect(stage.overdue(1) == [.fly(2, 700 * kib..<mib)])
    }

    @Test("nor beside a second one that is held back")
    mutating func hedgeHeldBack() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.overdue(1) == [.fly(2, 0..<mib)])
        _ = stage.scheduler.paused(FlightID(2), now: stage.now)
        #expect(stage.overdue(1) == [])
    }

    @Test("it begins where the slow one stands and ends where that one would")
    mutating func sameBytes() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 700 * kib)
        _ = stage.waits(1, at: 700 * kib, upTo: 8 * mib)
        #expect(stage.overdue(1) == [.fly(2, 700 * kib..<mib)])
    }

    @Test("the first that brings a byte cancels the others")
    mutating func winner() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.overdue(1)
        _ = stage.overdue(1)
        #expect(stage.advanced(2, to: 10) == [.wake(1), .cancel(1), .cancel(3)])
    }

    @Test("the slow one wins when it moves on first")
    mutating func slowWins() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 300 * kib)
        _ = stage.waits(1, at: 300 * kib, upTo: 8 * mib)
        _ = stage.overdue(1)
        #expect(stage.advanced(1, to: 301 * kib) == [.wake(1), .cancel(2)])
    }

    @Test("a loser that still brings bytes does not cancel the winner")
    mutating func loser() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.overdue(1)
        _ = stage.advanced(2, to: 10)
        #expect(stage.advanced(1, to: 20) == [])
    }

    @Test("a refusal of the second request leaves the first alone")
    mutating func refusedHedge() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.overdue(1)
        #expect(stage.landed(2, .failed(.status(403))) == [])
        #expect(stage.landed(1, .failed(.status(403))) == [.fail(1, .status(403))])
    }

    @Test("a second request takes no slot that another reader needs")
    mutating func spareSlot() {
        var limits = FetchLimits()
        limits.perOrigin = 2
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.overdue(1)
        #expect(stage.enters(2, 0..<mib, entry: 2) == [.cancel(2)])
        #expect(stage.overdue(1) == [])
    }

    @Test("slow planning is not raced")
    mutating func slowPlan() {
        _ = stage.enters(1, 0..<mib)
        #expect(stage.overdue(1) == [])
    }

    @Test("an opening is raced, and the first good answer opens the entry")
    mutating func opening() {
        _ = stage.enters(1, 0..<mib, length: nil)
        #expect(stage.overdue(1) == [.open(2, .offset(0), searchEnd: mib)])
        #expect(stage.opened(2, 0..<mib) == [.cancel(1), .wake(1)])
        #expect(stage.opened(1, 0..<mib) == [])
    }

    @Test("a second opening stops background fill like the first")
    mutating func openingStopsFill() {
        stage.flies(1, 0..<8 * mib, flight: 1, level: .low, isWaiting: false)
        _ = stage.enters(2, 0..<mib, isWaiting: false, entry: 2, length: nil)
        _ = stage.waits(2, at: 0, upTo: mib)
        #expect(stage.overdue(2) == [.cancel(1), .open(3, .offset(0), searchEnd: mib, entry: 2)])
    }

    @Test("an overdue wait that was served just now frees what is silent for others nevertheless")
    mutating func served() {
        var limits = FetchLimits()
        limits.total = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.advanced(1, to: 4096) == [.wake(1)])
        _ = stage.enters(2, 0..<mib, entry: 2, origin: "b")
        stage.now = Moment.start.advanced(by: .seconds(3))
        let actions = stage.overdue(1)
        #expect(actions.contains(.plan(2, at: 0, searchEnd: mib, entry: 2)))
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    @Test("what landed in a file that somebody changed is asked for anew by a reader")
    mutating func disturbed() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.advanced(1, to: 131_072) == [.wake(1)])
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 0) == 131_072)
        _ = stage.scheduler.distrust(EntryHandle(1), now: stage.now)
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 0) == nil)
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 65_536) == nil)
        let actions = stage.waits(1, at: 0, upTo: mib)
        #expect(actions == [.plan(2, at: 0, searchEnd: mib)])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    @Test("what has landed when somebody changes its file is waited for until the index has it")
    mutating func disturbedLanding() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib)
        _ = stage.landed(1, .ended)
        _ = stage.scheduler.distrust(EntryHandle(1), now: stage.now)
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 0) == nil)
        #expect(stage.waits(1, at: 0, upTo: mib) == [])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        #expect(stage.recorded(1) == [.wake(1), .plan(2, at: 0, searchEnd: mib)])
    }

    @Test(
        "what a flight brought before somebody changed its file is not asked for while it is recorded"
    )
    mutating func disturbedBeforeLanding() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib)
        let actions = stage.scheduler.distrust(EntryHandle(1), now: stage.now)
        #expect(actions == [.plan(2, at: 0, searchEnd: mib)])
        #expect(stage.waits(1, at: 0, upTo: mib) == [])
        _ = stage.landed(1, .ended)
        // Too early to find it in the index.
        #expect(stage.planned(2, 0..<mib) == [])
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 0) == nil)
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        #expect(stage.recorded(1).contains(.wake(1)))
    }

    @Test("a file that others write to is tried at once again, and then left alone")
    mutating func overwritten() {
        stage.flies(1, 0..<mib, flight: 1)
        // Not the origin's fault: no pause.
        #expect(overwrites(1) == [])
        #expect(overwrites(2) == [.fail(1, .store), .cancel(3)])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    @Test("a file that somebody writes to now and then is tried at once each time")
    mutating func overwrittenSeldom() {
        stage.flies(1, 0..<mib, flight: 1)
        for flight: UInt64 in 1...3 {
            #expect(overwrites(flight) == [])
            stage.now = stage.now.advanced(by: .seconds(10))
        }
    }

    /// Somebody writes to the file of `flight`, which ends for it, and another one takes its place.
    private mutating func overwrites(_ flight: UInt64) -> [SchedulerAction] {
        _ = stage.advanced(flight, to: 65_536)
        _ = stage.scheduler.distrust(EntryHandle(1), now: stage.now)
        #expect(stage.waits(1, at: 0, upTo: mib) == [.plan(flight + 1, at: 0, searchEnd: mib)])
        let actions = stage.landed(flight, .overwritten)
        _ = stage.recorded(flight)
        _ = stage.planned(flight + 1, 0..<mib)
        return actions
    }
}
