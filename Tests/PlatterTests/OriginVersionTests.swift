import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins whose film changes, or seems to", .timeLimit(.minutes(1)))
struct OriginVersionTests {
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

    // MARK: Validators

    @Test("a film that loses its tag is another version")
    func tagLost() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 5, entityTag: "\"v1\""), at: Stage.path)
            stage.origin.behave(.validator(.noEntityTag))
            let next = RampContent(length: Stage.length, seed: 5)
            let (head, body) = try await stage.get("bytes=2000000-2999999")
            #expect(head["etag"] != "\"v1\"")
            stage.expect(body, are: 2_000_000..<3_000_000, of: next)
            stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000, of: next)
        }
    }

    @Test("a film that gets a tag is another version")
    func tagFound() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.noEntityTag))
            try await stage.expectRange(0..<100_000)
            stage.origin.clearBehaviours()
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 5, entityTag: "\"v1\""), at: Stage.path)
            let next = RampContent(length: Stage.length, seed: 5)
            let (head, body) = try await stage.get("bytes=2000000-2999999")
            #expect(head["etag"] == "\"v1\"")
            stage.expect(body, are: 2_000_000..<3_000_000, of: next)
            stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000, of: next)
        }
    }

    @Test(
        "a film of another length is another version, whatever its tag says",
        arguments: [4_000_000, 6_000_000] as [Int64], ["\"v1\"", "\"v2\""])
    func otherLength(length: Int64, tag: String) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.serve(.ramp(length: length, seed: 5, entityTag: tag), at: Stage.path)
            let next = RampContent(length: length, seed: 5)
            let (head, body) = try await stage.get("bytes=2000000-2999999")
            #expect(head["content-range"] == "bytes 2000000-2999999/\(length)")
            stage.expect(body, are: 2_000_000..<3_000_000, of: next)
            let whole = try await stage.get()
            #expect(whole.head["content-length"] == "\(length)")
            stage.expect(whole.body, are: 0..<length, of: next)
        }
    }

    @Test(
        "a film that grows or shrinks while it is read is cut off, and the next request has the new",
        arguments: [4_000_000, 6_000_000] as [Int64], ["\"v1\"", "\"v2\""])
    func otherLengthWhileRead(length: Int64, tag: String) async throws {
        try await Stage.run { stage in
            stage.origin.pace = Pace(bandwidth: 4_000_000)
            stage.origin.behave(.capsRange(400_000))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            let head = try await client.head()
            #expect(head["content-length"] == "5000000")
            stage.expect(try await client.read(300_000), are: 0..<300_000)
            stage.origin.serve(.ramp(length: length, seed: 5, entityTag: tag), at: Stage.path)
            let (rest, end) = await client.readToEnd()
            #expect(end == .finished)
            #expect(rest.count < 4_000_000)
            stage.expect(rest, are: 300_000..<300_000 + Int64(rest.count))
            stage.origin.clearBehaviours()
            stage.origin.pace = .unlimited
            let next = try await stage.get()
            #expect(next.head["content-length"] == "\(length)")
            stage.expect(next.body, are: 0..<length, of: RampContent(length: length, seed: 5))
        }
    }

    @Test("an origin that goes back and forth between two versions gives each response one of them")
    func flapping() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.changing(every: 1, versions: 2, bytes: true)))
            for start in [0, 1_000_000, 2_000_000, 3_000_000] as [Int64] {
                let (head, body) = try await stage.get("bytes=\(start)-\(start + 99_999)")
                #expect(head.status == 206)
                let seed = head["etag"] == "\"v1\"" ? 0 : 1
                #expect(head["etag"] == (seed == 0 ? "\"v1\"" : "\"v1-v1\""))
                stage.expect(
                    body, are: start..<start + 100_000,
                    of: RampContent(length: Stage.length, seed: seed))
            }
            // Each range may open the film anew: a refused answer, and a good one.
            #expect(stage.origin.ledger.requests <= 12)
            #expect(stage.origin.ledger.bodyBytes < 8_000_000)
        }
    }
}
