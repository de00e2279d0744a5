import HTTPTypes
import PlatterHTTP
import PlatterOrigin
import Testing

@testable import PlatterCache

@Suite("A question that goes past the store")
struct PassageQuestionTests {
    private let stage = PassageStage()

    @Test("is asked for one byte, and once")
    func once() throws {
        let player = try stage.wonders("/film", at: 1000)
        #expect(stage.call("/film")?.request.range == .from(1000, upTo: 1001))
        stage.answers(stage.call("/film"), 500)
        #expect(player.ending == .unavailable)
        stage.passes(.seconds(60))
        #expect(stage.asked.isEmpty)
        #expect(player.status == nil)
        #expect(stage.gate.counts == (0, 0))
    }

    @Test("has no answer when none comes in time")
    func late() throws {
        let player = try stage.wonders("/film", at: 1000)
        stage.passes(.seconds(10))
        #expect(player.ending == .unavailable)
        #expect(stage.asked.isEmpty)
    }

    @Test("would wait while the origin wants a pause")
    func paused() throws {
        let film = try stage.resource("/film")
        #expect(!stage.queue.keepsWaiting(film))
        let player = try stage.wonders("/film", at: 1000)
        stage.answers(stage.call("/film"), 503, [.retryAfter: "20"])
        #expect(player.ending == .unavailable)
        #expect(stage.queue.keepsWaiting(film))
        stage.passes(.seconds(20))
        #expect(!stage.queue.keepsWaiting(film))
    }

    @Test(
        "would wait while an origin that fails has a pause, and for the one that tries it after that"
    )
    func spared() throws {
        let film = try stage.resource("/film")
        for _ in 0..<FetchLimits().failuresToOpen {
            #expect(!stage.queue.keepsWaiting(film))
            _ = try stage.wonders("/film", at: 1000)
            stage.answers(stage.call("/film"), 500)
        }
        #expect(stage.queue.keepsWaiting(film))
        stage.passes(.seconds(2))
        #expect(!stage.queue.keepsWaiting(film))
        let player = try stage.wonders("/film", at: 1000)
        #expect(stage.queue.keepsWaiting(film))
        stage.answers(stage.call("/film"), 416)
        #expect(player.status == 416)
        #expect(!stage.queue.keepsWaiting(film))
    }
}
