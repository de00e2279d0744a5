import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins whose film seems to change", .serialized, .timeLimit(.minutes(5)))
struct OriginPageTests {
    private static let page = "<!doctype html><p>Please sign in.</p>"

    // MARK: Pages and codings

    @Test(
        "a page in the middle is no part of the film",
        arguments: ["text/html", "application/json", "application/problem+json", "text/xml"],
        [200, 206])
    func page(type: String, status: Int) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            let vice: Vice =
                status == 206
                ? .head(.contentType(type))
                : .answers(CannedAnswer(status: 200, contentType: type, body: Self.page))
            stage.origin.behave(vice, times: 1)
            try await stage.expectRange(2_000_000..<3_000_000)
            try await stage.expectStored(0..<100_000)
            try await stage.expectStored(2_000_000..<3_000_000)
        }
    }

    @Test("a page at the start is passed on and not stored")
    func pageFirst() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.errorPage)
            let (head, body) = try await stage.get("bytes=0-99999")
            #expect(head.status == 200)
            #expect(head["content-type"] == "text/html")
            #expect(!body.isEmpty)
            #expect(try await !stage.isKnown())
        }
    }

    @Test(
        "a coded answer in the middle is not used, also when its tag says so",
        arguments: ["gzip", "br", "identity, gzip", "x y"], [false, true])
    func coded(coding: String, hasOwnTag: Bool) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(.head(.contentCoding(coding)), times: 1)
            if hasOwnTag { stage.origin.behave(.validator(.version(1, bytes: false)), times: 1) }
            try await stage.expectRange(2_000_000..<3_000_000)
            try await stage.expectStored(0..<100_000)
            try await stage.expectStored(2_000_000..<3_000_000)
        }
    }

    @Test("an origin that always codes is passed through as it is, and nothing is stored")
    func alwaysCoded() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.head(.contentCoding("gzip")))
            for _ in 0..<2 {
                let (head, body) = try await stage.get("bytes=1000-1999")
                #expect(head.status == 206)
                #expect(head["content-encoding"] == "gzip")
                stage.expect(body, are: 1000..<2000)
            }
            #expect(try await !stage.isKnown())
        }
    }
}
