import PlatterCore
import Testing

@testable import PlatterCache

@Suite("An origin that fails is spared")
struct CircuitBreakerTests {
    var stage = Stage()

    private static func at(_ seconds: Double) -> Moment {
        Moment(nanoseconds: Int64(seconds * 1e9))
    }

    /// A prefetch of an entry of its own fails without a byte.
    private mutating func fails(_ id: UInt64, _ outcome: FlightOutcome = .retryable(after: nil)) {
        let flight = stage.scheduler.nextFlight
        stage.flies(id, 0..<mib, flight: flight, isWaiting: false, entry: id)
        _ = stage.landed(flight, outcome)
        _ = stage.leaves(id)
    }

    private var breaker: CircuitBreaker? { stage.scheduler.origins[OriginID("a")]?.breaker }

    @Test("answers that cannot be used do not open it: the origin is there")
    mutating func untrusted() {
        for id in UInt64(1)...12 { fails(id, .untrusted) }
        #expect(breaker?.isClosed ?? true)
    }

    @Test("a value: five failures open it, a probe decides")
    func value() {
        var breaker = CircuitBreaker()
        var pauses: [Int] = []
        func fail(_ id: UInt64, _ now: Double) {
            breaker.failed(FlightID(id), threshold: 5, now: Self.at(now)) { openings in
                pauses.append(openings)
                return .seconds(openings)
            }
        }
        for id in UInt64(1)...4 { fail(id, 0) }
        #expect(breaker.isClosed)
        fail(5, 0)
        #expect(breaker.phase == .open(until: Self.at(1)))
        // They were out when it opened.
        fail(6, 0.5)
        #expect(breaker.phase == .open(until: Self.at(1)))
        breaker.started(FlightID(7))
        #expect(breaker.phase == .halfOpen(probe: FlightID(7)))
        fail(6, 1)
        breaker.released(FlightID(6), now: Self.at(1))
        #expect(breaker.phase == .halfOpen(probe: FlightID(7)))
        fail(7, 2)
        #expect(breaker.phase == .open(until: Self.at(4)))
        #expect(pauses == [1, 2])
        breaker.started(FlightID(8))
        breaker.released(FlightID(8), now: Self.at(5))
        #expect(breaker.phase == .open(until: Self.at(5)))
        breaker.started(FlightID(9))
        breaker.answered()
        #expect(breaker == CircuitBreaker())
    }

