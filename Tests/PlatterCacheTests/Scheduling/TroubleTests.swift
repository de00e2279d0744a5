import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Why an origin brings nothing")
struct TroubleTests {
    var stage = Stage()
    private let origin = OriginID("a")

    @Test("the last trouble is remembered until the origin answers")
    mutating func untilAnswered() {
        #expect(stage.scheduler.trouble(of: origin) == nil)
        stage.flies(1, 0..<mib, flight: 1)
        stage.scheduler.note(.unreachable, of: origin)
        _ = stage.landed(1, .retryable(after: nil))
        #expect(stage.scheduler.trouble(of: origin) == .unreachable)
        stage.scheduler.note(.status(503), of: origin)
        #expect(stage.scheduler.trouble(of: origin) == .status(503))
        #expect(stage.scheduler.trouble(of: OriginID("b")) == nil)
        stage.flies(2, 0..<mib, flight: 2, entry: 2)
        _ = stage.advanced(2, to: 1000)
        #expect(stage.scheduler.trouble(of: origin) == nil)
    }

    @Test("a refusal is an answer", arguments: [FetchFailure.status(404), .bypass])
    mutating func refusal(failure: FetchFailure) {
        stage.flies(1, 0..<mib, flight: 1)
        stage.scheduler.note(.timedOut, of: origin)
        _ = stage.landed(1, .failed(failure))
        #expect(stage.scheduler.trouble(of: origin) == nil)
    }

    @Test("a passage that is answered ends it too")
    mutating func passage() {
        let (id, _) = stage.scheduler.ask(
            CacheKey("film"), at: origin, deadline: stage.now.advanced(by: .seconds(10)),
            now: stage.now)
        stage.scheduler.note(.unreachable, of: origin)
        _ = stage.scheduler.passed(id, .answered, jitter: 0, now: stage.now)
        #expect(stage.scheduler.trouble(of: origin) == nil)
    }
}
