import PlatterCore
import Testing

@testable import PlatterCache

@Suite("A long Retry-After and those who wait")
struct LongPauseTests {
    var stage = Stage()

    private static func at(_ seconds: Int64) -> Moment {
        Moment(nanoseconds: seconds * 1_000_000_000)
    }

    @Test("a reader in the middle of a body gets its bytes before it would be cut")
    mutating func midBody() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 64 * kib)
        // A wait has its deadline after 10 s, and without bytes it ends after 30.
        stage.now = Self.at(1)
        _ = stage.scheduler.wait(
            DemandID(1), at: 64 * kib, upTo: mib, stride: mib, deadline: Self.at(11),
            now: stage.now)
        #expect(stage.landed(1, .throttled(after: .seconds(3600))) == [.timer(.seconds(26))])
        #expect(
            stage.timerFires(at: Self.at(26))
                == [.plan(2, at: 64 * kib, searchEnd: mib, length: mib - 64 * kib)])
        _ = stage.planned(2, 64 * kib..<Int64.max)
        #expect(stage.advanced(2, to: mib) == [.wake(1)])
    }

    @Test("a pause that began before the reader came ends in time for it too")
    mutating func before() {
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        #expect(stage.landed(1, .throttled(after: .seconds(3600))) == [.timer(.seconds(30))])
        stage.now = Self.at(1)
        #expect(stage.enters(2, 0..<mib, deadline: Self.at(11)) == [.timer(.seconds(26))])
    }

    @Test("an origin that asks for it again and again gets 10 s each time")
    mutating func again() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.landed(1, .throttled(after: .seconds(3600)))
        _ = stage.timerFires(at: Self.at(20))
        _ = stage.planned(2, 0..<Int64.max)
        #expect(stage.landed(2, .throttled(after: .seconds(3600))) == [.timer(.seconds(30))])
    }
}
