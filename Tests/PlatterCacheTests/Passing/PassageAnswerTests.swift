import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache

@Suite("The first answer of what goes past the store")
struct PassageAnswerTests {
    private let stage = PassageStage()

    @Test("a part that nobody asked for is asked for again once, and is nobody's")
    func partOfWhole() throws {
        let player = try stage.enters("/1")
        for pause in [250, 0] {
            stage.answers(stage.call("/1"), 206, [.contentRange: "bytes 0-99/1000"])
            #expect(player.status == nil)
            stage.passes(.milliseconds(pause))
        }
        #expect(player.ending == .invalid)
        #expect(player.bytes.isEmpty)
        #expect(stage.asked.isEmpty)
    }

    @Test("bytes of another place are nobody's, and the next answer may be right")
    func otherPlace() throws {
        let player = try stage.enters("/1", range: .from(1000, upTo: 2000))
        stage.answers(stage.call("/1"), 206, [.contentRange: "bytes 0-999/1048576"])
        #expect(player.status == nil)
        stage.passes(.milliseconds(250))
        stage.answers(stage.call("/1"), 206, [.contentRange: "bytes 1000-1999/1048576"])
        #expect(player.status == 206)
        stage.sends(stage.call("/1"), 1000)
        stage.ends(stage.call("/1"))
        #expect(player.ending == .complete)
        #expect(player.bytes.count == 1000)
    }

    @Test("a fault between two such answers is no excuse")
    func faultBetween() throws {
        let player = try stage.enters("/1", range: .from(1000, upTo: 2000))
        stage.answers(stage.call("/1"), 206)
        stage.passes(.milliseconds(250))
        stage.answers(stage.call("/1"), 503)
        stage.passes(.milliseconds(500))
        stage.answers(stage.call("/1"), 206)
        #expect(player.ending == .invalid)
    }
}
