import PlatterCore
import Testing

@testable import PlatterCache

@Suite("An origin that hangs keeps no other waiting")
struct BulkheadTests {
    @Test("a flight that we keep waiting is not silent, and others may not start beside it")
    func paused() {
        var limits = FetchLimits()
        limits.total = 1
        var stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 64 * kib, soon: mib)
        #expect(stage.enters(2, 0..<mib, entry: 2, origin: "b") == [.timer(.seconds(2))])
        for second in Int64(1)...5 {
            stage.now = Moment(nanoseconds: second * 1_000_000_000)
            #expect(stage.scheduler.paused(FlightID(1), now: stage.now) == [])
        }
        #expect(stage.timerFires(at: stage.now) == [.timer(.seconds(7))])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        #expect(
            stage.timerFires(at: Moment(nanoseconds: 7_000_000_000))
                == [.plan(2, at: 0, searchEnd: mib, entry: 2)])
    }

    var stage = Stage()

    /// Readers 1... take the slots of origins that will hang.
    private mutating func fill(_ origins: [String], each: UInt64 = 3) {
        for (index, origin) in origins.enumerated() {
            for slot in 1...each {
                let id = UInt64(index) * each + slot
                stage.flies(id, 0..<8 * mib, flight: id, entry: id, origin: origin)
            }
        }
    }

    private mutating func after(_ duration: Duration) -> [SchedulerAction] {
        stage.timerFires(at: Moment.start.advanced(by: duration))
    }

    @Test("where two take all slots, a reader at a third waits 2 s")
    mutating func silence() {
        fill(["bad", "worse"])
        #expect(stage.enters(7, 0..<mib, entry: 7, origin: "good") == [.timer(.seconds(2))])
        #expect(after(.seconds(2)) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
        #expect(stage.scheduler.activeFlights == 7)
    }

    @Test("where slow ones have all slots, one that has none is given one, and no more")
    mutating func share() {
        fill(["slow", "slower"])
        for id in UInt64(1)...6 {
            _ = stage.advanced(id, to: 128 * kib, near: 100, soon: Int64(id == 5 ? 1 : 2) * kib)
            _ = stage.waits(id, at: 128 * kib, upTo: 8 * mib)
        }
        #expect(stage.enters(7, 0..<mib, entry: 7, origin: "good").contains(.cancel(5)))
        for id in UInt64(8)...11 {
            let actions = stage.enters(id, 0..<mib, entry: id, origin: "good")
            for other in UInt64(1)...6 { #expect(!actions.contains(.cancel(other))) }
        }
        for id in UInt64(9)...11 { _ = stage.leaves(id) }
        // The reader that loses its flight asks again, but not before that.
        #expect(stage.landed(5) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        _ = stage.planned(7, 0..<Int64.max)
        _ = stage.advanced(7, to: mib)
        _ = stage.leaves(7)
        #expect(stage.landed(7) == [.plan(8, at: 0, searchEnd: mib, entry: 8)])
    }

    @Test("one of which nothing is known yet is not stopped for that")
    mutating func unknown() {
        fill(["new", "newer"])
        #expect(stage.enters(7, 0..<mib, entry: 7, origin: "good") == [.timer(.seconds(2))])
    }

    @Test("once they are known to hang, nobody waits for them at all")
    mutating func known() {
        fill(["bad", "worse"])
        stage.now = Moment.start.advanced(by: .seconds(3))
        for id in UInt64(1)...6 { _ = stage.leaves(id) }
        for id in UInt64(1)...6 { _ = stage.landed(id) }
        for id in UInt64(11)...16 {
            let origin = id < 14 ? "bad" : "worse"
            #expect(stage.enters(id, 0..<mib, entry: id, origin: origin).count == 1)
        }
        for id in UInt64(21)...23 {
            #expect(stage.enters(id, 0..<mib, entry: id, origin: "good").count == 1)
        }
        for id in UInt64(31)...33 {
            #expect(stage.enters(id, 0..<mib, entry: id, origin: "better").count == 1)
        }
        #expect(stage.enters(41, 0..<mib, entry: 41, origin: "best") == [.timer(.seconds(5))])
    }

    @Test("a flight that brings bytes has its slot for two seconds more")
    mutating func heard() {
        fill(["slow", "bad"])
        _ = stage.enters(7, 0..<mib, entry: 7, origin: "good")
        stage.now = Moment.start.advanced(by: .seconds(1))
        for id in UInt64(1)...6 { _ = stage.advanced(id, to: 4096, near: .max, soon: .max) }
        #expect(after(.seconds(2)) == [.timer(.seconds(3))])
        #expect(after(.seconds(3)) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
    }

    @Test("an origin that answers again counts again")
    mutating func mended() {
        fill(["bad", "worse"])
        _ = stage.enters(7, 0..<mib, entry: 7, origin: "good")
        _ = after(.seconds(2))
        for id in UInt64(1)...6 { _ = stage.advanced(id, to: 4096, near: .max, soon: .max) }
        #expect(stage.enters(8, 0..<mib, entry: 8, origin: "good") == [.timer(.seconds(4))])
        // Seven bring bytes: the first that ends leaves no room yet.
        _ = stage.advanced(1, to: 8 * mib)
        #expect(stage.landed(1) == [])
        _ = stage.advanced(2, to: 8 * mib)
        #expect(stage.landed(2) == [.plan(8, at: 0, searchEnd: mib, entry: 8)])
    }

    @Test("silent flights count at their own origin")
    mutating func ownOrigin() {
        fill(["bad"])
        stage.now = Moment.start.advanced(by: .seconds(3))
        #expect(stage.enters(4, 0..<mib, entry: 4, origin: "bad") == [])
    }

    @Test("a reader takes the slot of read-ahead that has become silent at its origin")
    mutating func silentReadAhead() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        #expect(stage.enters(2, 0..<mib, entry: 2) == [])
        stage.now = Moment.start.advanced(by: .seconds(2))
        #expect(stage.enters(3, 0..<mib, entry: 3) == [.cancel(1)])
    }

    @Test("silent flights are bounded, and origins known to hang leave some to the others")
    mutating func ceiling() {
        var limits = FetchLimits()
        (limits.total, limits.perOrigin, limits.ceilingFactor) = (2, 1, 3)
        stage = Stage(limits: limits)
        func start(_ id: UInt64, _ origin: String) -> Bool {
            !stage.enters(id, 0..<mib, entry: id, origin: origin).isEmpty
        }
        for seconds in [2, 4, 6] {
            for id in [UInt64(seconds), UInt64(seconds) + 1] {
                #expect(start(id, "bad\(id)"))
                _ = stage.planned(id - 1, 0..<Int64.max)
            }
            _ = after(.seconds(seconds))
        }
        #expect(!start(10, "best"))
        for id in [UInt64(2), 3, 10] { _ = stage.leaves(id) }
        for flight in [UInt64(1), 2] { _ = stage.landed(flight) }
        #expect(!start(11, "bad2"))
        #expect(start(12, "good"))
        #expect(start(13, "better"))
        #expect(stage.scheduler.activeFlights == 6)
    }

    @Test("slow planning is not the origin's fault")
    mutating func planning() {
        for id in UInt64(1)...6 {
            _ = stage.enters(id, 0..<mib, entry: id, origin: id < 4 ? "a" : "b")
        }
        _ = stage.enters(7, 0..<mib, entry: 7, origin: "c")
        #expect(after(.seconds(2)) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
        #expect(stage.scheduler.origins.values.allSatisfy { !$0.hangs })
    }

    @Test("who waits beyond the end of an entry is told when its length becomes known")
    mutating func beyondTheEnd() {
        _ = stage.enters(1, 9 * mib..<10 * mib, length: nil)
        #expect(
            stage.enters(2, 0..<mib, length: mib)
                == [.wake(1), .plan(2, at: 0, searchEnd: mib)])
        #expect(
            stage.waits(1, at: 9 * mib, upTo: 10 * mib)
                == [.fail(1, .unsatisfiable(completeLength: mib))])
    }
}
