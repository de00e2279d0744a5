import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("What lies beyond the known end", .serialized, .timeLimit(.minutes(5)))
struct BeyondEndTests {
    static let beyond = "bytes=5000000-"
    /// What the film has become.
    private static let next = RampContent(length: 8_000_000, seed: 5)

    private func grow(_ stage: Stage, tag: String) {
        stage.origin.serve(
            .ramp(length: Self.next.length, seed: 5, entityTag: tag), at: Stage.path)
    }

    /// Expects the refusal of the length that is known.
    private func expectRefusal(
        _ stage: Stage, _ cacheStatus: String, fields: [String] = [],
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let (head, body) = try await stage.get(Self.beyond, fields: fields)
        #expect(head.status == 416, sourceLocation: location)
        #expect(head["content-range"] == "bytes */5000000", sourceLocation: location)
        #expect(head["content-length"] == "0", sourceLocation: location)
        #expect(head["cache-status"] == cacheStatus, sourceLocation: location)
        #expect(body.isEmpty, sourceLocation: location)
    }

    @Test(
        "is given when the film has grown, whatever its tag says", arguments: ["\"v1\"", "\"v2\""])
    func grown(tag: String) async throws {
        for wanted in [5_000_000..<8_000_000, 7_000_000..<7_000_010] as [ByteRange] {
            try await Stage.run { stage in
                try await stage.expectRange(0..<100)
                grow(stage, tag: tag)
                let range = "\(wanted.lowerBound)-\(wanted.upperBound - 1)"
                let (head, body) = try await stage.get("bytes=\(range)")
                #expect(head.status == 206)
                #expect(head["content-range"] == "bytes \(range)/8000000")
                stage.expect(body, are: wanted, of: Self.next)
                // It is the film now.
                let whole = try await stage.get()
                #expect(whole.head["content-length"] == "8000000")
                stage.expect(whole.body, are: 0..<8_000_000, of: Self.next)
            }
        }
    }

    @Test("of a version that the player does not have is not given in the middle of its own")
    func ifRange() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            grow(stage, tag: "\"v2\"")
            let (head, body) = try await stage.get(Self.beyond, fields: ["If-Range: \"v1\""])
            #expect(head.status == 200)
            stage.expect(body, are: 0..<8_000_000, of: Self.next)
        }
    }

    @Test("is refused when the origin says so, which one byte is enough for")
    func stands() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.resetLedger()
            for _ in 0..<2 {
                try await expectRefusal(stage, "Platter; fwd=miss; fwd-status=416")
            }
            let asked = stage.origin.ledger.log.map(\.range)
            #expect(asked == ["bytes=5000000-5000000", "bytes=5000000-5000000"])
            try await stage.expectStored(0..<100)
        }
    }

    @Test("a tag of ours does not bring the whole")
    func ownTag() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.noEntityTag))
            let tag = try #require(try await stage.get("bytes=0-99").head["etag"])
            try await expectRefusal(
                stage, "Platter; fwd=miss; fwd-status=416", fields: ["If-Range: \(tag)"])
        }
    }

    @Test("an origin without ranges that has not changed has no more either")
    func withoutRanges() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.behave(.ignoresRange)
            try await expectRefusal(stage, "Platter; fwd=miss; fwd-status=200")
        }
    }

    @Test("no last byte at all is always refused, without the origin")
    func nothing() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.resetLedger()
            let (head, body) = try await stage.get("bytes=-0")
            #expect(head.status == 416)
            #expect(head["cache-status"] == "Platter; hit")
            #expect(body.isEmpty)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("another end is passed on, but ends nothing that is stored")
    func elsewhere() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            let refusal = CannedAnswer(
                status: 416, fields: [HeaderField("Content-Range", "bytes */1000")],
                body: "no such range")
            stage.origin.behave(.answers(refusal), times: 1)
            let (head, body) = try await stage.get(Self.beyond)
            #expect(head.status == 416)
            #expect(head["content-range"] == "bytes */1000")
            #expect(body.isEmpty)
            try await stage.expectStored(0..<100)
        }
    }

    @Test("a refusal of the film is the player's, without its body", arguments: [401, 403, 404])
    func refused(code: Int) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.behave(.status(code, body: "no"))
            let (head, body) = try await stage.get(Self.beyond)
            #expect(head.status == code)
            #expect(body.isEmpty)
            try await stage.expectStored(0..<100)
        }
    }

    // MARK: Without an answer the known end counts

    @Test("an origin that is away, until it is there again")
    func away() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            try await stage.origin.stopListening(closing: .reset)
            // More often than it takes to give it a pause.
            for _ in 0..<8 {
                try await expectRefusal(stage, "Platter; fwd=miss; detail=origin-unreachable")
            }
            grow(stage, tag: "\"v2\"")
            try await stage.origin.resumeListening()
            try await stage.until { try await stage.get("bytes=7000000-").head.status == 206 }
        }
    }

    @Test("an origin that is late")
    func late() async throws {
        try await Stage.run {
            $0.timing.hedge = .milliseconds(200)
        } _: { stage in
            try await stage.expectRange(0..<100)
            stage.origin.behave(.head(.delayed(nil)))
            try await expectRefusal(stage, "Platter; fwd=miss; detail=origin-timeout")
        }
    }

    @Test("a fault is not tried again")
    func fault() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.resetLedger()
            stage.origin.behave(.status(503))
            try await expectRefusal(stage, "Platter; fwd=miss; detail=origin-error")
            #expect(stage.origin.ledger.requests == 1)
        }
    }

    @Test("a page where the film was says nothing of its end")
    func page() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100)
            stage.origin.behave(.errorPage)
            try await expectRefusal(stage, "Platter; fwd=miss; detail=origin-invalid")
            try await stage.expectStored(0..<100)
        }
    }
}
