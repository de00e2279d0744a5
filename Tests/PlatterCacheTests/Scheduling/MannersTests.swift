import PlatterCore
import Testing

@testable import PlatterCache

@Suite("How many retries and requests at once an origin gets")
struct MannersTests {
    var stage = Stage()

    @Test("ten retries at once, then one for five successes")
    func budget() {
        var budget = RetryBudget(burst: 10, percent: 20)
        #expect(Self.taken(&budget) == 10)
        for _ in 0..<4 { budget.succeeded() }
        #expect(Self.taken(&budget) == 0)
        budget.succeeded()
        #expect(Self.taken(&budget) == 1)
        for _ in 0..<1000 { budget.succeeded() }
        #expect(Self.taken(&budget) == 10)
    }

    private static func taken(_ budget: inout RetryBudget) -> Int {
        var count = 0
        while count < 2 << 20, budget.take() { count += 1 }
        return count
    }

    @Test("absurd budgets do not trap")
    func absurd() {
        var none = RetryBudget(burst: -1, percent: .min)
        none.succeeded()
        #expect(Self.taken(&none) == 0)
        var many = RetryBudget(burst: .max, percent: .max)
        many.succeeded()
        #expect(Self.taken(&many) == 1 << 20)
    }

    @Test("prefetches that fail end at once when the budget of their origin is spent")
    mutating func spent() {
        var limits = FetchLimits()
        (limits.retryBurst, limits.failuresToOpen, limits.perOrigin) = (2, 100, 5)
        stage = Stage(limits: limits)
        for id in UInt64(1)...3 {
            stage.flies(id, 0..<mib, flight: id, level: .medium, isWaiting: false, entry: id)
            let failed = stage.landed(id, .retryable(after: nil)).contains(.fail(id, .unreachable))
            #expect(failed == (id == 3))
        }
    }

    @Test("a reader that waits is tried again without a budget")
    mutating func waiting() {
        var limits = FetchLimits()
        limits.retryBurst = 0
        stage = Stage(limits: limits)
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.landed(1, .retryable(after: nil)) == [.timer(.milliseconds(250))])
    }

    @Test("half as many at once after a complaint, one more for each run of successes")
    func additiveIncrease() {
        var limit = ConcurrencyLimit()
        limit.slowDown(startedAt: .start, full: 8, now: Moment(nanoseconds: 10))
        #expect(limit.value(full: 8) == 4)
        // It was out when the first complaint came.
        limit.slowDown(startedAt: Moment(nanoseconds: 9), full: 8, now: Moment(nanoseconds: 11))
        #expect(limit.value(full: 8) == 4)
        limit.slowDown(startedAt: Moment(nanoseconds: 10), full: 8, now: Moment(nanoseconds: 20))
        #expect(limit.value(full: 8) == 2)
        let values = (0..<10).map { _ in
            limit.succeeded(full: 8)
            return limit.value(full: 8)
        }
        #expect(values == [2, 3, 3, 3, 4, 4, 4, 4, 5, 5])
        for _ in 0..<20 { limit.succeeded(full: 8) }
        #expect(limit == ConcurrencyLimit())
    }

    @Test("never less than one, and all again after a minute")
    func expiry() {
        var limit = ConcurrencyLimit()
        for second in Int64(0)..<3 {
            let now = Moment(nanoseconds: second)
            limit.slowDown(startedAt: now, full: 3, now: now)
        }
        #expect(limit.value(full: 3) == 1)
        limit.expire(after: .seconds(60), now: Moment(nanoseconds: 60_000_000_001))
        #expect(limit.value(full: 3) == 1)
        limit.expire(after: .seconds(60), now: Moment(nanoseconds: 60_000_000_002))
        #expect(limit.value(full: 3) == 3)
    }

    @Test("a complaint without Retry-After counts as well, and its pause is that of the entry")
    mutating func complaint() {
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.landed(1, .throttled(after: nil)) == [.timer(.milliseconds(250))])
        #expect(stage.enters(2, 0..<mib, entry: 2).count == 1)
        #expect(stage.enters(3, 0..<mib, entry: 3) == [])
        _ = stage.planned(2, 0..<mib)
        _ = stage.advanced(2, to: mib)
        #expect(stage.landed(2) == [.plan(3, at: 0, searchEnd: mib, entry: 3)])
        #expect(stage.enters(4, 0..<mib, entry: 4).count == 1)
        #expect(stage.enters(5, 0..<mib, entry: 5) == [])
    }

    @Test("a reader at an origin that asked for less stops all that keep it from a slot")
    mutating func excess() {
        var limits = FetchLimits()
        limits.perOrigin = 4
        stage = Stage(limits: limits)
        for id in UInt64(1)...3 {
            stage.flies(id, 0..<8 * mib, flight: id, isWaiting: false, entry: id)
            _ = stage.advanced(id, to: 64 * kib, near: 1)
        }
        stage.flies(4, 0..<mib, flight: 4, entry: 4)
        _ = stage.landed(4, .throttled(after: nil))
        // Three are out and two may be.
        #expect(stage.enters(5, 0..<mib, entry: 5) == [.cancel(3), .cancel(2)])
        #expect(stage.landed(3) == [])
        #expect(stage.landed(2) == [.plan(5, at: 0, searchEnd: mib, entry: 5)])
    }
}
