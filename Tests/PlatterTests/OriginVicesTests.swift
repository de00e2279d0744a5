import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins with vices")
struct OriginVicesTests {
    /// Each spoils one request; the next one is good.
    static let passing: [Vice] = [
        .body(.short(by: 1)), .body(.short(by: 200_000)), .body(.truncated(after: 1)),
        .body(.truncated(after: 300_000)), .body(.reset(after: 250_000)),
        .hangsUp(.finish), .hangsUp(.reset), .status(503), .status(429, retryAfter: "0"),
        .status(500, body: "<h1>Sorry</h1>"),
    ]

    @Test("a fault that passes is never seen by the player", arguments: passing)
    func invisible(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice, times: 1)
            let (head, body) = try await stage.get("bytes=1000000-2999999")
            #expect(head.status == 206)
            stage.expect(body, are: 1_000_000..<3_000_000)
        }
    }

    @Test("a fault in the middle of an object is mended at the very byte", arguments: passing)
    func midway(vice: Vice) async throws {
        try await Stage.run { stage in
            _ = try await stage.get("bytes=0-99999")
            stage.origin.behave(vice, times: 2)
            let (_, body) = try await stage.get()
            stage.expect(body, are: 0..<5_000_000)
        }
    }

    @Test(
        "an answer that cannot be trusted never reaches the file",
        arguments: [
            Vice.contentRange(.unknownTotal), .contentRange(.wrongStart), .contentRange(.wrongEnd),
            .contentRange(.missing), .contentRange(.twice), .contentRange(.shifted),
            .contentRange(.otherUnit), .contentRange(.literal("bytes 9-2/1")),
            .head(.contentCoding("gzip")),
        ])
    func untrusted(vice: Vice) async throws {
        try await Stage.run { stage in
            _ = try await stage.get("bytes=0-99999")
            stage.origin.behave(vice, times: 2)
            let (_, body) = try await stage.get("bytes=3000000-3999999")
            stage.expect(body, are: 3_000_000..<4_000_000)
        }
    }

    @Test("shorter answers than asked for are put together")
    func capped() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.capsRange(100_000))
            let (head, body) = try await stage.get("bytes=1234567-3234566")
            #expect(head["content-length"] == "2000000")
            stage.expect(body, are: 1_234_567..<3_234_567)
        }
    }

    @Test("an origin without ranges still plays from the start, and is stored")
    func noRanges() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<5_000_000)
            stage.origin.resetLedger()
            stage.expect(
                try await stage.get("bytes=2000000-2999999").body, are: 2_000_000..<3_000_000)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("a short seek into an origin without ranges waits for what lies before it")
    func shortSeekWithoutRanges() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            let (head, body) = try await stage.get("bytes=4000000-4999999")
            #expect(head.status == 206)
            stage.expect(body, are: 4_000_000..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes == 5_000_000)
        }
    }

    @Test("an origin without ranges that breaks off is asked for the whole again, and goes on")
    func brokenWithoutRanges() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.truncated(after: 1_000_000)), times: 1)
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes == 6_000_000)
            stage.origin.resetLedger()
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("what an origin without ranges did not send at first is stored when it is asked for")
    func laterWithoutRanges() async throws {
        try await Stage.run { stage in
            stage.expect(try await stage.get("bytes=0-999").body, are: 0..<1000)
            stage.origin.behave(.ignoresRange)
            for _ in 0..<2 {
                let (head, body) = try await stage.get("bytes=3000000-3999999")
                #expect(head.status == 206)
                stage.expect(body, are: 3_000_000..<4_000_000)
            }
            // The opening, and one more.
            #expect(stage.origin.ledger.requests == 2)
        }
    }

    @Test("far into an origin without ranges a response goes on past the store")
    func farWithoutRanges() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.truncated(after: 12_000_000)), times: 1)
            stage.expect(try await stage.get().body, are: 0..<20_000_000)
        }
    }

    @Test("what is on disk of an origin without ranges is served from there")
    func warmWithoutRanges() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.truncated(after: 12_000_000)), times: 1)
            stage.expect(try await stage.get().body, are: 0..<20_000_000)
            stage.origin.resetLedger()
            let (head, body) = try await stage.get("bytes=1000000-1999999")
            #expect(head["cache-status"] == "Platter; hit")
            stage.expect(body, are: 1_000_000..<2_000_000)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("readers at several places of an origin without ranges share one transfer")
    func sharedWithoutRanges() async throws {
        try await Stage.run { stage in
            _ = try await stage.get("bytes=0-999")
            stage.origin.behave(.ignoresRange)
            stage.origin.pace = Pace(bandwidth: 10_000_000)
            stage.origin.resetLedger()
            let first = try await RawClient.connect(port: stage.port)
            // To its end, so that somebody wants something of it however late the others are.
            try await first.request("GET", Stage.path, "Range: bytes=1000000-4999999")
            #expect(try await first.head().status == 206)
            stage.expect(try await first.read(1), are: 1_000_000..<1_000_001)
            // From here on it is known what the origin does.
            try await withThrowingTaskGroup(of: (Int64, [UInt8]).self) { group in
                for start in [2_000_000, 3_000_000] as [Int64] {
                    group.addTask {
                        (start, try await stage.get("bytes=\(start)-\(start + 1_999_999)").body)
                    }
                }
                for try await (start, body) in group {
                    stage.expect(body, are: start..<start + 2_000_000)
                }
            }
            stage.expect(try await first.read(3_999_999), are: 1_000_001..<5_000_000)
            #expect(stage.origin.ledger.requests == 1, "\(stage.requests)")
            #expect(stage.origin.ledger.bodyBytes < 8_000_000)
        }
    }

    @Test("read-ahead that is refused is not asked for again and again")
    func refusedAhead() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            _ = try await stage.get("bytes=0-9999999")
            stage.origin.behave(.status(403))
            stage.origin.resetLedger()
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            #expect(try await client.head().status == 200)
            let (body, end) = await client.readToEnd()
            #expect(end == .finished)
            #expect(body.count >= 10_000_000)
            stage.expect(body, are: 0..<Int64(body.count))
            // Ahead of the reader, and when it had to wait, which may be the same one.
            #expect(1...2 ~= stage.origin.ledger.requests)
        }
    }

    @Test("a page in the middle of a film is no new version of it")
    func page() async throws {
        try await Stage.run { stage in
            stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000)
            stage.origin.behave(.errorPage, times: 2)
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            stage.expect(body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes < 5_400_000)
        }
    }

    @Test("a refusal of one range without a length is not given to others")
    func refusedRange() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(416), times: 1)
            let (head, body) = try await stage.get("bytes=0-99")
            #expect(head.status == 206)
            stage.expect(body, are: 0..<100)
        }
    }

    @Test("a long seek into an origin without ranges gets the whole, as the origin gives it")
    func longSeekWithoutRanges() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            let (head, body) = try await stage.get("bytes=19000000-")
            #expect(head.status == 200)
            #expect(head["accept-ranges"] == nil)
            stage.expect(body, are: 0..<20_000_000)
        }
    }

    @Test(
        "without a strong validator bytes are passed through and nothing is stored",
        arguments: [[ValidatorVice.none], [.weakEntityTag, .noLastModified]])
    func noValidator(vices: [ValidatorVice]) async throws {
        try await Stage.run { stage in
            for vice in vices { stage.origin.behave(.validator(vice)) }
            for _ in 0..<2 {
                let (head, body) = try await stage.get("bytes=1000-1999")
                #expect(head.status == 206)
                #expect(head["cache-status"]?.contains("fwd=bypass") == true)
                stage.expect(body, are: 1000..<2000)
            }
            let status = try await stage.platter.status(of: stage.origin.url(Stage.path))
            #expect(status == nil)
        }
    }

    @Test("a body without a length is passed through")
    func chunked() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.chunked))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            let head = try await client.head()
            #expect(head.status == 200)
            #expect(head["transfer-encoding"] == "chunked")
            var body: [UInt8] = []
            while let size = Int(try await client.line(), radix: 16), size > 0 {
                body += try await client.read(size)
                _ = try await client.line()
            }
            stage.expect(body, are: 0..<5_000_000)
            try await client.close()
        }
    }

    @Test("another version is never mixed with the old one")
    func changed() async throws {
        try await Stage.run { stage in
            stage.expect(try await stage.get("bytes=0-999999").body, are: 0..<1_000_000)
            let next = RampContent(length: Stage.length, seed: 7)
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 7, entityTag: "\"v2\""), at: Stage.path)
            // The old bytes are still the old version's; a range that needs new ones is the new one's.
            let (head, body) = try await stage.get("bytes=2000000-2999999")
            #expect(head["etag"] == "\"v2\"")
            stage.expect(body, are: 2_000_000..<3_000_000, of: next)
            stage.expect(try await stage.get("bytes=0-999999").body, are: 0..<1_000_000, of: next)
        }
    }

    @Test("a reader of the old version is cut off where its bytes end, with FIN")
    func cutOff() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.capsRange(200_000))
            _ = try await stage.get("bytes=0-199999")
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 7, entityTag: "\"v2\""), at: Stage.path)
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path, "Range: bytes=0-")
            #expect(try await client.head()["etag"] == "\"v1\"")
            let (body, end) = await client.readToEnd()
            #expect(end == .finished)
            stage.expect(body, are: 0..<200_000)
        }
    }

    @Test("credentials are passed on and what they show is not stored")
    func authorization() async throws {
        try await Stage.run { stage in
            let (head, body) = try await stage.get(
                "bytes=0-99", fields: ["Authorization: Bearer canary"])
            #expect(head["cache-status"]?.contains("fwd=bypass") == true)
            stage.expect(body, are: 0..<100)
            #expect(try await stage.platter.status(of: stage.origin.url(Stage.path)) == nil)
            stage.origin.resetLedger()
            _ = try await stage.get("bytes=0-99")
            #expect(stage.origin.ledger.requests == 1)
        }
    }
}
