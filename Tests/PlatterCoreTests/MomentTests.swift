import PlatterCore
import Testing

@Suite("Moments")
struct MomentTests {
    @Test("the time between two moments is never negative, and clamped where it does not fit")
    func since() {
        let (first, last) = (Moment(nanoseconds: .min), Moment(nanoseconds: .max))
        #expect(Moment(nanoseconds: 5).since(Moment(nanoseconds: 2)) == .nanoseconds(3))
        #expect(Moment(nanoseconds: 2).since(Moment(nanoseconds: 5)) == .zero)
        #expect(last.since(first) == .nanoseconds(Int64.max))
        #expect(first.since(last) == .zero)
        #expect(first.since(Moment(nanoseconds: 1)) == .zero)
    }
}
