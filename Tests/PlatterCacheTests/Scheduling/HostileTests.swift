import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Events that make no sense")
struct HostileTests {
    @Test("events about unknown ids are ignored")
    func unknown() {
        var stage = Stage()
        #expect(stage.waits(1, at: 0, upTo: 1) == [])
        #expect(stage.moves(1, 0..<1) == [])
        #expect(stage.leaves(1) == [])
        #expect(stage.overdue(1) == [])
        #expect(stage.movedOn("a", newest: 1) == [])
        #expect(stage.planned(1, 0..<1) == [])
        #expect(stage.opened(1, 0..<1) == [])
        #expect(stage.advanced(1, to: 1) == [])
        #expect(stage.landed(1) == [])
        #expect(stage.recorded(1) == [])
        #expect(stage.scheduler.timer(now: .start) == [])
    }

    @Test("an id in use is not taken over")
    func registeredTwice() {
        var stage = Stage()
        _ = stage.enters(1, 0..<mib)
        #expect(stage.enters(1, 0..<mib, entry: 2) == [])
        #expect(!stage.scheduler.knows(EntryHandle(2)))
    }

    @Test("limits of nothing count as one")
    func noLimits() {
        var limits = FetchLimits()
        (limits.total, limits.perOrigin, limits.alignment) = (0, -1, 0)
        var stage = Stage(limits: limits)
        #expect(stage.enters(1, 0..<10) == [.plan(1, at: 0, searchEnd: 10, length: 10)])
        #expect(stage.planned(1, 0..<Int64.max) == [.fly(1, 0..<10)])
    }

    @Test("no number traps, and no promise breaks", arguments: UInt64(0)..<1000)
    func extremes(seed: UInt64) {
        var chaos = Chaos(seed: seed)
        for _ in 0..<40 { chaos.step() }
        #expect(chaos.stage.scheduler.violation(now: chaos.stage.now) == nil)
    }
}

/// Random events with the numbers that arithmetic fears most.
private struct Chaos {
    var random: SplitMix64
    var stage = Stage()

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    private mutating func number() -> Int64 {
        random.pick([.min, .min + 1, -1, 0, 1, 65_535, 65_536, mib, .max - 1, .max]) ?? 0
    }

    private mutating func range() -> ByteRange {
        let (one, other) = (number(), number())
        return min(one, other)..<max(one, other)
    }

    private mutating func duration() -> Duration {
        .nanoseconds(number()) * (random.once(in: 2) ? 1 : 1_000_000)
    }

    mutating func step() {
        let (demand, flight) = (UInt64(random.below(4)), UInt64(1 + random.below(8)))
        if random.once(in: 8) { stage.now = Moment(nanoseconds: number()) }
        switch random.below(10) {
        case 0...1:
            let isWaiting = random.once(in: 2)
            _ = stage.enters(
                demand, range(), stride: number(), level: random.pick([.low, .high]) ?? .high,
                isWaiting: isWaiting, suffix: random.once(in: 3) ? number() : nil,
                length: random.once(in: 2) ? number() : nil)
        case 2: _ = stage.waits(demand, at: number(), upTo: number(), stride: number())
        case 3: _ = stage.moves(demand, range(), stride: number())
        case 4: _ = random.once(in: 2) ? stage.leaves(demand) : stage.overdue(demand)
        case 5: _ = stage.planned(flight, random.once(in: 4) ? nil : range())
        case 6: _ = stage.opened(flight, range(), length: number())
        case 7: _ = stage.advanced(flight, to: number(), handover: number())
        case 8:
            let outcome: FlightOutcome = random.once(in: 2) ? .ended : .retryable(after: duration())
            _ = stage.landed(flight, outcome, jitter: .infinity)
        default: _ = random.once(in: 2) ? stage.recorded(flight) : stage.timerFires(at: stage.now)
        }
        _ = stage.scheduler.landedEnd(of: EntryHandle(1), at: number())
    }
}
