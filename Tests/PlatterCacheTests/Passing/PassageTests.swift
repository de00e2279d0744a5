import HTTPTypes
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import Testing

@testable import PlatterCache

@Suite("What goes past the store has manners")
struct PassageTests {
    private static let length = Int(PassageStage.length)

    private static func stage(
        perOrigin: Int = 2, total: Int = 3, bandwidth: Int64? = nil
    ) -> PassageStage {
        var limits = PassageSlots.Limits()
        (limits.perOrigin, limits.total, limits.own) = (perOrigin, total, 0)
        return PassageStage(limits: limits, bandwidth: bandwidth)
    }

    // MARK: - Slots

    @Test("an origin is asked for no more than it has slots, in the order of the players")
    func slots() throws {
        let stage = Self.stage()
        let players = try ["/1", "/2", "/3", "/4"].map { try stage.enters($0) }
        #expect(stage.asked == ["/1", "/2"])
        stage.answers(stage.call("/2"))
        stage.sends(stage.call("/2"), Self.length)
        #expect(stage.asked == ["/1", "/2"])
        stage.ends(stage.call("/2"))
        #expect(players[1].ending == .complete)
        #expect(stage.asked == ["/1", "/3"])
        players[0].leave()
        stage.turn()
        #expect(stage.asked == ["/3", "/4"])
    }

    @Test("an origin that hangs with all its slots keeps nobody from another")
    func otherOrigin() throws {
        let stage = Self.stage()
        for path in ["/1", "/2", "/3", "/4"] { _ = try stage.enters(path) }
        let other = try stage.enters("/other", at: "b.example")
        stage.answers(stage.call("/other"))
        stage.sends(stage.call("/other"), Self.length)
        stage.ends(stage.call("/other"))
        #expect(other.ending == .complete)
        #expect(stage.asked == ["/1", "/2"])
    }

    @Test("who waits for a slot for too long gets no answer, and leaves the line")
    func overdue() throws {
        let stage = Self.stage(perOrigin: 1)
        let first = try stage.enters("/1")
        stage.answers(stage.call("/1"))
        let second = try stage.enters("/2")
        stage.sends(stage.call("/1"), 1000)
        stage.passes(.seconds(5))
        let third = try stage.enters("/3")
        stage.sends(stage.call("/1"), 1000)
        stage.passes(.milliseconds(4999))
        #expect(second.ending == nil)
        stage.passes(.milliseconds(1))
        #expect(second.ending == .crowded)
        #expect(stage.gate.counts == (1, 1))
        first.leave()
        stage.turn()
        #expect(stage.asked == ["/3"])
        #expect(third.ending == nil)
    }

    @Test("a player that leaves lets all go at once, whatever it waits for")
    func leaving() throws {
        let stage = Self.stage(perOrigin: 3)
        let players = try ["/asked", "/answered", "/paused", "/queued"].map {
            try stage.enters($0)
        }
        stage.answers(stage.call("/answered"))
        stage.answers(stage.call("/paused"), 503)
        #expect(stage.gate.counts == (3, 1))
        for player in players.reversed() {
            player.leave()
            stage.turn()
            #expect(player.ending != nil)
        }
        #expect(stage.gate.counts == (0, 0))
        #expect(stage.asked.isEmpty)
    }

    // MARK: - Bandwidth

