import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Bytes per second")
struct BandwidthLimitTests {
    @Test("so many may take bytes that none waits until its connection breaks")
    func takers() {
        #expect(BandwidthLimit.mostTakers(6, bytesPerSecond: nil) == 6)
        #expect(BandwidthLimit.mostTakers(6, bytesPerSecond: 256 << 10) == 3)
        #expect(BandwidthLimit.mostTakers(6, bytesPerSecond: 512 << 10) == 6)
        #expect(BandwidthLimit.mostTakers(64, bytesPerSecond: .max) == 64)
        #expect(BandwidthLimit.mostTakers(6, bytesPerSecond: 1) == 1)
    }

    private static let second = Moment(nanoseconds: 1_000_000_000)

    @Test("without limits nobody pauses")
    func off() {
        var limit = BandwidthLimit()
        #expect(limit.isOff)
        #expect(limit.take(.max, isBackground: true, now: .start) == .zero)
    }

    @Test("a quarter of a second passes at once, what is more is paused for")
    func burst() {
        var limit = BandwidthLimit(bytesPerSecond: 1000)
        #expect(limit.take(250, isBackground: false, now: .start) == .zero)
        #expect(limit.take(100, isBackground: false, now: .start) == .milliseconds(100))
        #expect(limit.take(100, isBackground: false, now: .start) == .milliseconds(200))
        #expect(limit.take(300, isBackground: false, now: Self.second) == .milliseconds(50))
    }

    @Test("an hour of rest brings no more than the burst")
    func rest() {
        var limit = BandwidthLimit(bytesPerSecond: 1000)
        _ = limit.take(1, isBackground: false, now: .start)
        let later = Moment.start.advanced(by: .seconds(3600))
        #expect(limit.take(350, isBackground: false, now: later) == .milliseconds(100))
    }

    @Test("background waits for what others took, others only for its last piece")
    func background() {
        var limit = BandwidthLimit(bytesPerSecond: 1000, background: 100)
        #expect(limit.take(250, isBackground: true, now: .start) == .milliseconds(2250))
        #expect(limit.take(100, isBackground: false, now: .start) == .milliseconds(100))
        #expect(limit.take(5000, isBackground: false, now: .start) == .milliseconds(5100))
        #expect(limit.pause(isBackground: true, now: .start) == .milliseconds(5100))
    }

    @Test("background has a limit of its own where there is none for all")
    func backgroundAlone() {
        var limit = BandwidthLimit(background: 1000)
        #expect(limit.take(1 << 30, isBackground: false, now: .start) == .zero)
        #expect(limit.take(350, isBackground: true, now: .start) == .milliseconds(100))
    }

    @Test("background never gets more than all")
    func tooMuch() {
        var limit = BandwidthLimit(bytesPerSecond: 1000, background: .max)
        #expect(limit.take(350, isBackground: true, now: .start) == .milliseconds(100))
    }

    @Test("what a paused background taker owes is not owed by the reader who comes for its bytes")
    func promoted() {
        var limit = BandwidthLimit(bytesPerSecond: 1000, background: 1)
        #expect(limit.take(350, isBackground: true, now: .start) > .seconds(300))
        #expect(limit.pause(isBackground: false, now: .start) == .milliseconds(100))
    }

