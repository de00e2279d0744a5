import PlatterCore
import PlatterHTTP
import PlatterOrigin
import Testing

@testable import PlatterCache

@Suite("What goes past the store over a connection that has died")
struct PassageRaceTests {
    private let stage = PassageStage()

    @Test("is asked for once more beside it, and the first answer is taken")
    func second() throws {
        let player = try stage.enters("/film")
        stage.passes(.milliseconds(4999))
        #expect(stage.asked == ["/film"])
        stage.passes(.milliseconds(1))
        #expect(stage.asked == ["/film", "/film"])
        stage.answers(stage.origin.calls.last)
        #expect(player.status == 200)
        // The other one is given up.
        #expect(stage.asked == ["/film"])
        let last = stage.origin.calls.last
        stage.sends(last, Int(PassageStage.length))
        stage.ends(last)
        #expect(player.ending == .complete)
        #expect(player.bytes.count == Int(PassageStage.length))
    }

    @Test("and the first one may still answer")
    func late() throws {
        let player = try stage.enters("/film")
        stage.passes(.seconds(7))
        #expect(stage.asked.count == 2)
        stage.answers(stage.origin.calls.first)
        #expect(player.status == 200)
        #expect(stage.asked.count == 1)
    }

    @Test("a refusal of the second connection says nothing", arguments: [403, 429, 503])
    func refused(status: Int) throws {
        let player = try stage.enters("/film")
        stage.passes(.seconds(5))
        stage.answers(stage.origin.calls.last, status)
        #expect(player.status == nil)
        stage.passes(.seconds(2))
        stage.answers(stage.origin.calls.first)
        #expect(player.status == 200)
    }

    @Test("but is what there is to say when the first one says nothing", arguments: [404, 401])
    func onlyRefused(status: Int) throws {
        let player = try stage.enters("/film")
        stage.passes(.seconds(5))
        stage.answers(stage.origin.calls.last, status)
        stage.origin.calls.first?.refuse(.unreachable)
        stage.turn()
        #expect(player.status == status)
    }

    @Test("one that fails before that is not waited for")
    func failed() throws {
        let player = try stage.enters("/film")
        stage.passes(.seconds(1))
        stage.origin.calls.first?.refuse(.unreachable)
        stage.turn()
        stage.passes(.seconds(1))
        #expect(stage.asked == ["/film"])
        stage.answers(stage.origin.calls.last)
        #expect(player.status == 200)
    }

    @Test("nobody is asked a third time, and nothing is left of one who leaves")
    func left() throws {
        let player = try stage.enters("/film")
        stage.passes(.milliseconds(9900))
        #expect(stage.asked.count == 2)
        player.leave()
        stage.turn()
        #expect(stage.asked.isEmpty)
        #expect(player.status == nil)
    }
}