    @Test("passed bytes count for the bandwidth of all, and wait for it")
    func bandwidth() throws {
        let stage = Self.stage(bandwidth: 1_000_000)
        _ = try stage.enters("/1")
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), 500_000)
        // A quarter of a second passes at once.
        #expect(stage.bandwidth.pause(isBackground: false) == .milliseconds(250))
        #expect(stage.call("/1")?.isAwaited == false)
        stage.passes(.milliseconds(249))
        #expect(stage.call("/1")?.isAwaited == false)
        stage.passes(.milliseconds(1))
        #expect(stage.call("/1")?.isAwaited == true)
        #expect(stage.bandwidth.pause(isBackground: false) == .zero)
    }

    @Test("the wait for bandwidth breaks nothing, however long it lasts")
    func longPause() throws {
        let stage = Self.stage(bandwidth: 10_000)
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), Self.length)
        stage.passes(.seconds(104))
        #expect(stage.call("/1")?.isAwaited == false)
        stage.passes(.seconds(1))
        #expect(stage.call("/1")?.isAwaited == true)
        stage.ends(stage.call("/1"))
        #expect(player.ending == .complete)
    }

    // MARK: - Before the head

    @Test("faults before the head are tried again, with pauses that grow")
    func faults() throws {
        let stage = Self.stage()
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"), 503)
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(250))
        stage.call("/1")?.refuse(.unreachable)
        stage.turn()
        stage.passes(.milliseconds(499))
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(1))
        stage.answers(stage.call("/1"))
        #expect(player.status == 200)
    }

    @Test("an origin is not asked again for as long as it says, by anybody")
    func retryAfter() throws {
        let stage = Self.stage(perOrigin: 3)
        _ = try stage.enters("/1")
        stage.answers(stage.call("/1"), 503, [.retryAfter: "4"])
        stage.passes(.seconds(1))
        _ = try stage.enters("/1")
        let other = try stage.enters("/1", at: "b.example")
        #expect(stage.asked == ["/1"])
        other.leave()
        stage.turn()
        stage.passes(.milliseconds(2999))
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(1))
        // The first one shows how it is now.
        #expect(stage.asked == ["/1"])
        stage.answers(stage.call("/1"))
        #expect(stage.asked == ["/1", "/1"])
    }

    @Test("what is asked of one URL keeps nobody from the others")
    func retryAfterOfOne() throws {
        let stage = Self.stage()
        let told = try stage.enters("/1")
        stage.answers(stage.call("/1"), 429, [.retryAfter: "600"])
        let other = try stage.enters("/2")
        stage.passes(.milliseconds(499))
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(1))
        #expect(stage.asked == ["/2"])
        stage.answers(stage.call("/2"))
        stage.sends(stage.call("/2"), Self.length)
        stage.ends(stage.call("/2"))
        #expect(other.ending == .complete)
        stage.passes(.milliseconds(9500))
        #expect(told.ending == .failed(status: 429, retryAfter: 600))
    }

    @Test("when two are told so, it is the origin that is left alone")
    func retryAfterOfAll() throws {
        let stage = Self.stage(perOrigin: 5)
        for path in ["/1", "/2"] {
            _ = try stage.enters(path)
            stage.passes(.milliseconds(500))
            stage.answers(stage.call(path), 429, [.retryAfter: "4"])
        }
        _ = try stage.enters("/3")
        stage.passes(.milliseconds(3499))
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(1))
        #expect(stage.asked.count == 1)
    }

    @Test("when the time is over, the last answer is the player's", arguments: [nil, "60"])
    func lastAnswer(retryAfter: String?) throws {
        let stage = Self.stage()
        let player = try stage.enters("/1")
        var tries = 0
        for _ in 0..<100 where player.ending == nil {
            if let call = stage.call("/1") {
                tries += 1
                stage.answers(call, 503, retryAfter.map { [.retryAfter: $0] } ?? [:])
            }
            stage.passes(.milliseconds(100))
        }
        #expect(
            player.ending == .failed(status: 503, retryAfter: retryAfter.flatMap { Int64($0) }))
        #expect(stage.clock.now <= Moment.start.advanced(by: .seconds(10)))
        #expect(retryAfter == nil ? tries > 5 : tries == 1)
        #expect(stage.gate.counts == (0, 0))
    }

    @Test("a refusal is passed on at once", arguments: [401, 403, 404, 410])
    func refusal(status: Int) throws {
        let stage = Self.stage()
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"), status)
        stage.ends(stage.call("/1"))
        #expect(player.status == status)
        #expect(player.ending == .complete)
    }

    @Test("a certificate that is not trusted is told at once, and keeps nobody from the next try")
    func badCertificate() throws {
        let stage = Self.stage()
        for number in 0..<20 {
            let player = try stage.enters("/\(number)")
            stage.call("/\(number)")?.refuse(.badCertificate)
            stage.turn()
            #expect(player.ending == .badCertificate)
        }
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"))
        #expect(player.status == 200)
    }

    @Test("an origin that is dead is spared, and asked by one at a time until it answers")
    func dead() throws {
        let stage = Self.stage(perOrigin: 20, total: 20)
        var players = try (0..<10).map { try stage.enters("/\($0)") }
        var calls = 0
        func refuseAll() {
            for call in stage.origin.calls {
                calls += 1
                call.refuse(.unreachable)
            }
            stage.turn()
        }
        refuseAll()
        #expect(calls == 10)
        for _ in 0..<80 {
            stage.passes(.milliseconds(100))
            #expect(stage.asked.count <= 1)
            refuseAll()
        }
        // Without a breaker each would have asked six times more.
        #expect(calls < 20)
        players.append(try stage.enters("/new"))
        for _ in 0..<30 where stage.asked.isEmpty { stage.passes(.milliseconds(100)) }
        #expect(stage.asked.count == 1)
        stage.answers(stage.origin.calls.first)
        stage.passes(.seconds(1))
        #expect(players.count { $0.ending == nil } > 1)
        #expect(stage.asked.count == players.count { $0.ending == nil })
    }
}
