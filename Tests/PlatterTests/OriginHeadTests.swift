import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins with odd heads", .serialized, .timeLimit(.minutes(5)))
struct OriginHeadTests {
    // MARK: HEAD

    @Test(
        "one answer at the start that cannot be trusted does not keep the film out of the store",
        arguments: [
            Vice.contentRange(.shifted), .contentRange(.unknownTotal),
            .head(.contentCoding("gzip")),
            .head(.contentLength(offBy: 1)),
            .head(.contentType("multipart/byteranges; boundary=x")), .status(204),
        ])
    func untrustedOnce(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice, times: 1)
            _ = try await stage.get("bytes=0-99999")
            try await stage.expectRange(0..<100_000)
            try await stage.expectStored(0..<100_000)
        }
    }

    @Test("a challenge in the middle has its fields too")
    func challengeMidway() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1000)
            let field = HeaderField("WWW-Authenticate", "Basic realm=\"films\"")
            stage.origin.behave(.answers(CannedAnswer(status: 401, fields: [field])))
            let (head, _) = try await stage.get("bytes=3000000-3000999")
            #expect(head.status == 401)
            #expect(head["www-authenticate"] == "Basic realm=\"films\"")
        }
    }

    @Test("HEAD is answered although the origin refuses it", arguments: [403, 405, 500])
    func headRefused(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.refusesHead(status))
            let (head, _) = try await stage.get(method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            // Known by now, and stored or not.
            #expect(try await stage.get(method: "HEAD").head.status == 200)
            #expect(stage.origin.ledger.log.allSatisfy { $0.method == "GET" })
        }
    }

    @Test("HEAD of what is not stored is answered by a GET too")
    func headPassed() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.none))
            stage.origin.behave(.refusesHead(500))
            for _ in 0..<2 {
                let (head, _) = try await stage.get(method: "HEAD")
                #expect(head.status == 200)
                #expect(head["content-length"] == "5000000")
            }
            #expect(stage.origin.ledger.log.allSatisfy { $0.method == "GET" })
        }
    }

    // MARK: What is sent

    @Test("the identity coding is asked for, whatever the player accepts")
    func identity() async throws {
        try await Stage.run { stage in
            let accept = "Accept-Encoding: gzip, br"
            for range in ["bytes=0-99", "bytes=4000000-4000099"] {
                _ = try await stage.get(range, fields: [accept])
            }
            _ = try await stage.get("bytes=0-99", fields: [accept, "Authorization: Basic eDp5"])
            stage.origin.behave(.validator(.weakEntityTag))
            stage.origin.behave(.validator(.noLastModified))
            stage.origin.serve(.ramp(length: 1000), at: "/weak.mp4")
            for _ in 0..<2 {
                _ = try await stage.get(path: "/weak.mp4", fields: [accept])
            }
            #expect(stage.origin.ledger.requests >= 5)
            for record in stage.origin.ledger.log {
                let values = record.fields.filter { $0.isNamed("accept-encoding") }.map(\.value)
                #expect(values == ["identity"])
            }
        }
    }

    // MARK: Heads that are right

    static let harmless: [Vice] = [
        .head(.oldVersion), .head(.noDate), .head(.lowerCase), .head(.noAcceptRanges),
        .head(.preceded(by: "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")),
        .head(.preceded(by: "HTTP/1.1 100 Continue\r\n\r\n")),
        .head(
            .preceded(by: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")),
        .head(.extra(HeaderField("X-Long", String(repeating: "x", count: 30_000)))),
        .head(.extra(HeaderField("X-Empty", ""))),
        .head(.extra(HeaderField("Connection", "close"))),
    ]

    @Test("a head that is unusual but right is stored like any other", arguments: harmless)
    func unusual(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice)
            try await stage.expectRange(1_000_000..<1_200_000)
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            try await stage.expectStored(3_000_000..<4_000_000)
        }
    }

    @Test("a head without a date leaves the modification date a strong validator")
    func noDate() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.head(.noDate))
            stage.origin.behave(.validator(.noEntityTag))
            try await stage.expectRange(0..<1000)
            try await stage.expectStored(0..<1000)
        }
    }

    @Test(
        "an origin whose clock is wrong serves ranges all the same",
        arguments: [
            "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT", "soon", "",
        ])
    func wrongClock(date: String) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.head(.noDate))
            stage.origin.behave(.head(.extra(HeaderField("Date", date))))
            try await stage.expectRange(1_000_000..<2_000_000)
            try await stage.expectRange(3_000_000..<4_000_000)
            try await stage.expectStored(1_000_000..<2_000_000)
        }
    }

    @Test("a modification date that is not older than its response is no ground to store on")
    func youngDate() async throws {
        try await Stage.run { stage in
            let modified = HTTPDate.text(Resource.defaultLastModified)
            stage.origin.behave(.validator(.noEntityTag))
            stage.origin.behave(.head(.noDate))
            stage.origin.behave(.head(.extra(HeaderField("Date", modified))))
            for _ in 0..<2 { try await stage.expectRange(0..<1000) }
            #expect(try await !stage.isKnown())
        }
    }

    // MARK: Heads that are wrong

    static let broken: [Vice] = [
        .head(.framing(["Content-Length: 10", "Transfer-Encoding: chunked"])),
        .head(.framing(["Transfer-Encoding: chunked", "Content-Length: 500000"])),
        .head(.framing(["Content-Length: 500000", "Content-Length: 499999"])),
        .head(.framing(["Content-Length: 500000, 499999"])),
        .head(.framing(["Content-Length: x"])), .head(.framing(["Content-Length: -1"])),
        .head(.framing(["Content-Length: +500000"])), .head(.framing(["Content-Length: "])),
        .head(.framing(["Content-Length: 0x7A120"])),
        .head(.framing(["Content-Length: 99999999999999999999"])),
        .head(.framing(["Transfer-Encoding: chunked, gzip", "Connection: close"])),
        .head(.extra(HeaderField("X-Huge", String(repeating: "x", count: 300_000)))),
        .head(.extra(HeaderField("X Space", "a"))), .head(.extra(HeaderField("", "a"))),
        .head(.preceded(by: "SSH-2.0-OpenSSH_9.9\r\n")),
        .head(.preceded(by: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
        .head(.preceded(by: "HTTP/2.0 206 Partial Content\r\n\r\n")),
    ]

    @Test(
        "a head that cannot be trusted gives no byte, and the next answer does", arguments: broken)
    func untrusted(vice: Vice) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1000)
            stage.origin.resetLedger()
            stage.origin.behave(vice, times: 1)
            try await stage.expectRange(2_000_000..<2_500_000)
            #expect(stage.origin.ledger.requests == 2)
            // Nor to those who come later on the same connections.
            try await stage.expectRange(4_000_000..<4_500_000)
            try await stage.expectStored(2_000_000..<2_500_000)
        }
    }

    @Test("the same at the very first answer", arguments: broken)
    func untrustedFirst(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice, times: 1)
            try await stage.expectRange(2_000_000..<2_500_000)
            try await stage.expectRange(4_000_000..<4_500_000)
        }
    }

    @Test("a field that goes on in the next line is read as one, or the answer is not used")
    func folded() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.head(.extra(HeaderField("X-Folded", "a\r\n b"))), times: 1)
            try await stage.expectRange(2_000_000..<2_500_000)
            stage.origin.behave(.head(.extra(HeaderField("X-Folded", "a\r\n\tb"))), times: 1)
            try await stage.expectRange(3_000_000..<3_500_000)
        }
    }
}
