import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Why an origin brings nothing")
struct TroubleTests {
    var stage = Stage()
    private let origin = OriginID("a")

    @Test("the last trouble is remembered until the origin answers")
    mutating func untilAnswered() {
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == nil)
        stage.flies(1, 0..<mib, flight: 1)
        stage.scheduler.note(.unreachable, of: origin)
        _ = stage.landed(1, .retryable(after: nil))
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == .unreachable)
        stage.scheduler.note(.status(503), of: origin)
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == .status(503))
        #expect(stage.scheduler.trouble(of: OriginID("b"), now: stage.now) == nil)
        stage.flies(2, 0..<mib, flight: 2, entry: 2)
        _ = stage.advanced(2, to: 1000)
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == nil)
    }

    @Test("a request that hangs is late, whatever the one before it died of")
    mutating func hangs() {
        stage.scheduler.note(.unreachable, of: origin)
        stage.flies(1, 0..<mib, flight: 1)
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == .unreachable)
        let later = stage.now.advanced(by: FetchLimits().silence)
        #expect(stage.scheduler.trouble(of: origin, now: later) == .timedOut)
        #expect(stage.scheduler.trouble(of: OriginID("b"), now: later) == nil)
        _ = stage.landed(1, .retryable(after: nil))
        #expect(stage.scheduler.trouble(of: origin, now: later) == .unreachable)
    }

    @Test("a refusal is an answer", arguments: [FetchFailure.status(404), .bypass])
    mutating func refusal(failure: FetchFailure) {
        stage.flies(1, 0..<mib, flight: 1)
        stage.scheduler.note(.timedOut, of: origin)
        _ = stage.landed(1, .failed(failure))
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == nil)
    }

    @Test("a passage that is answered ends it too")
    mutating func passage() {
        let (id, _) = stage.scheduler.ask(
            CacheKey("film"), at: origin, deadline: stage.now.advanced(by: .seconds(10)),
            now: stage.now)
        stage.scheduler.note(.unreachable, of: origin)
        _ = stage.scheduler.passed(id, .answered, jitter: 0, now: stage.now)
        #expect(stage.scheduler.trouble(of: origin, now: stage.now) == nil)
    }
}