    @Test("after five failures nothing starts, then one fetch, then all")
    mutating func transcript() {
        for id in UInt64(1)...5 { fails(id) }
        #expect(stage.enters(6, 0..<mib, entry: 6) == [])
        #expect(stage.enters(7, 0..<mib, entry: 7) == [])
        #expect(stage.enters(8, 0..<mib, isWaiting: false, entry: 8) == [])
        #expect(stage.timerFires(at: Self.at(0.25)) == [.timer(.milliseconds(500))])
        #expect(
            stage.timerFires(at: Self.at(0.5)) == [.plan(6, at: 0, searchEnd: mib, entry: 6)])
        #expect(stage.planned(6, 0..<mib) == [.fly(6, 0..<mib)])
        #expect(
            stage.advanced(6, to: 4096) == [
                .wake(6), .plan(7, at: 0, searchEnd: mib, entry: 7),
            ])
    }

    @Test("a probe that fails doubles the pause, to 2 s while a reader waits")
    mutating func doubled() {
        for id in UInt64(1)...5 { fails(id) }
        _ = stage.enters(6, 0..<mib, entry: 6)
        var pauses: [Double] = []
        for flight in UInt64(6)...9 {
            _ = stage.timerFires(at: breaker?.pausedUntil ?? .start)
            _ = stage.planned(flight, 0..<mib)
            _ = stage.landed(flight, .retryable(after: nil), jitter: 1)
            pauses.append((breaker?.pausedUntil ?? .start).since(stage.now).inSeconds)
        }
        #expect(pauses == [2, 2, 2, 2])
    }

    @Test("where nobody waits the pause grows to 30 s, and ends sooner when a reader comes")
    mutating func shortened() {
        for id in UInt64(1)...5 { fails(id) }
        var pauses: [Double] = []
        for id in UInt64(6)...12 {
            stage.now = breaker?.pausedUntil ?? .start
            fails(id)
            pauses.append((breaker?.pausedUntil ?? .start).since(stage.now).inSeconds)
        }
        #expect(pauses == [1, 2, 4, 8, 15, 15, 15])
        #expect(stage.enters(20, 0..<mib, entry: 20) == [])
        #expect(breaker?.pausedUntil == stage.now.advanced(by: .seconds(2)))
    }

    @Test("a dead origin with 100 waiting readers gets about one try a pause")
    mutating func deadOrigin() {
        var orders: [UInt64] = []
        func note(_ actions: [SchedulerAction]) {
            for case .open(let order) in actions { orders.append(order.flight.rawValue) }
        }
        for id in UInt64(1)...100 { note(stage.enters(id, 0..<mib, entry: id, length: nil)) }
        var tries = 0
        while stage.now < Self.at(60) {
            while let flight = orders.popLast() {
                tries += 1
                note(stage.landed(flight, .retryable(after: nil), jitter: 1))
            }
            #expect(stage.scheduler.violation(now: stage.now) == nil)
            guard let timer = stage.scheduler.timer else { break }
            note(stage.timerFires(at: max(timer, stage.now)))
        }
        // Five at once, two that were out then, one after a second and then one every two.
        #expect((30...38).contains(tries))
        #expect(stage.scheduler.waitingCount == 100)
    }

    @Test("an object that is always refused does not keep the others from the probe")
    mutating func fairProbes() {
        for id in UInt64(1)...5 { fails(id) }
        _ = stage.enters(6, 0..<mib, client: "bad", entry: 6)
        _ = stage.timerFires(at: Self.at(0.5))
        _ = stage.enters(7, 0..<mib, client: "good", entry: 7, deadline: Self.at(100))
        _ = stage.planned(6, 0..<mib)
        _ = stage.landed(6, .retryable(after: nil))
        #expect(
            stage.timerFires(at: Self.at(1.5)) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
    }

    @Test(
        "an answer is no failure",
        arguments: [
            FlightOutcome.failed(.status(404)), .failed(.unsatisfiable(completeLength: 5)),
            .failed(.changed), .failed(.bypass),
        ])
    mutating func answers(_ answer: FlightOutcome) {
        for id in UInt64(1)...4 { fails(id) }
        fails(5, answer)
        for id in UInt64(6)...9 { fails(id) }
        #expect(breaker?.isClosed == true)
        fails(10)
        #expect(breaker?.isClosed == false)
    }

    @Test("a disk that refuses and a flight that is cancelled say nothing of the origin")
    mutating func silence() {
        for id in UInt64(1)...4 { fails(id) }
        fails(5, .failed(.store))
        stage.flies(6, 0..<mib, flight: 6, isWaiting: false, entry: 6)
        _ = stage.leaves(6)
        _ = stage.landed(6, .retryable(after: nil))
        #expect(breaker?.failures == 4)
    }

    @Test(
        "a certificate that is not trusted is told at once, and is neither an outage nor an answer")
    mutating func badCertificate() {
        for id in UInt64(1)...4 { fails(id) }
        for id in UInt64(5)...16 {
            let flight = stage.scheduler.nextFlight
            stage.flies(id, 0..<mib, flight: flight, entry: id)
            #expect(stage.landed(flight, .failed(.badCertificate)) == [.fail(id, .badCertificate)])
        }
        #expect(breaker?.failures == 4)
        #expect(stage.scheduler.demandCount == 0)
    }

    @Test("bytes start the count anew")
    mutating func bytes() {
        for id in UInt64(1)...4 { fails(id) }
        stage.flies(5, 0..<mib, flight: 5, isWaiting: false, entry: 5)
        _ = stage.advanced(5, to: 4096)
        _ = stage.landed(5, .retryable(after: nil))
        #expect(breaker?.failures == 0)
    }

    @Test("a probe that finds all on disk, or is cancelled, makes room for the next")
    mutating func idleProbe() {
        for id in UInt64(1)...5 { fails(id) }
        _ = stage.enters(6, 0..<mib, entry: 6)
        _ = stage.enters(7, 0..<mib, entry: 7)
        _ = stage.enters(8, 0..<mib, entry: 8)
        _ = stage.timerFires(at: Self.at(0.5))
        #expect(stage.planned(6, nil) == [.wake(6), .plan(7, at: 0, searchEnd: mib, entry: 7)])
        #expect(stage.leaves(7) == [.cancel(7)])
        #expect(stage.landed(7) == [.plan(8, at: 0, searchEnd: mib, entry: 8)])
    }

    @Test("a waiting reader takes the place of a probe that nobody waits for")
    mutating func urgentProbe() {
        for id in UInt64(1)...5 { fails(id) }
        _ = stage.enters(6, 0..<8 * mib, level: .medium, isWaiting: false, entry: 6)
        _ = stage.timerFires(at: Self.at(0.5))
        #expect(stage.enters(7, 0..<mib, entry: 7) == [.cancel(6)])
        #expect(stage.landed(6) == [.plan(7, at: 0, searchEnd: mib, entry: 7)])
    }

    @Test("no second request runs beside a probe, or during the pause")
    mutating func noHedge() {
        stage.flies(9, 0..<mib, flight: 1, entry: 9)
        for id in UInt64(1)...5 { fails(id) }
        #expect(stage.overdue(9) == [])
    }

    @Test("of Retry-After and the breaker's pause the later end counts")
    mutating func merged() {
        for id in UInt64(1)...4 { fails(id) }
        fails(5, .retryable(after: .seconds(7)))
        #expect(stage.enters(5, 0..<mib, entry: 5) == [])
        #expect(stage.timerFires(at: Self.at(1)) == [.timer(.seconds(7))])
    }

    @Test("an answer to a request that was out ends the pause of everybody")
    mutating func straggler() {
        stage.flies(9, 0..<mib, flight: 1, entry: 9)
        for id in UInt64(1)...5 { fails(id) }
        _ = stage.enters(10, 0..<mib, entry: 10)
        #expect(
            stage.advanced(1, to: 4096) == [
                .wake(9), .plan(7, at: 0, searchEnd: mib, entry: 10),
            ])
    }
}
