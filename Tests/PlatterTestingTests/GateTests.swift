import PlatterCore
import PlatterTesting
import Testing

@Suite("Pacing, counted in bytes")
struct GateTests {
    /// Takes slots as fast as they come until `end`; a timer that is late by `lateness` fires each.
    private func bytes(
        _ gate: inout Gate, wanted: Int = 1 << 20, sharers: Int = 1, until end: Moment,
        lateness: Duration = .zero
    ) -> Int64 {
        var now = Moment.start
        var sum: Int64 = 0
        while now <= end {
            let slot = gate.slot(upTo: wanted, sharers: sharers, now: now)
            if slot.at > now { now = slot.at.advanced(by: lateness) }
            if now <= end { sum += Int64(slot.bytes) }
        }
        return sum
    }

    @Test(
        "ten seconds let ten times the rate through",
        arguments: [Int64(1), 7, 100, 4999, 5_000_000, 3_000_000_000])
    func rate(rate: Int64) {
        var gate = Gate(rate: rate)
        let sum = bytes(&gate, until: Moment(nanoseconds: 10_000_000_000))
        // One slice at the start, and what a gate may catch up on: at most 20 ms.
        let slice = min(max(1, rate / 100), Int64(Gate.largestSlice))
        #expect(sum >= rate * 10 - slice)
        #expect(sum <= rate * 10 + slice + rate / 50 + 1)
    }

    @Test("timers that are late cost no speed")
    func lateTimers() {
        var gate = Gate(rate: 10_000_000)
        let end = Moment(nanoseconds: 10_000_000_000)
        let sum = bytes(&gate, until: end, lateness: .milliseconds(7))
        #expect(sum > 99_500_000 && sum < 100_500_000)
    }

    @Test("idle time saves up no burst")
    func idle() {
        var gate = Gate(rate: 1_000_000)
        _ = gate.slot(upTo: 1, sharers: 1, now: .start)
        let later = Moment(nanoseconds: 3_600_000_000_000)
        var sum = 0
        while true {
            let slot = gate.slot(upTo: 1 << 20, sharers: 1, now: later)
            guard slot.at <= later else { break }
            sum += slot.bytes
        }
        #expect(sum <= 30_000)
    }

    @Test("slices are about 10 ms of the rate")
    func slices() {
        var gate = Gate(rate: 5_000_000)
        #expect(gate.slot(upTo: 1 << 20, sharers: 1, now: .start).bytes == 50_000)
    }

    @Test("connections share a slice, down to a floor")
    func sharing() {
        var gate = Gate(rate: 5_000_000)
        #expect(gate.slot(upTo: 1 << 20, sharers: 5, now: .start).bytes == 10_000)
        #expect(gate.slot(upTo: 1 << 20, sharers: 500, now: .start).bytes == 4096)
    }

    @Test("no slot is longer than what was wanted")
    func wanted() {
        var gate = Gate(rate: 5_000_000)
        #expect(gate.slot(upTo: 3, sharers: 1, now: .start).bytes == 3)
    }

    @Test("an open gate lets large slices through at once")
    func unlimited() {
        var gate = Gate(rate: nil)
        let now = Moment(nanoseconds: 5)
        for _ in 0..<3 {
            let slot = gate.slot(upTo: .max, sharers: 9, now: now)
            #expect(slot.bytes == Gate.largestSlice && slot.at == now)
        }
    }
}
