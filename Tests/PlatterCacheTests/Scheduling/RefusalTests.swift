import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What a refusal of one range does to others")
struct RefusalTests {
    var stage = Stage()

    /// Reader 1 is being served by flight 1, and has said that it reads on.
    private mutating func plays() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: 64 * kib)
        _ = stage.moves(1, 64 * kib..<8 * mib, stride: 8 * mib)
    }

    @Test("who is refused beside another connection has its turn alone, and nobody is cut")
    mutating func secondConnection() {
        plays()
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        // One at a time from now on: the one that nobody is blocked on makes room.
        #expect(stage.landed(2, .failed(.status(403))) == [.cancel(1)])
        #expect(
            stage.landed(1) == [.plan(3, at: 500 * mib, searchEnd: 501 * mib)])
        _ = stage.planned(3, 500 * mib..<Int64.max)
        #expect(stage.advanced(3, to: 501 * mib) == [.wake(2)])
    }

    @Test("who was refused beside another connection has its turn, though that one has ended since")
    mutating func endedConnection() {
        plays()
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        stage.now = stage.now.advanced(by: .milliseconds(1))
        _ = stage.advanced(1, to: 8 * mib)
        _ = stage.landed(1)
        #expect(!stage.landed(2, .failed(.status(403))).contains(.fail(2, .status(403))))
        #expect(stage.scheduler.waitingCount == 1)
        // Asked alone it was refused for what it is.
        stage.now = stage.now.advanced(by: .seconds(5))
        _ = stage.timerFires(at: stage.now)
        let flight = stage.scheduler.nextFlight - 1
        _ = stage.planned(flight, 500 * mib..<Int64.max)
        stage.now = stage.now.advanced(by: .milliseconds(1))
        #expect(stage.landed(flight, .failed(.status(403))).contains(.fail(2, .status(403))))
    }

    @Test("read-ahead that is refused leaves the reader with the flight that it waits for")
    mutating func readAhead() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.advanced(1, to: mib - 1, handover: mib)
        _ = stage.planned(2, mib..<Int64.max)
        _ = stage.waits(1, at: mib - 1, upTo: 8 * mib)
        #expect(!stage.landed(2, .failed(.status(403))).contains(.fail(1, .status(403))))
        #expect(stage.advanced(1, to: mib).contains(.wake(1)))
    }

    @Test("who is refused alone is told, and who wants other bytes is not")
    mutating func alone() {
        plays()
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        _ = stage.landed(2, .failed(.status(403)))
        _ = stage.landed(1)
        _ = stage.planned(3, 500 * mib..<Int64.max)
        // The connection that was hung up on may still have counted.
        _ = stage.landed(3, .failed(.status(403)))
        #expect(stage.scheduler.waitingCount == 1)
        stage.now = Moment.start.advanced(by: .seconds(5))
        _ = stage.timerFires(at: stage.now)
        _ = stage.planned(4, 500 * mib..<Int64.max)
        let told = stage.landed(4, .failed(.status(403)))
        #expect(told.contains(.fail(2, .status(403))))
        #expect(!told.contains(.fail(1, .status(403))))
        #expect(stage.scheduler.demandCount == 1)
    }

    @Test(
        "what has nothing to do with connections is told at once, to those who want these bytes",
        arguments: [401, 404, 407, 410])
    mutating func certain(status: Int) {
        plays()
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        #expect(stage.landed(2, .failed(.status(status))) == [.fail(2, .status(status))])
    }

    @Test("an answer that is not to be stored sends only those past the store who want it")
    mutating func bypass() {
        plays()
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        #expect(stage.landed(2, .failed(.bypass)) == [.fail(2, .bypass)])
    }

    @Test("a refused opening fails all who wait for it")
    mutating func opening() {
        _ = stage.enters(1, 0..<mib, length: nil)
        _ = stage.enters(2, 500 * mib..<501 * mib, length: nil)
        #expect(
            stage.landed(1, .failed(.status(403)))
                == [.fail(1, .status(403)), .fail(2, .status(403))])
    }

    @Test("an origin that answers one request after the other serves all readers in turn")
    mutating func serialises() {
        for id in UInt64(1)...3 {
            let start = Int64(id) * 100 * mib
            stage.flies(id, start..<start + mib, flight: id)
        }
        // All are taken, one is answered; then the next.
        for id in UInt64(1)...3 {
            let start = Int64(id) * 100 * mib
            stage.now = stage.now.advanced(by: .seconds(3))
            #expect(stage.advanced(id, to: start + mib).contains(.wake(id)))
            #expect(!stage.landed(id).contains { if case .cancel = $0 { true } else { false } })
            #expect(stage.scheduler.violation(now: stage.now) == nil)
            _ = stage.recorded(id)
            _ = stage.leaves(id)
        }
        #expect(stage.scheduler.demandCount == 0)
    }
}
