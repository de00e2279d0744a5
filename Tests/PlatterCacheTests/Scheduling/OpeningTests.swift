import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Opening an entry, and filling it")
struct OpeningTests {
    var stage = Stage()

    @Test("all who want a closed entry share one opening and look again when it is open")
    mutating func collapse() {
        #expect(
            stage.enters(1, 0..<mib, length: nil) == [.open(1, .offset(0), searchEnd: mib)])
        #expect(stage.enters(2, 500 * mib..<501 * mib, length: nil) == [])
        #expect(
            stage.opened(1, 0..<mib)
                == [.wake(1), .wake(2), .plan(2, at: 500 * mib, searchEnd: 501 * mib)])
        #expect(stage.waits(2, at: 500 * mib, upTo: 501 * mib) == [])
    }

    @Test("an entry can be opened by its last bytes, which stay wanted")
    mutating func suffix() {
        #expect(
            stage.enters(1, 0..<mib, suffix: mib, length: nil)
                == [.open(1, .suffix(mib), searchEnd: mib)])
        _ = stage.enters(2, 0..<mib, length: nil)
        #expect(
            stage.opened(1, Stage.length - mib..<Stage.length)
                == [.wake(1), .wake(2), .plan(2, at: 0, searchEnd: mib)])
    }

    @Test("a suffix longer than the object is the whole object")
    mutating func longSuffix() {
        _ = stage.enters(1, 0..<1, level: .medium, isWaiting: false, suffix: .max, length: 5000)
        #expect(stage.planned(1, nil) == [.complete(1)])
    }

    @Test("a flight that brings the whole although asked for less goes on for all behind it")
    mutating func sendsWhole() {
        stage.flies(1, mib..<2 * mib, flight: 1)
        _ = stage.enters(2, 500 * mib..<501 * mib)
        #expect(stage.scheduler.sendsWhole(FlightID(1), now: stage.now) == [.cancel(2)])
        #expect(stage.scheduler.end(of: FlightID(1)) == Stage.length)
        #expect(stage.planned(2, 500 * mib..<Int64.max) == [])
        #expect(stage.enters(3, 900 * mib..<901 * mib) == [])
        _ = stage.leaves(1)
        _ = stage.leaves(2)
        #expect(stage.advanced(1, to: 899 * mib) == [])
        #expect(stage.leaves(3) == [.cancel(1)])
    }

    @Test("of several that turn out to bring the whole only the one that starts first goes on")
    mutating func oneWhole() {
        stage.flies(1, 0..<mib, flight: 1)
        stage.flies(2, 100 * mib..<101 * mib, flight: 2)
        stage.flies(3, 200 * mib..<201 * mib, flight: 3)
        #expect(stage.scheduler.sendsWhole(FlightID(2), now: stage.now) == [.cancel(2)])
        #expect(stage.scheduler.sendsWhole(FlightID(1), now: stage.now) == [.cancel(3)])
        #expect(stage.landed(2) == [])
        #expect(stage.landed(3) == [])
        #expect(stage.advanced(1, to: 200 * mib + 1) == [.wake(1), .wake(2), .wake(3)])
    }

    @Test("who would wait too long for a transfer of the whole goes past the store")
    mutating func tooFar() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.scheduler.sendsWhole(FlightID(1), now: stage.now)
        #expect(stage.enters(2, 8 * mib..<9 * mib) == [])
        #expect(stage.enters(3, 500 * mib..<501 * mib) == [])
        #expect(stage.enters(4, 900 * mib..<901 * mib) == [])
        // 16 times what comes in half a second.
        #expect(
            stage.advanced(1, to: mib, near: mib, soon: 32 * mib)
                == [.wake(1), .fail(4, .bypass)])
        // It has become slower.
        _ = stage.advanced(1, to: 2 * mib, near: mib, soon: mib)
        #expect(stage.overdue(3) == [.fail(3, .bypass)])
        #expect(stage.overdue(2) == [])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        #expect(stage.advanced(1, to: 9 * mib) == [.wake(2)])
    }

    @Test("read-ahead has no hurry: it stays on its way however far that is")
    mutating func farAhead() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.scheduler.sendsWhole(FlightID(1), now: stage.now)
        _ = stage.advanced(1, to: mib, near: 1, soon: 1)
        #expect(stage.enters(2, 500 * mib..<501 * mib, isWaiting: false) == [])
        #expect(stage.waits(2, at: 500 * mib, upTo: 501 * mib) == [.fail(2, .bypass)])
    }

    @Test("the whole in answer to one range is doubted while another range is being brought")
    mutating func accident() {
        stage.flies(1, 500 * mib..<501 * mib, flight: 1)
        stage.flies(2, mib..<2 * mib, flight: 2)
        #expect(!stage.scheduler.doubtsWhole(FlightID(2)))
        _ = stage.advanced(1, to: 500 * mib + 4096)
        #expect(stage.scheduler.doubtsWhole(FlightID(2)))
        #expect(!stage.scheduler.doubtsWhole(FlightID(1)))
        #expect(stage.landed(2, .untrusted) == [.timer(.milliseconds(250))])
        _ = stage.leaves(1)
        #expect(!stage.scheduler.doubtsWhole(FlightID(2)))
    }

    @Test("an origin that was believed to have no ranges and brings one has them")
    mutating func rangesAgain() {
        stage.flies(1, mib..<2 * mib, flight: 1)
        _ = stage.scheduler.sendsWhole(FlightID(1), now: stage.now)
        _ = stage.advanced(1, to: mib + 64 * kib, near: mib, soon: 64 * mib)
        stage.flies(2, 0..<mib, flight: 2)
        #expect(stage.enters(3, 900 * mib..<901 * mib) == [])
        #expect(
            stage.advanced(2, to: 4096) == [
                .wake(2), .limit(1, end: 900 * mib),
                .plan(3, at: 900 * mib, searchEnd: 901 * mib),
            ])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    @Test(
        "transfers of the whole that come no further are tried three times more, not until the reader gives up"
    )
    mutating func stuck() {
        var flight: UInt64 = 1
        func breaksOff(_ stage: inout Stage, at mark: Int64) -> [SchedulerAction] {
            _ = stage.scheduler.sendsWhole(FlightID(flight), now: stage.now)
            _ = stage.advanced(flight, to: mark)
            _ = stage.waits(1, at: mark, upTo: 8 * mib)
            let actions = stage.landed(flight, .retryable(after: nil))
            _ = stage.recorded(flight)
            flight += 1
            stage.now = stage.now.advanced(by: .seconds(2))
            _ = stage.timerFires(at: stage.now)
            _ = stage.planned(flight, mark..<Int64.max)
            return actions
        }
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        #expect(breaksOff(&stage, at: mib) == [.plan(2, at: mib, searchEnd: 8 * mib)])
        #expect(breaksOff(&stage, at: mib) == [.timer(.milliseconds(2250))])
        #expect(breaksOff(&stage, at: mib) == [.timer(.milliseconds(4500))])
        // A byte more, and it counts anew.
        #expect(
            breaksOff(&stage, at: mib + 64 * kib).contains(
                .plan(5, at: mib + 64 * kib, searchEnd: 8 * mib)))
        _ = breaksOff(&stage, at: mib + 64 * kib)
        _ = breaksOff(&stage, at: mib + 64 * kib)
        #expect(breaksOff(&stage, at: mib + 64 * kib) == [.fail(1, .unreachable)])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
    }

    @Test("but one that was told where to end ends there")
    mutating func sendsWholeToLimit() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: 64 * kib)
        _ = stage.enters(2, 4 * mib..<8 * mib)
        _ = stage.scheduler.sendsWhole(FlightID(1), now: stage.now)
        #expect(stage.scheduler.end(of: FlightID(1)) == 4 * mib)
    }

    @Test("a failed opening is tried again")
    mutating func failedOpening() {
        _ = stage.enters(1, 0..<mib, length: nil)
        #expect(stage.landed(1, .retryable(after: nil)) == [.timer(.milliseconds(250))])
        #expect(
            stage.timerFires(at: Moment.start.advanced(by: .seconds(1)))
                == [.open(2, .offset(0), searchEnd: mib)])
    }

    @Test("seed 30978: an opening that was given up too late does not fetch what another does")
    mutating func lateOpening() {
        _ = stage.enters(1, 0..<mib, length: nil)
        _ = stage.leaves(1)
        _ = stage.enters(2, 0..<mib, length: nil)
        #expect(stage.opened(1, 0..<mib) == [.cancel(2), .wake(2)])
    }

    @Test("a wait beyond the end fails with the length")
    mutating func beyondEnd() {
        #expect(
            stage.enters(1, 5000..<6000, length: 5000)
                == [.fail(1, .unsatisfiable(completeLength: 5000))])
        #expect(!stage.scheduler.knows(EntryHandle(1)))
    }

    @Test("a prefetch is complete when its last bytes are in the index, not before")
    mutating func complete() {
        stage.flies(1, 0..<mib, flight: 1, level: .medium, isWaiting: false)
        _ = stage.advanced(1, to: mib)
        #expect(stage.landed(1) == [])
        #expect(stage.recorded(1) == [.complete(1)])
    }

    @Test("a prefetch that began before the entry was open ends with the object")
    mutating func openEnded() {
        _ = stage.enters(1, 0..<Int64.max, level: .medium, isWaiting: false, length: nil)
        #expect(stage.opened(1, 0..<5000, length: 5000) == [])
        _ = stage.advanced(1, to: 5000)
        _ = stage.landed(1)
        #expect(stage.recorded(1) == [.complete(1)])
    }

    @Test("a prefetch of what is on disk is complete at once")
    mutating func nothingMissing() {
        _ = stage.enters(1, 0..<mib, level: .medium, isWaiting: false)
        #expect(stage.planned(1, nil) == [.complete(1)])
    }

    @Test("seed 11091: a prefetch waits for the record of bytes that another brought it")
    mutating func completeTogether() {
        stage.flies(1, 64 * kib..<128 * kib, flight: 1)
        _ = stage.advanced(1, to: 128 * kib)
        _ = stage.landed(1)
        _ = stage.enters(2, 0..<128 * kib, level: .medium, isWaiting: false)
        #expect(stage.planned(2, 0..<Int64.max) == [.fly(2, 0..<64 * kib)])
        _ = stage.advanced(2, to: 64 * kib)
        _ = stage.landed(2)
        #expect(stage.recorded(2) == [])
        #expect(stage.recorded(1) == [.complete(2)])
    }

    @Test("a fill has one flight at a time and goes on from its end")
    mutating func fill() {
        stage.flies(1, 0..<8 * mib, flight: 1, level: .low, isWaiting: false)
        #expect(stage.advanced(1, to: mib) == [])
        #expect(stage.landed(1) == [.plan(2, at: mib, searchEnd: 8 * mib)])
    }
}
