import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Paths as players send them", .timeLimit(.minutes(2)))
struct TargetTests {
    /// Names in Latin 1, broken UTF-8, what Foundation would encode, and what it would decode.
    private static let targets = [
        "/films/caf%E9.mkv", "/%80.mp4", "/a/%ff%fe/b.mp4", "/%C3.mp4", "/%ED%A0%80.mp4",
        "/caf%C3%A9.mkv", "/a%2Fb.mp4", "/a%00b.mp4", "/a|b[1]^{2}`.mp4", "/a%7Cb.mp4", "/50%.mp4",
        "//double//slash.mp4", "/film.mp4;v=1", "/film.mp4?x=%E9&y=|", "/film.mp4?", "/caf%E9?x=1",
    ]

    @Test("the origin is asked for what the player asked for, byte for byte", arguments: targets)
    func target(_ target: String) async throws {
        try await Stage.run { stage in
            stage.origin.serve(.ramp(length: 1000, seed: 3, entityTag: "\"root\""), at: "/")
            stage.serveFilm(at: target)
            let (head, body) = try await stage.get("bytes=0-", path: target)
            #expect(head.status == 206)
            stage.expect(body, are: 0..<2000, of: RampContent(length: 2000, seed: 7))
            #expect(stage.origin.ledger.log.map(\.target) == [target])
        }
    }

    @Test("where a redirect leads, too")
    func redirected() async throws {
        try await Stage.run { stage in
            let target = "/latin/caf%E9.mp4"
            stage.serveFilm(at: target)
            stage.origin.behave(.redirects(to: target), at: Stage.path)
            let (head, body) = try await stage.get("bytes=0-")
            #expect(head.status == 206)
            stage.expect(body, are: 0..<2000, of: RampContent(length: 2000, seed: 7))
        }
    }

    @Test("a registered URL, and a field of the name that carries the target in the process")
    func registered() async throws {
        try await Stage.run { stage in
            let target = "/films/caf%E9.mkv"
            stage.serveFilm(at: target)
            let local = try stage.platter.localURL(
                for: stage.origin.baseURL + target,
                headers: [("Platter-Request-Target", "/elsewhere")])
            let path = String(local.dropFirst(stage.platter.baseURL.count))
            let (head, body) = try await stage.get("bytes=0-", path: path)
            #expect(head.status == 206)
            stage.expect(body, are: 0..<2000, of: RampContent(length: 2000, seed: 7))
        }
    }
}

extension Stage {
    fileprivate func serveFilm(at target: String) {
        origin.serve(
            .ramp(length: 2000, seed: 7, entityTag: "\"film\""),
            at: OriginRequest(target: target).path)
    }
}
