import Platter
import PlatterCore
import PlatterTesting
import Testing

/// Requests with credentials, which are always passed through.
@Suite("First answers that are passed through", .serialized, .timeLimit(.minutes(5)))
struct PassedAnswerTests {
    private static let credentials = ["Authorization: Bearer canary"]

    static let wrong: [Vice] = [
        .contentRange(.wrongStart), .contentRange(.wrongEnd), .contentRange(.missing),
        .contentRange(.twice), .contentRange(.shifted), .contentRange(.otherUnit),
        .contentRange(.literal("bytes 0-999/5000000")), .contentRange(.literal("bytes */5000000")),
        .head(.contentType("multipart/byteranges; boundary=x")), .head(.contentLength(offBy: 1)),
        .head(.contentLength(offBy: -1)),
    ]

    @Test("a 206 that is of no use reaches no player", arguments: wrong)
    func invalid(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice)
            let (head, body) = try await stage.get(
                "bytes=1000000-1000999", fields: Self.credentials)
            #expect(head.status == 502)
            #expect(head["cache-status"] == "Platter; fwd=bypass; detail=origin-invalid")
            #expect(head["content-length"] == "0")
            #expect(body.isEmpty)
            #expect(stage.origin.ledger.requests == 2)
        }
    }

    @Test("once it is not seen by the player", arguments: wrong)
    func invalidOnce(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice, times: 1)
            let (head, body) = try await stage.get(
                "bytes=1000000-1000999", fields: Self.credentials)
            #expect(head.status == 206)
            #expect(head["content-range"] == "bytes 1000000-1000999/5000000")
            stage.expect(body, are: 1_000_000..<1_001_000)
        }
    }

    @Test("nor is a part where all was asked for")
    func partOfWhole() async throws {
        try await Stage.run { stage in
            let part = CannedAnswer(
                status: 206, fields: [HeaderField("Content-Range", "bytes 0-9/5000000")],
                contentType: "video/mp4", body: "0123456789")
            stage.origin.behave(.answers(part))
            let (head, body) = try await stage.get(fields: Self.credentials)
            #expect(head.status == 502)
            #expect(head["cache-status"] == "Platter; fwd=bypass; detail=origin-invalid")
            #expect(body.isEmpty)
        }
    }

    @Test(
        "what is right goes on as it is, though the store would not have it",
        arguments: [
            (.contentRange(.unknownTotal), 206), (.head(.contentCoding("gzip")), 206),
            (.ignoresRange, 200), (.validator(.none), 206),
        ] as [(Vice, Int)])
    func right(vice: Vice, status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice)
            let (head, body) = try await stage.get(
                "bytes=1000000-1000999", fields: Self.credentials)
            #expect(head.status == status)
            let range: ByteRange = status == 200 ? 0..<5_000_000 : 1_000_000..<1_001_000
            stage.expect(body, are: range)
            #expect(stage.origin.ledger.requests == 1)
        }
    }

    private static let elsewhere = HeaderField(
        "Location", "https://bucket.example/film.mp4?X-Amz-Signature=canary")

    @Test("but where it lies at the origin is not told")
    func location() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.head(.extra(Self.elsewhere)))
            // The second is stored, and the third comes from the store.
            for fields in [Self.credentials, [], []] {
                let (head, _) = try await stage.get("bytes=0-999", fields: fields)
                #expect(head.status == 206)
                #expect(head["location"] == nil)
            }
            stage.origin.behave(
                .answers(CannedAnswer(status: 201, fields: [Self.elsewhere], body: "made")))
            let (head, body) = try await stage.get("bytes=0-999", fields: Self.credentials)
            #expect(head.status == 201)
            #expect(head["location"] == nil)
            #expect(body == Array("made".utf8))
        }
    }

    @Test("and a choice of other places reaches no player", arguments: [300, 305])
    func choice(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(
                .answers(CannedAnswer(status: status, fields: [Self.elsewhere], body: "there")))
            for range in [nil, "bytes=0-999"] {
                let (head, body) = try await stage.get(range, fields: Self.credentials)
                #expect(head.status == 502)
                #expect(head["location"] == nil)
                #expect(body.isEmpty)
            }
            let (head, _) = try await stage.get(method: "HEAD", fields: Self.credentials)
            #expect(head["location"] == nil)
        }
    }

    @Test("so does a part of the part that was asked for")
    func shorter() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.capsRange(400))
            let (head, body) = try await stage.get(
                "bytes=1000000-1000999", fields: Self.credentials)
            #expect(head.status == 206)
            #expect(head["content-range"] == "bytes 1000000-1000399/5000000")
            stage.expect(body, are: 1_000_000..<1_000_400)
        }
    }

    @Test("the last bytes, and several ranges at once, which get the whole")
    func otherRanges() async throws {
        try await Stage.run { stage in
            let last = try await stage.get("bytes=-1000", fields: Self.credentials)
            #expect(last.head.status == 206)
            stage.expect(last.body, are: 4_999_000..<5_000_000)
            let several = try await stage.get("bytes=0-9,20-29", fields: Self.credentials)
            #expect(several.head.status == 200)
            stage.expect(several.body, are: 0..<5_000_000)
        }
    }
}
