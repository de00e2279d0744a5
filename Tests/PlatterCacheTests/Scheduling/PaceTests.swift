import Testing

@testable import PlatterCache

@Suite("What a connection brings, by what it has brought")
struct PaceTests {
    @Test("a first burst says nothing")
    func burst() {
        #expect(Pace.measured(128 * kib, seconds: 0.3, roundTrip: 0.1) == .unknown)
        #expect(Pace.measured(64 * mib, seconds: 0.02, roundTrip: 0.1) == .unknown)
    }

    @Test("what comes in less than a tenth of a second is only a guess")
    func guess() {
        let pace = Pace.measured(mib, seconds: 0.0625, roundTrip: 0.125)
        #expect(!pace.isMeasured)
        #expect(pace.handover == 2 * mib)
    }

    @Test("then it is a rate")
    func rate() {
        let pace = Pace.measured(mib, seconds: 0.25, roundTrip: 0.25)
        #expect(pace == Pace(handover: mib, near: 3 * mib / 2, soon: 2 * mib))
    }

    @Test("a few bytes in half a second are a rate too: else a drip would never be slow")
    func drip() {
        let pace = Pace.measured(1000, seconds: 0.5, roundTrip: 0.125)
        #expect(pace == Pace(handover: 250, near: 375, soon: 1000))
    }
}
