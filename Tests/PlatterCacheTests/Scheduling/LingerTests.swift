import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Readers that were told to come back")
struct LingerTests {
    var stage = Stage()

    private mutating func lingers(_ id: UInt64) -> [SchedulerAction] {
        stage.scheduler.linger(DemandID(id), now: stage.now)
    }

    /// The origin has one slot, and reader 1 waits for what it brings.
    private mutating func takeTheOnlySlot() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        _ = stage.enters(1, 0..<mib, length: nil)
    }

    @Test("what opens the entry flies on, and who comes back finds it")
    mutating func opening() {
        _ = stage.enters(1, 0..<mib, length: nil)
        #expect(lingers(1) == [])
        #expect(stage.enters(2, 0..<mib, client: "1", length: nil) == [])
        #expect(stage.movedOn("1", newest: 2) == [])
        #expect(stage.leaves(1) == [])
        #expect(stage.opened(1, 0..<mib) == [.wake(2)])
    }

    @Test("so does a flight of an open entry")
    mutating func open() {
        stage.flies(1, 500 * mib..<501 * mib, flight: 1)
        #expect(lingers(1) == [])
        #expect(stage.scheduler.waitingCount == 0)
        #expect(stage.enters(2, 500 * mib..<501 * mib, client: "1") == [])
        #expect(stage.movedOn("1", newest: 2) == [])
        #expect(stage.leaves(1) == [])
        #expect(stage.advanced(1, to: 501 * mib) == [.wake(2)])
    }

    @Test("of requests that race only the first flies on")
    mutating func spares() {
        _ = stage.enters(1, 0..<mib, length: nil)
        #expect(stage.overdue(1) == [.open(2, .offset(0), searchEnd: mib)])
        #expect(lingers(1) == [.cancel(2)])
    }

    @Test("who comes back to one that has been silent does not count on it alone")
    mutating func silent() {
        _ = stage.enters(1, 0..<mib, length: nil)
        stage.now = stage.now.advanced(by: .seconds(10))
        _ = lingers(1)
        #expect(
            stage.enters(2, 0..<mib, length: nil) == [.open(2, .offset(0), searchEnd: mib)])
        #expect(stage.opened(1, 0..<mib).contains(.wake(2)))
    }

    @Test("when nobody has come back it is stopped")
    mutating func alone() {
        _ = stage.enters(1, 0..<mib, length: nil)
        _ = lingers(1)
        #expect(stage.leaves(1) == [.cancel(1)])
    }

    @Test("a reader that waits takes its slot at once")
    mutating func giveWay() {
        takeTheOnlySlot()
        #expect(stage.enters(2, 0..<mib, entry: 2, length: nil) == [.setTimer(fresh)])
        stage.now = stage.now.advanced(by: .seconds(10))
        #expect(lingers(1) == [.cancel(1)])
        #expect(
            stage.landed(1) == [.open(2, .offset(0), searchEnd: mib, entry: 2)])
    }

    /// When flight 1 has had its time.
    private var fresh: Moment { Moment.start.advanced(by: FetchLimits().silence) }

    @Test("but not one that has only just begun: who gives up in turn would each stop the last")
    mutating func crowd() {
        takeTheOnlySlot()
        for id in UInt64(2)...4 { _ = stage.enters(id, 0..<mib, entry: id, length: nil) }
        stage.now = stage.now.advanced(by: .seconds(10))
        #expect(lingers(1) == [.cancel(1)])
        #expect(stage.landed(1).contains(.open(2, .offset(0), searchEnd: mib, entry: 2)))
        stage.now = stage.now.advanced(by: .milliseconds(1))
        #expect(lingers(2) == [] && lingers(3) == [])
        #expect(stage.scheduler.waitingCount == 1)
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        stage.now = stage.now.advanced(by: FetchLimits().silence)
        #expect(stage.timerFires(at: stage.now).contains(.cancel(2)))
    }

    @Test("who has had no request by then is forgotten, and who waits is served")
    mutating func unserved() {
        takeTheOnlySlot()
        for id in UInt64(2)...4 { _ = stage.enters(id, 0..<mib, entry: id, length: nil) }
        #expect(lingers(2) == [])
        #expect(stage.scheduler.demandCount == 3)
        #expect(stage.scheduler.entryCount == 3)
        stage.now = stage.now.advanced(by: .seconds(10))
        #expect(lingers(1) == [.cancel(1)])
        #expect(
            stage.landed(1) == [.open(2, .offset(0), searchEnd: mib, entry: 3)])
        #expect(stage.scheduler.demandCount == 3)
    }

    @Test("who waits for the end of a pause is tried once more")
    mutating func paused() {
        _ = stage.enters(1, 0..<mib, length: nil)
        _ = stage.landed(1, .retryable(after: nil))
        _ = lingers(1)
        #expect(stage.scheduler.demandCount == 1)
    }

    @Test("an origin that hangs is noticed although nobody waits that long")
    mutating func judged() {
        for id in UInt64(1)...5 {
            _ = stage.enters(id, 0..<mib, entry: id, length: nil)
            _ = lingers(id)
            _ = stage.landed(id, .retryable(after: nil))
            _ = stage.leaves(id)
        }
        #expect(stage.scheduler.origins[OriginID("a")]?.breaker.isClosed == false)
    }
}
