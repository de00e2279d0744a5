import PlatterCore
import Testing

@testable import PlatterCache

@Suite("When the origin fails")
struct FailureTests {
    var stage = Stage()

    @Test("a broken flight is tried again from where it broke, after the pause")
    mutating func retry() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 4096)
        _ = stage.waits(1, at: 4096, upTo: mib, stride: mib)
        #expect(stage.landed(1, .retryable(after: nil)) == [.timer(.milliseconds(250))])
        #expect(
            stage.timerFires(at: Moment.start.advanced(by: .milliseconds(250)))
                == [.plan(2, at: 4096, searchEnd: mib, length: mib - 4096)])
    }

    @Test("a flight that breaks off on its way is tried again at once")
    mutating func progress() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.advanced(1, to: 65_536)
        _ = stage.waits(1, at: 65_536, upTo: mib, stride: mib)
        #expect(
            stage.landed(1, .retryable(after: nil))
                == [.plan(2, at: 65_536, searchEnd: mib, length: mib - 65_536)])
    }

    @Test("a timer that fires early is set again")
    mutating func earlyTimer() {
        stage.flies(1, 0..<mib, flight: 1)
        _ = stage.landed(1, .retryable(after: nil), jitter: 1)
        #expect(
            stage.timerFires(at: Moment.start.advanced(by: .milliseconds(499)))
                == [.timer(.milliseconds(500))])
    }

    @Test("the pause doubles, is half random, and stays short while a reader waits")
    func backoff() {
        let backoff = Backoff(limits: FetchLimits())
        let pause = { backoff.pause(failures: $0, isWaitedFor: false, jitter: $1) }
        #expect(pause(1, 0) == .milliseconds(250))
        #expect(pause(1, 1) == .milliseconds(500))
        #expect(pause(3, 1) == .seconds(2))
        #expect(pause(.max, 1) == .seconds(30))
        #expect(pause(1, .nan) == .milliseconds(250))
        #expect(backoff.pause(failures: 9, isWaitedFor: true, jitter: 1) == .seconds(2))
    }

    @Test("Retry-After holds for the entry, 30 s at most, and not for another origin")
    mutating func retryAfter() {
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        #expect(stage.landed(1, .retryable(after: .seconds(3600))) == [.timer(.seconds(30))])
        #expect(
            stage.enters(3, 0..<mib, entry: 3, origin: "b")
                == [.plan(2, at: 0, searchEnd: mib, entry: 3)])
    }

    @Test("a long pause of a prefetch becomes short when a reader waits")
    mutating func shortened() {
        var limits = FetchLimits()
        limits.firstBackoff = .seconds(20)
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1, level: .medium, isWaiting: false)
        #expect(stage.landed(1, .retryable(after: nil), jitter: 1) == [.timer(.seconds(20))])
        #expect(stage.enters(2, 0..<mib) == [.timer(.seconds(2))])
    }

    @Test("a prefetch fails after its tries; a waiting reader goes on")
    mutating func tries() {
        _ = stage.enters(1, 0..<mib, level: .medium, isWaiting: false)
        _ = stage.enters(2, 0..<mib)
        for flight in UInt64(1)...3 {
            _ = stage.planned(flight, 0..<Int64.max)
            let actions = stage.landed(flight, .retryable(after: nil))
            #expect(actions.contains(.fail(1, .unreachable)) == (flight == 3))
            stage.now = stage.now.advanced(by: .seconds(30))
            _ = stage.timerFires(at: stage.now)
        }
        #expect(stage.planned(4, 0..<Int64.max) == [.fly(4, 0..<mib)])
    }

    @Test("read-ahead rests after its tries until its reader moves")
    mutating func tiredReadAhead() {
        var limits = FetchLimits()
        limits.tries = 1
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        #expect(stage.landed(1, .retryable(after: nil)) == [])
        #expect(stage.moves(1, 10..<mib) == [.timer(.milliseconds(250))])
    }

    @Test("a permanent failure fails every demand of the entry and stops its flights")
    mutating func permanent() {
        stage.flies(1, 0..<mib, flight: 1)
        stage.flies(2, 500 * mib..<501 * mib, flight: 2)
        #expect(
            stage.landed(1, .failed(.changed))
                == [.fail(1, .changed), .fail(2, .changed), .cancel(2)])
        #expect(stage.landed(2, .failed(.changed)) == [])
        #expect(stage.scheduler.demandCount == 0)
        #expect(!stage.scheduler.knows(EntryHandle(1)))
    }

    @Test("a flight that ends without a byte is not repeated at once")
    mutating func emptyHanded() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.landed(1, .ended) == [.timer(.milliseconds(250))])
    }

    @Test("a short answer is continued at once")
    mutating func shortAnswer() {
        stage.flies(1, 0..<mib, flight: 1, isWaiting: false)
        _ = stage.advanced(1, to: 4096)
        #expect(
            stage.landed(1) == [.plan(2, at: 4096, searchEnd: mib, length: mib - 4096)])
    }

    /// What follows each of some answers that end after so many bytes.
    private mutating func starves(
        on bytes: Int64, _ outcome: FlightOutcome = .ended, answers: UInt64
    ) -> [[SchedulerAction]] {
        stage.flies(1, 0..<mib, flight: 1)
        var position: Int64 = 0
        return (1...answers).map { flight in
            position += bytes
            _ = stage.advanced(flight, to: position)
            _ = stage.waits(1, at: position, upTo: position + mib, stride: mib)
            let actions = stage.landed(flight, outcome)
            if case .setTimer(let due)? = actions.first { _ = stage.timerFires(at: due) }
            _ = stage.planned(flight + 1, position..<Int64.max)
            return actions
        }
    }

    @Test("an origin that sends a byte per answer is asked with growing pauses from the third on")
    mutating func scantAnswers() {
        let asked = starves(on: 1, answers: 6)
        let expected: [[SchedulerAction]] = [
            [.plan(2, at: 1, searchEnd: mib + 1)], [.plan(3, at: 2, searchEnd: mib + 2)],
            [.timer(.milliseconds(250))], [.timer(.milliseconds(750))],
            [.timer(.milliseconds(1750))], [.timer(.milliseconds(2750))],
        ]
        #expect(asked == expected)
    }

    @Test("so is one whose bodies break off after a byte, from the first on")
    mutating func scantBodies() {
        let asked = starves(on: 1, .retryable(after: nil), answers: 5)
        let pauses: [SchedulerAction] = [250, 500, 750, 1250, 2250].map {
            .timer(.milliseconds($0))
        }
        #expect(asked == pauses.map { [$0] })
    }

    @Test("an origin that sends less than it was asked for is not slowed down", arguments: [4, 64])
    mutating func cappedAnswers(size: Int64) {
        let asked = starves(on: size * kib, answers: 9)
        #expect(asked.allSatisfy { if case .plan? = $0.first { $0.count == 1 } else { false } })
    }

    @Test("an answer of use ends the count of scant ones")
    mutating func scantNoMore() {
        _ = starves(on: 1, answers: 5)
        _ = stage.advanced(6, to: 5 + 64 * kib)
        let position = 5 + 64 * kib
        _ = stage.waits(1, at: position, upTo: position + mib, stride: mib)
        #expect(
            stage.landed(6) == [.plan(7, at: position, searchEnd: position + mib)])
        _ = stage.planned(7, position..<Int64.max)
        _ = stage.advanced(7, to: position + 1)
        _ = stage.waits(1, at: position + 1, upTo: position + mib, stride: mib)
        #expect(
            stage.landed(7) == [
                .plan(8, at: position + 1, searchEnd: position + mib, length: mib - 1)
            ])
    }

    @Test("an abandoned entry fails its demands and leaves no trace")
    mutating func abandoned() {
        _ = stage.enters(1, 0..<mib)
        #expect(
            stage.scheduler.abandon(EntryHandle(1), failure: .store, now: stage.now)
                == [.fail(1, .store), .cancel(1)])
        #expect(stage.planned(1, nil) == [])
        #expect(!stage.scheduler.knows(EntryHandle(1)))
    }
}
