import PlatterCore
import Testing

@testable import PlatterCache

@Suite("A body that only drips")
struct MinimumRateTests {
    private static func at(_ seconds: Double) -> Moment {
        Moment(nanoseconds: Int64(seconds * 1e9))
    }

    /// The first second at which a body is too slow that brings `bytes` each second.
    private func verdict(_ bytes: (Int) -> Int, seconds: Int = 200) -> Int? {
        var rate = MinimumRate(start: .start)
        return (1...seconds).first { second in
            rate.add(bytes(second), now: Self.at(Double(second)))
            return rate.isTooSlow(now: Self.at(Double(second)))
        }
    }

    @Test("a byte each second is too slow after 30 s")
    func drip() { #expect(verdict { _ in 1 } == 30) }

    @Test("a KiB each second is enough, a little less is not")
    func border() {
        #expect(verdict { _ in 1024 } == nil)
        #expect(verdict { _ in 900 } == 30)
    }

    @Test("a burst counts for a window, at most a tenth longer")
    func burst() {
        let second = verdict { $0 == 1 ? 1 << 20 : 0 }
        #expect((31...34).contains(second ?? 0))
    }

    @Test("what comes in lumps is enough if it is enough in a window")
    func lumps() { #expect(verdict { $0 % 25 == 0 ? 30 << 10 : 0 } == nil) }

    @Test("a body that was fast and then drips is too slow within 34 s")
    func slowsDown() {
        let second = verdict { $0 < 60 ? 1 << 20 : 1 }
        #expect((89...93).contains(second ?? 0))
    }

    @Test("nothing at all for a window is too slow, however much came before")
    func gap() {
        var rate = MinimumRate(start: .start)
        rate.add(1 << 30, now: Self.at(1))
        #expect(!rate.isTooSlow(now: Self.at(30)))
        #expect(rate.isTooSlow(now: Self.at(40)))
    }

    @Test("time in which the taker takes nothing of its own accord does not count")
    func ownPauses() {
        var rate = MinimumRate(start: .start)
        for step in 1...10 {
            rate.wait(.seconds(20))
            let now = Self.at(Double(step) * 21)
            rate.add(1100, now: now)
            #expect(!rate.isTooSlow(now: now))
        }
        rate.wait(.seconds(1000))
        #expect(!rate.isTooSlow(now: Self.at(1000)))
    }

    @Test("0 turns it off, and another window counts as told")
    func settings() {
        var settings = MinimumRate.Settings()
        settings.bytesPerSecond = 0
        #expect(!MinimumRate(settings, start: .start).isTooSlow(now: Self.at(1e6)))
        settings.bytesPerSecond = 1
        settings.window = .seconds(2)
        let rate = MinimumRate(settings, start: .start)
        #expect(!rate.isTooSlow(now: Self.at(1.9)))
        #expect(rate.isTooSlow(now: Self.at(2)))
    }

    @Test("no number traps", arguments: UInt64(0)..<200)
    func extremes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func number() -> Int64 {
            random.pick([.min, .min + 1, -1, 0, 1, 1 << 30, .max - 1, .max]) ?? 0
        }
        var settings = MinimumRate.Settings()
        settings.bytesPerSecond = number()
        settings.window = .nanoseconds(number())
        var rate = MinimumRate(settings, start: Moment(nanoseconds: number()))
        for _ in 0..<30 {
            rate.add(Int(number()), now: Moment(nanoseconds: number()))
            rate.wait(.nanoseconds(number()))
            let isTooSlow = rate.isTooSlow(now: Moment(nanoseconds: number()))
            #expect(!isTooSlow || settings.bytesPerSecond > 0)
        }
    }
}