    @Test("a million single bytes take as long as a million bytes", arguments: [3, 7, 999_983])
    func drift(rate: Int64) {
        let count = 1_000_000
        var (small, large) = (
            BandwidthLimit(bytesPerSecond: rate), BandwidthLimit(bytesPerSecond: rate)
        )
        for _ in 0..<count { _ = small.take(1, isBackground: false, now: .start) }
        #expect(
            small.pause(isBackground: false, now: .start)
                == large.take(count, isBackground: false, now: .start))
    }

    @Test("absurd rates, sizes and clocks do not trap", arguments: UInt64(0)..<200)
    func extremes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func number() -> Int64 {
            random.pick([.min, .min + 1, -1, 0, 1, 1 << 30, 1 << 62, .max - 1, .max]) ?? 0
        }
        var limit = BandwidthLimit(bytesPerSecond: number(), background: number())
        for _ in 0..<40 {
            let pause = limit.take(
                Int(number()), isBackground: random.once(in: 2),
                now: Moment(nanoseconds: number()))
            #expect(pause >= .zero)
        }
    }

    @Test("2^62 bytes a second are no limit, and 1 is one")
    func scale() {
        var fast = BandwidthLimit(bytesPerSecond: 1 << 62)
        #expect(fast.take(1 << 40, isBackground: false, now: .start) == .zero)
        var slow = BandwidthLimit(bytesPerSecond: 1)
        #expect(slow.take(86_400, isBackground: false, now: .start) == .seconds(86_399.75))
    }

    @Test("an hour of random takers keeps the limits and uses them", arguments: UInt64(0)..<40)
    func hour(seed: UInt64) {
        var hour = Hour(seed: seed)
        hour.run()
        #expect(hour.flaw == nil, "seed \(seed)")
    }

    @Test("takers of equal pieces get equal shares")
    func fair() {
        var limit = BandwidthLimit(bytesPerSecond: 1 << 20)
        var takers = [Int](repeating: 0, count: 7)
        var next = [Moment](repeating: .start, count: 7)
        for _ in 0..<7000 {
            let turn = next.indices.min { (next[$0], $0) < (next[$1], $1) } ?? 0
            takers[turn] += 1
            let pause = limit.take(128 << 10, isBackground: false, now: next[turn])
            next[turn] = next[turn].advanced(by: pause)
        }
        #expect(takers.allSatisfy { (998...1002).contains($0) })
    }
}

/// Takers that always want more, for an hour or as long as 20,000 pieces last. They come back a little
/// late, as timers do.
private struct Hour {
    struct Taker {
        let isBackground: Bool
        let largest: Int64
        var next = Moment.start
        var taken: Int64 = 0
        var last: Int64 = 0
    }

    let rate: Int64
    let share: Int64
    var random: SplitMix64
    var limit: BandwidthLimit
    var takers: [Taker] = []
    var flaw: String?

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        rate = (1 << (8 + random.below(22))) + random.below(1000)
        share = max(1, rate / (2 + random.below(9)))
        limit = BandwidthLimit(bytesPerSecond: rate, background: share)
        for index in 0..<(2 + random.below(9)) {
            takers.append(
                Taker(
                    isBackground: index % 2 == 1,
                    largest: 1 + random.below(min(256 << 10, max(1, rate)))))
        }
    }

    mutating func run() {
        var now = Moment.start
        for _ in 0..<20_000 where flaw == nil {
            let index = takers.indices.min { (takers[$0].next, $0) < (takers[$1].next, $1) } ?? 0
            guard takers[index].next.nanoseconds < 3600 * 1_000_000_000 else { break }
            now = takers[index].next
            take(index, now)
        }
        let seconds = now.since(.start).inSeconds
        let all = Double(sum { _ in true })
        if all < 0.95 * Double(rate) * seconds - pieces {
            flaw = "\(all) in \(seconds) s is too little"
        }
        let foreground = Double(sum { !$0.isBackground })
        if foreground < 0.95 * Double(rate - share) * seconds - pieces {
            flaw = "\(foreground) in \(seconds) s is too little for what matters"
        }
    }

    private mutating func take(_ index: Int, _ now: Moment) {
        let bytes = 1 + random.below(takers[index].largest)
        let pause = limit.take(Int(bytes), isBackground: takers[index].isBackground, now: now)
        takers[index].taken += bytes
        takers[index].last = bytes
        let lateness = pause > .zero ? Duration.nanoseconds(random.below(2_000_000)) : .zero
        takers[index].next = now.advanced(by: pause + lateness)
        let seconds = now.since(.start).inSeconds + 0.25
        if Double(sum { _ in true }) > Double(rate) * seconds + pieces { flaw = "too much for all" }
        if Double(sum { $0.isBackground }) > Double(share) * seconds + pieces {
            flaw = "too much for background"
        }
        if !takers[index].isBackground, pause.inSeconds > pieces / Double(rate) + 1e-6 {
            flaw = "more than a piece of each taker is waited for"
        }
    }

    /// The last piece of each.
    private var pieces: Double { Double(takers.reduce(0) { $0 + $1.last }) }

    private func sum(_ counts: (Taker) -> Bool) -> Int64 {
        takers.reduce(0) { counts($1) ? $0 + $1.taken : $0 }
    }
}
