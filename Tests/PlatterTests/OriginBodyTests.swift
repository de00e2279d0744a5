import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins with odd bodies", .serialized, .timeLimit(.minutes(5)))
struct OriginBodyTests {
    // MARK: Without a length

    @Test(
        "a 206 whose length only its Content-Range says is stored",
        arguments: [Vice.body(.chunked), .body(.closeDelimited)])
    func partWithoutLength(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice)
            try await stage.expectRange(1_000_000..<3_000_000)
            try await stage.expectStored(1_000_000..<3_000_000)
        }
    }

    @Test(
        "a 206 without a length that breaks off is continued at the very byte",
        arguments: [BodyVice.chunked, .closeDelimited], [Int64(0), 1, 123_457])
    func partCut(framing: BodyVice, cut: Int64) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(framing))
            stage.origin.behave(.body(.truncated(after: cut)), times: 1)
            try await stage.expectRange(1_000_000..<3_000_000)
            try await stage.expectStored(1_000_000..<3_000_000)
        }
    }

    @Test("a chunked 200 that breaks off reaches the player without an end, and is not stored")
    func wholeCut() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.chunked))
            stage.origin.behave(.body(.truncated(after: 1_234_567)))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            #expect(try await client.head()["transfer-encoding"] == "chunked")
            let (body, isComplete) = await client.chunkedBody()
            #expect(!isComplete)
            stage.expect(body, are: 0..<Int64(body.count))
            #expect(body.count <= 1_234_567)
            #expect(try await !stage.isKnown())
        }
    }

    @Test("a 200 that ends with the connection proves nothing, and is passed through")
    func untilClose() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.closeDelimited))
            for range in [nil, "bytes=1000000-"] as [String?] {
                let client = try await RawClient.connect(port: stage.port)
                try await client.request("GET", Stage.path, range.map { "Range: \($0)" } ?? "X: y")
                let head = try await client.head()
                #expect(head.status == 200)
                #expect(head["accept-ranges"] == nil)
                #expect(head["content-length"] == nil)
                let (body, isComplete) = await client.chunkedBody()
                #expect(isComplete)
                stage.expect(body, are: 0..<5_000_000)
                try await client.close()
            }
            #expect(try await !stage.isKnown())
        }
    }

    // MARK: With a wrong length

    @Test("what follows a body is not taken for the next answer")
    func smuggled() async throws {
        try await Stage.run { stage in
            for number in 0..<5 {
                let path = "/\(number).mp4"
                let lie =
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/5000000\r\n"
                    + "ETag: \"v1\"\r\nContent-Length: 1000\r\n\r\n"
                    + String(repeating: "!", count: 1000)
                stage.origin.serve(
                    .script(
                        [
                            .raw(
                                "HTTP/1.1 206 Partial Content\r\nETag: \"s\"\r\n"
                                    + "Content-Range: bytes 0-9/1000\r\nContent-Length: 10\r\n\r\n"
                                    + "0123456789" + lie)
                        ], ending: .keepAlive), at: path)
                let (head, body) = try await stage.get("bytes=0-9", path: path)
                #expect(head.status == 206)
                #expect(body == [UInt8]("0123456789".utf8))
                // The same bytes that the lie is about.
                try await stage.expectRange(
                    Int64(number) * 1000..<Int64(number) * 1000 + 1000)
            }
        }
    }

    @Test("a byte too many after each body spoils no film")
    func extra() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(.long(by: 1)))
            stage.origin.behave(.capsRange(500_000))
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            stage.origin.clearBehaviours()
            try await stage.expectStored(0..<5_000_000)
        }
    }

    @Test(
        "a length that differs from the range is not believed, at the start and later",
        arguments: [Int64(-1), 1, -(1 << 20), 1 << 20])
    func wrongLength(difference: Int64) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1000)
            stage.origin.behave(.head(.contentLength(offBy: difference)), times: 1)
            try await stage.expectRange(1_000_000..<3_000_000)
            try await stage.expectStored(1_000_000..<3_000_000)
        }
    }

    // MARK: Broken off

    /// Where the first request behind each of three places breaks off, and how.
    struct Cuts: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let behaviours: [Behaviour]

        init(seed: UInt64) {
            var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
            func random(below limit: Int64) -> Int64 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return Int64(state >> 1) % limit
            }
            behaviours = (0..<3).map { number in
                let after = random(below: 500_000)
                let isReset = random(below: 2) == 0
                return Behaviour(
                    .body(isReset ? .reset(after: after) : .truncated(after: after)), times: 1,
                    startingAt: Int64(number) * 1_600_000)
            }
            testDescription = "seed \(seed)"
        }
    }

    @Test(
        "bodies that break off anywhere are continued, with a bounded number of requests",
        arguments: (1...8).map { Cuts(seed: $0) })
    func broken(cuts: Cuts) async throws {
        try await Stage.run { stage in
            for behaviour in cuts.behaviours { stage.origin.behave(behaviour) }
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<5_000_000)
            // The film takes a handful, and each break one more.
            #expect(stage.origin.ledger.requests <= 12)
            try await stage.expectStored(0..<5_000_000)
        }
    }

    @Test("after a break the next request starts at the first byte that did not come")
    func exact() async throws {
        try await Stage.run { stage in
            let cut = Behaviour(
                .body(.truncated(after: 123_457)), times: 1, startingAt: 1_000_000)
            stage.origin.behave(cut)
            try await stage.expectRange(1_000_000..<1_500_000)
            let starts = stage.origin.ledger.log.compactMap { record in
                record.range.flatMap { Int64($0.dropFirst(6).prefix { $0 != "-" }) }
            }
            #expect(starts.count == 2)
            // What still lay in the connection when it broke may be lost with it.
            let next = try #require(starts.last)
            #expect(1_000_000...1_123_457 ~= next)
            #expect(stage.origin.ledger.bodyBytes == 123_457 + 1_500_000 - next)
        }
    }

    @Test("after a break the rest is only taken from the same version")
    func otherVersion() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(.truncated(after: 300_000)), times: 1)
            stage.origin.behave(Behaviour(.status(503), startingAt: 1))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            #expect(try await client.head()["etag"] == "\"v1\"")
            stage.expect(try await client.read(1), are: 0..<1)
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 7, entityTag: "\"v2\""), at: Stage.path)
            stage.origin.clearBehaviours()
            let (rest, end) = await client.readToEnd()
            #expect(rest.count < 300_000)
            stage.expect(rest, are: 1..<1 + Int64(rest.count))
            #expect(end == .finished)
        }
    }

    @Test("a 200 is never shorter than it says without the connection being closed")
    func shortWhole() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1_000_000)
            stage.origin.behave(.status(404))
            let (head, body, end) = try await stage.getToEnd()
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(end == .finished)
            stage.expect(body, are: 0..<1_000_000)
        }
    }
}
