import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Readers that take turns at few connections")
struct TurnTests {
    var stage = Self.single()

    private static func single() -> Stage {
        var limits = FetchLimits()
        limits.perOrigin = 1
        return Stage(limits: limits, takesTurns: true)
    }

    /// The first of these readers has the only connection, the others wait for it.
    private mutating func queue(_ readers: UInt64) {
        stage.flies(1, 0..<64 * mib, flight: 1, stride: 16 * mib)
        for id in 2...readers {
            _ = stage.enters(id, 0..<64 * mib, stride: 16 * mib, entry: id)
        }
    }

    @Test("while others wait a request is as long as a turn, 1 MiB before that is known")
    mutating func shortRequests() {
        queue(4)
        let first = stage.landed(1, .retryable(after: nil))
        #expect(first.contains(.plan(2, at: 0, searchEnd: 64 * mib, length: 699_050, entry: 2)))
        _ = stage.planned(2, 0..<64 * mib)
        _ = stage.advanced(2, to: mib, soon: 3 * mib)
        #expect(
            stage.landed(2)
                == [.plan(3, at: 0, searchEnd: 64 * mib, length: 2 * mib, entry: 3)])
    }

    @Test("a turn is never shorter than 256 KiB")
    mutating func shortestTurn() {
        queue(3)
        _ = stage.advanced(1, to: 64 * kib, soon: 1)
        _ = stage.leaves(1)
        #expect(
            stage.landed(1)
                == [.plan(2, at: 0, searchEnd: 64 * mib, length: 256 * kib, entry: 2)])
    }

    @Test("alone it is as long as its reader wishes")
    mutating func longRequests() {
        queue(2)
        _ = stage.leaves(1)
        #expect(
            stage.landed(1)
                == [.plan(2, at: 0, searchEnd: 64 * mib, length: 16 * mib, entry: 2)])
    }

    @Test("a reader waits for the end of another's turn, unless that slows down")
    mutating func spared() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: mib, near: 64 * kib, soon: 7 * mib)
        _ = stage.moves(1, mib..<8 * mib)
        #expect(stage.enters(2, 0..<mib, entry: 2) == [])
        #expect(stage.advanced(1, to: 2 * mib, near: 64 * kib, soon: 5 * mib) == [.cancel(1)])
    }

    @Test("a turn lasts half a second from its first byte, however slow it seems at first")
    mutating func isNotCutShort() {
        queue(4)
        _ = stage.advanced(1, to: 64 * kib, soon: 12 * mib)
        _ = stage.landed(1, .retryable(after: nil))
        // 8 MiB, as much as comes in a third of a second.
        _ = stage.planned(2, 0..<64 * mib)
        _ = stage.advanced(2, to: 256 * kib, near: .max, soon: .max)
        stage.now = stage.now.advanced(by: .milliseconds(110))
        _ = stage.moves(2, 64 * kib..<64 * mib, stride: 16 * mib)
        #expect(stage.advanced(2, to: mib, near: 64 * kib, soon: 4 * mib) == [])
        stage.now = stage.now.advanced(by: .milliseconds(390))
        #expect(stage.advanced(2, to: 2 * mib, near: 64 * kib, soon: 4 * mib) == [.cancel(2)])
    }

    @Test("nobody waits for the end of one that has become silent", arguments: [2, 5])
    mutating func hangs(seconds: Int) {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib, soon: 12 * mib)
        _ = stage.leaves(1)
        _ = stage.landed(1)
        // As fast as the one before, as far as is known.
        stage.flies(2, 0..<mib, flight: 2, isWaiting: false, entry: 2)
        stage.now = Moment.start.advanced(by: .seconds(1))
        #expect(stage.enters(3, 0..<mib, entry: 3) == [])
        stage.now = Moment.start.advanced(by: .seconds(seconds))
        let actions = seconds == 2 ? stage.enters(4, 0..<mib, entry: 4) : stage.overdue(3)
        #expect(actions == [.cancel(2)])
    }

    @Test("without a connection of its own a reader joins a flight from farther away")
    mutating func join() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: mib, near: 64 * kib, soon: 2 * mib)
        #expect(stage.enters(2, 3 * mib..<4 * mib) == [])
        #expect(stage.advanced(1, to: 3 * mib + 1, near: 64 * kib, soon: 2 * mib) == [.wake(2)])
    }

    @Test("with a connection of its own it does not")
    mutating func split() {
        stage = Stage()
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: mib, near: 64 * kib, soon: 2 * mib)
        #expect(
            stage.enters(2, 3 * mib..<4 * mib)
                == [.limit(1, end: 3 * mib), .plan(2, at: 3 * mib, searchEnd: 4 * mib)])
    }

    @Test("a flight that nobody wants brings its last MiB if that comes at once")
    mutating func finished() {
        stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
        _ = stage.advanced(1, to: 7 * mib, near: 16 * mib)
        #expect(stage.leaves(1) == [])
    }

    @Test("but not more, and not if it takes longer")
    mutating func notFinished() {
        for (mark, near) in [(7 * mib - 1, 16 * mib), (7 * mib, mib - 1)] {
            stage = Self.single()
            stage.flies(1, 0..<8 * mib, flight: 1, stride: 8 * mib)
            _ = stage.advanced(1, to: mark, near: near)
            #expect(stage.leaves(1) == [.cancel(1)])
        }
    }

    @Test("a flight that was over before it could be measured was fast")
    mutating func unmeasured() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib, near: .max, soon: .max)
        _ = stage.enters(2, 0..<64 * mib, stride: 16 * mib, entry: 2)
        _ = stage.enters(3, 0..<64 * mib, stride: 16 * mib, entry: 3)
        #expect(
            stage.landed(1)
                == [.plan(2, at: 0, searchEnd: 64 * mib, length: 5 * mib / 3 * 2, entry: 2)])
    }

    @Test("a new flight is judged by the last one from its origin")
    mutating func rememberedPace() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: mib, near: 16 * mib)
        _ = stage.landed(1)
        _ = stage.leaves(1)
        stage.flies(2, 0..<mib, flight: 2, entry: 2)
        _ = stage.advanced(2, to: 64 * kib, near: .max, soon: .max)
        #expect(stage.leaves(2) == [])
    }
}
