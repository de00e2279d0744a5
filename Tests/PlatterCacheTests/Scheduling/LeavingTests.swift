import PlatterCore
import Testing

@testable import PlatterCache

@Suite("When a reader leaves or moves on")
struct LeavingTests {
    var stage = Stage()

    @Test("a flight that nobody wants and that has much to bring is cancelled")
    mutating func cancelled() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.advanced(1, to: 100 * kib)
        #expect(stage.leaves(1) == [.cancel(1)])
    }

    @Test("a flight that has little left to bring is finished")
    mutating func finished() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 768 * kib)
        #expect(stage.leaves(1) == [])
    }

    @Test("a flight goes on for the other reader")
    mutating func shared() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.enters(2, 0..<8 * mib)
        #expect(stage.leaves(1) == [])
        #expect(stage.leaves(2) == [.cancel(1)])
    }

    @Test("an order that nobody wants any more is not flown, and nothing is left of it")
    mutating func cancelledOrder() {
        _ = stage.enters(1, 0..<8 * mib)
        #expect(stage.leaves(1) == [.cancel(1)])
        #expect(stage.planned(1, 0..<Int64.max) == [])
        #expect(stage.scheduler.violation(now: stage.now) == nil)
        #expect(!stage.scheduler.knows(EntryHandle(1)))
    }

    @Test("a reader that seeks drops the flight of its old place")
    mutating func seek() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.advanced(1, to: 100 * kib)
        #expect(
            stage.waits(1, at: 500 * mib, upTo: 501 * mib)
                == [.cancel(1), .plan(2, at: 500 * mib, searchEnd: 501 * mib)])
    }

    @Test("a body longer than anybody wants is cut off when what is wanted has come")
    mutating func longBody() {
        _ = stage.enters(1, 0..<mib, length: nil)
        _ = stage.opened(1, 0..<Stage.length)
        #expect(stage.advanced(1, to: mib) == [.cancel(1)])
    }

    @Test("a new reader of the same client demotes the old one's read-ahead at once")
    mutating func demoted() {
        stage.flies(1, 0..<8 * mib, flight: 1, client: "tv")
        _ = stage.advanced(1, to: 4096)
        _ = stage.moves(1, 4096..<8 * mib)
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "tv")
        #expect(stage.movedOn("tv", newest: 2) == [.cancel(1)])
        #expect(stage.moves(1, 500 * kib..<8 * mib) == [])
    }

    @Test("an old reader counts again when it has read on for 512 KiB")
    mutating func revived() {
        stage.flies(1, 0..<mib, flight: 1, client: "tv")
        _ = stage.advanced(1, to: mib)
        _ = stage.landed(1)
        _ = stage.moves(1, 4096..<mib)
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "tv")
        _ = stage.movedOn("tv", newest: 2)
        #expect(stage.moves(1, 4096 + 512 * kib - 1..<8 * mib) == [])
        #expect(
            stage.moves(1, 4096 + 512 * kib..<8 * mib)
                == [.plan(3, at: mib, searchEnd: 8 * mib)])
    }

    @Test("an old reader that waits is served, but after those who count")
    mutating func demotedWaits() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1, client: "tv")
        _ = stage.advanced(1, to: 64 * kib)
        _ = stage.waits(1, at: 64 * kib, upTo: mib)
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "tv")
        #expect(stage.movedOn("tv", newest: 2) == [.cancel(1)])
        #expect(
            stage.landed(1) == [.plan(2, at: 500 * mib, searchEnd: 501 * mib)])
        _ = stage.planned(2, 500 * mib..<501 * mib)
        _ = stage.advanced(2, to: 501 * mib)
        #expect(
            stage.landed(2) == [.plan(3, at: 64 * kib, searchEnd: mib, length: 960 * kib)])
    }

    @Test("an old reader that still waits after a second counts again")
    mutating func stillThere() {
        stage.flies(1, 0..<mib, flight: 1, client: "tv")
        _ = stage.advanced(1, to: 64 * kib)
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "tv")
        _ = stage.movedOn("tv", newest: 2)
        _ = stage.waits(1, at: 64 * kib, upTo: mib)
        #expect(stage.scheduler.demands[DemandID(1)]?.priority == .high)
        stage.now = stage.now.advanced(by: .seconds(1))
        _ = stage.waits(1, at: 64 * kib, upTo: mib)
        #expect(stage.scheduler.demands[DemandID(1)]?.priority == .critical)
    }

    @Test("an old reader whose wait is overdue counts again")
    mutating func overdueCounts() {
        stage.flies(1, 0..<mib, flight: 1, client: "tv")
        _ = stage.advanced(1, to: 64 * kib)
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "tv")
        _ = stage.movedOn("tv", newest: 2)
        _ = stage.waits(1, at: 64 * kib, upTo: mib)
        _ = stage.overdue(1)
        #expect(stage.scheduler.demands[DemandID(1)]?.priority == .critical)
    }

    @Test("readers that one client opens at once all count")
    mutating func openedTogether() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1, client: "aria")
        _ = stage.enters(2, 500 * mib..<501 * mib, client: "aria")
        #expect(stage.movedOn("aria", newest: 2) == [])
    }

    @Test("a client with four readers of an entry is no player that moves on")
    mutating func parallel() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib, client: "aria")
        _ = stage.advanced(1, to: 4096)
        _ = stage.waits(1, at: 4096, upTo: 8 * mib)
        for reader in 2...3 as ClosedRange<UInt64> {
            let start = Int64(reader) * 100 * mib
            _ = stage.enters(reader, start..<start + mib, client: "aria")
        }
        _ = stage.movedOn("aria", newest: 3)
        #expect(stage.scheduler.demands[DemandID(1)]?.priority == .high)
        _ = stage.enters(4, 400 * mib..<401 * mib, client: "aria")
        #expect(stage.movedOn("aria", newest: 4) == [])
        #expect(stage.scheduler.demands[DemandID(1)]?.priority == .critical)
    }
}
