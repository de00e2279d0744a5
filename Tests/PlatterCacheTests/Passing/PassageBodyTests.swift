import HTTPTypes
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import Testing

@testable import PlatterCache

@Suite("A body that goes past the store and breaks off")
struct PassageBodyTests {
    private static let length = Int(PassageStage.length)
    private let stage = PassageStage()

    /// Somebody asks for all of a film, and gets the first 100,000 bytes of it.
    private func begins(tag: String = "\"v1\"") throws -> PassageStage.Player {
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"), tag: tag)
        stage.sends(stage.call("/1"), 100_000)
        return player
    }

    @Test("a body that stalls goes on over another connection, at the very byte")
    func stalled() throws {
        let player = try begins()
        stage.passes(.seconds(9))
        #expect(stage.call("/1")?.request.range == nil)
        stage.passes(.seconds(1))
        #expect(stage.call("/1")?.request.range == .from(100_000, upTo: PassageStage.length))
        #expect(stage.asked.count == 1)
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), Self.length - 100_000)
        stage.ends(stage.call("/1"))
        #expect(player.ending == .complete)
        #expect(player.bytes.count == Self.length)
    }

    @Test(
        "it is told of once that something comes, of each answer that brings nothing, and of no leaving"
    )
    func reports() throws {
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), 65_535)
        #expect(stage.origin.reports == [])
        stage.sends(stage.call("/1"), 1)
        #expect(stage.origin.reports == ["delivered"])
        stage.breaks(stage.call("/1"))
        #expect(stage.origin.reports == ["delivered"])
        stage.answers(stage.call("/1"))
        stage.breaks(stage.call("/1"))
        #expect(stage.origin.reports == ["delivered", "broke off"])
        player.leave()
        stage.turn()
        let other = try stage.enters("/2")
        stage.answers(stage.call("/2"))
        stage.sends(stage.call("/2"), 10)
        other.leave()
        stage.turn()
        #expect(stage.origin.reports == ["delivered", "broke off"])
    }

    @Test("nor has one that cannot go on, and its origin is told of as good before the end")
    func reportsWithoutPromise() throws {
        let player = try stage.enters("/1")
        stage.answers(stage.call("/1"), 200, [.contentLength: "\(Self.length)"])
        stage.sends(stage.call("/1"), 100_000)
        #expect(stage.origin.reports == ["delivered"])
        stage.breaks(stage.call("/1"))
        #expect(player.ending == .short)
        #expect(stage.origin.reports == ["delivered"])
    }

    @Test("hope ends 30 s after the last byte")
    func lost() throws {
        let player = try begins()
        stage.passes(.milliseconds(29_900))
        #expect(player.ending == nil)
        stage.passes(.milliseconds(100))
        #expect(player.ending == .short)
        #expect(stage.asked.isEmpty)
        #expect(stage.gate.counts == (0, 0))
    }

    @Test("a long pause ends in time for a body that broke off")
    func longPauseInBody() throws {
        let player = try begins()
        stage.passes(.seconds(1))
        stage.breaks(stage.call("/1"))
        stage.answers(stage.call("/1"), 503, [.retryAfter: "3600"])
        // It gives up 30 s after the last byte.
        stage.passes(.milliseconds(23_999))
        #expect(stage.asked.isEmpty)
        stage.passes(.milliseconds(1))
        #expect(stage.call("/1")?.request.range == .from(100_000, upTo: PassageStage.length))
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), Self.length - 100_000)
        stage.ends(stage.call("/1"))
        #expect(player.ending == .complete)
    }

    @Test("without proof of a version a body that breaks off ends there")
    func unproven() throws {
        let player = try begins(tag: "W/\"v1\"")
        stage.breaks(stage.call("/1"))
        #expect(player.ending == .short)
    }

    @Test("bytes beyond what the head of a part says are of nothing")
    func beyond() throws {
        let player = try begins()
        stage.breaks(stage.call("/1"))
        stage.passes(.seconds(1))
        stage.answers(
            stage.call("/1"), 206,
            [
                .eTag: "\"v1\"", .contentType: "video/mp4",
                .contentRange: "bytes 100000-100099/\(PassageStage.length)",
            ])
        stage.sends(stage.call("/1"), 500)
        #expect(player.bytes.count == 100_100)
        #expect(stage.call("/1")?.request.range == .from(100_100, upTo: PassageStage.length))
        stage.answers(stage.call("/1"))
        stage.sends(stage.call("/1"), Self.length - 100_100)
        stage.ends(stage.call("/1"))
        #expect(player.ending == .complete)
        #expect(player.bytes.count == Self.length)
    }

    @Test("never a byte of another version")
    func changed() throws {
        let player = try begins()
        stage.breaks(stage.call("/1"))
        stage.answers(stage.call("/1"), tag: "\"v2\"")
        #expect(player.ending == .short)
        #expect(player.bytes.count == 100_000)
    }
}
