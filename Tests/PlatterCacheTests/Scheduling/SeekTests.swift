import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Where flights start and end")
struct SeekTests {
    var stage = Stage()

    @Test("a cold seek starts at the very byte and ends on the grid")
    mutating func coldSeek() {
        let position = 100 * mib + 12_345
        #expect(
            stage.enters(1, position..<position + 8 * mib)
                == [.plan(1, at: position, searchEnd: position + 8 * mib)])
        #expect(
            stage.planned(1, position..<Int64.max)
                == [.fly(1, position..<(101 * mib + 64 * kib))])
    }

    @Test("50 readers of one byte share one flight and all wake with its first bytes")
    mutating func collapse() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        for id in UInt64(2)...50 { #expect(stage.enters(id, 0..<8 * mib) == []) }
        #expect(stage.advanced(1, to: 1000) == (UInt64(1)...50).map { .wake($0) })
        #expect(stage.scheduler.activeFlights == 1)
    }

    @Test("a reader joins a flight that will soon be there")
    mutating func join() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        #expect(stage.enters(2, 256 * kib..<8 * mib) == [])
        #expect(stage.advanced(1, to: 256 * kib) == [.wake(1)])
        #expect(stage.advanced(1, to: 256 * kib + 1) == [.wake(2)])
    }

    @Test("a fast flight is joined from farther away")
    mutating func joinFast() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        #expect(stage.advanced(1, to: 64 * kib, near: 2 * mib) == [.wake(1)])
        #expect(stage.enters(2, 2 * mib..<8 * mib) == [])
    }

    @Test("a flight is joined from anywhere until it is known how fast it is")
    mutating func joinUnmeasured() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        #expect(stage.enters(2, 4 * mib..<8 * mib) == [])
        #expect(stage.advanced(1, to: 64 * kib, near: .max) == [.wake(1)])
        #expect(
            stage.advanced(1, to: 128 * kib, near: mib)
                == [.limit(1, end: 4 * mib), .plan(2, at: 4 * mib, searchEnd: 8 * mib)])
    }

    @Test("a flight that will end soon is not stopped for a reader, unless it does not end")
    mutating func nearlyDone() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 2 * mib)
        _ = stage.advanced(1, to: mib, near: mib)
        _ = stage.scheduler.move(DemandID(1), to: mib..<8 * mib, stride: mib, now: stage.now)
        #expect(stage.enters(2, 32 * mib..<40 * mib) == [])
        #expect(stage.scheduler.overdue(DemandID(2), now: stage.now) == [.cancel(1)])
    }

    @Test("a reader far ahead of a flight gets its own, and the other one ends there")
    mutating func far() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.advanced(1, to: 64 * kib)
        let position = 320 * kib + 1
        #expect(
            stage.enters(2, position..<8 * mib)
                == [.limit(1, end: position), .plan(2, at: position, searchEnd: 8 * mib)])
        #expect(
            stage.planned(2, position..<Int64.max)
                == [.fly(2, position..<(mib + 384 * kib))])
    }

    @Test("a reader beyond the place where a flight is ended gets a flight of its own")
    mutating func beyondLimit() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: 64 * kib, near: 2 * mib)
        #expect(stage.enters(2, 2 * mib..<8 * mib) == [])
        _ = stage.advanced(1, to: 128 * kib, near: 0)
        #expect(
            stage.enters(3, mib..<8 * mib, stride: 4096)
                == [
                    .limit(1, end: mib),
                    .plan(2, at: mib, searchEnd: 8 * mib, length: 4096),
                    .plan(3, at: 2 * mib, searchEnd: 8 * mib),
                ])
    }

    @Test("a reader that counted on an order is looked at again when the plan is shorter")
    mutating func shortPlan() {
        _ = stage.enters(1, 0..<8 * mib)
        #expect(stage.enters(2, 512 * kib..<8 * mib) == [])
        #expect(
            stage.planned(1, 0..<4096)
                == [
                    .fly(1, 0..<4096),
                    .plan(2, at: 512 * kib, searchEnd: 8 * mib),
                ])
    }

    @Test("read-ahead goes on when the flight before it is about to end, not earlier")
    mutating func handover() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        #expect(stage.advanced(1, to: 256 * kib) == [.wake(1)])
        #expect(stage.moves(1, 256 * kib..<8 * mib) == [])
        #expect(stage.advanced(1, to: 900 * kib, handover: 100 * kib) == [])
        #expect(
            stage.advanced(1, to: 924 * kib, handover: 100 * kib)
                == [.plan(2, at: mib, searchEnd: 8 * mib)])
    }

    @Test("read-ahead waits for another client's flight through the same bytes")
    mutating func sharedReadAhead() {
        stage.flies(1, 0..<8 * mib, flight: 1)
        _ = stage.enters(2, 0..<8 * mib)
        _ = stage.advanced(1, to: 128 * kib)
        #expect(stage.moves(2, 128 * kib..<8 * mib) == [])
    }

    @Test("a closed range is not passed by more than the grid, wherever its first gap is")
    mutating func closedRange() {
        _ = stage.enters(1, 0..<(mib + 10), isWaiting: false)
        #expect(
            stage.planned(1, 512 * kib..<Int64.max)
                == [.fly(1, 512 * kib..<(mib + 64 * kib))])
    }

    @Test("a flight ends where the next one or the object does")
    mutating func clipped() {
        stage.flies(1, 512 * kib..<mib, flight: 1)
        _ = stage.enters(2, 0..<8 * mib)
        #expect(stage.planned(2, 0..<Int64.max) == [.fly(2, 0..<512 * kib)])
        _ = stage.enters(3, Stage.length - 100..<Int64.max)
        #expect(
            stage.planned(3, Stage.length - 100..<Int64.max)
                == [.fly(3, Stage.length - 100..<Stage.length)])
    }

    @Test("a plan that finds all on disk wakes the reader")
    mutating func allPresent() {
        _ = stage.enters(1, 0..<8 * mib)
        #expect(stage.planned(1, nil) == [.wake(1)])
        #expect(stage.scheduler.activeFlights == 0)
    }

    @Test("a row deleted behind a reader's back is planned and fetched again")
    mutating func deletedRow() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib)
        _ = stage.landed(1)
        _ = stage.recorded(1)
        #expect(
            stage.waits(1, at: 4096, upTo: mib) == [
                .plan(2, at: 4096, searchEnd: mib, length: mib - 4096)
            ])
        #expect(
            stage.planned(2, 4096..<8192)
                == [.plan(3, at: 4096, searchEnd: mib, length: mib - 4096)])
        #expect(stage.planned(3, 4096..<8192) == [.fly(3, 4096..<8192)])
    }

    @Test("a plan older than what was recorded since is made again")
    mutating func stalePlan() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib)
        _ = stage.enters(2, 0..<mib, isWaiting: false)
        _ = stage.landed(1)
        _ = stage.recorded(1)
        _ = stage.waits(2, at: 0, upTo: mib)
        #expect(stage.planned(2, 0..<Int64.max) == [.plan(3, at: 0, searchEnd: mib)])
        #expect(stage.planned(3, nil) == [.wake(2)])
    }

    @Test("a byte that has landed and is not in the index yet wakes at once")
    mutating func landedByte() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 8192)
        #expect(stage.enters(2, 4096..<mib) == [.wake(2)])
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 4096) == 8192)
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 8192) == nil)
    }

    @Test("what landed of two flights in a row is one run")
    mutating func landedRun() {
        stage.flies(1, 64 * kib..<128 * kib, flight: 1)
        stage.flies(2, 0..<64 * kib, flight: 2)
        _ = stage.advanced(1, to: 100 * kib)
        _ = stage.advanced(2, to: 64 * kib)
        #expect(stage.scheduler.landedEnd(of: EntryHandle(1), at: 1) == 100 * kib)
    }
}
