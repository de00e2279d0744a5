import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins whose film changes", .serialized, .timeLimit(.minutes(5)))
struct OriginChangeTests {
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

    @Test("a version that returns after a single answer of another one is still there")
    func returns() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<3_000_000)
            try await stage.untilPresent(3_000_000)
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 5, entityTag: "\"v2\""), at: Stage.path)
            let other = RampContent(length: Stage.length, seed: 5)
            stage.expect(
                try await stage.get("bytes=4000000-4000099").body, are: 4_000_000..<4_000_100,
                of: other)
            stage.origin.serve(
                .ramp(length: Stage.length, entityTag: "\"v1\""), at: Stage.path)
            try await stage.expectRange(3_500_000..<3_500_100)
            stage.origin.resetLedger()
            try await stage.expectRange(0..<3_000_000)
            #expect(stage.origin.ledger.requests == 0)
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

    @Test("versions that only alternate are not fetched again for ever, but passed through")
    func mirrors() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.changing(every: 1, versions: 2, bytes: true)))
            for number in Int64(0)..<40 {
                let start = number * 100_000
                let (head, body) = try await stage.get("bytes=\(start)-\(start + 99_999)")
                #expect(head.status == 206)
                let seed = head["etag"] == "\"v1\"" ? 0 : 1
                stage.expect(
                    body, are: start..<start + 100_000,
                    of: RampContent(length: Stage.length, seed: seed))
            }
            // Each is asked for once in the end; before that twice or three times.
            #expect(stage.origin.ledger.requests < 60)
            let (head, _) = try await stage.get("bytes=4900000-4999999")
            #expect(head["cache-status"]?.contains("fwd=bypass") == true)
        }
    }

    @Test(
        "a weak validator is enough for an origin that is trusted, and only for that",
        arguments: [
            [ValidatorVice.weakEntityTag, .noLastModified], [.none], [.noEntityTag],
            [.weakEntityTag],
        ])
    func trusted(vices: [ValidatorVice]) async throws {
        for isTrusted in [false, true] {
            let trust = { (configuration: inout PlatterConfiguration) in
                if isTrusted { configuration.trustedOrigins = [configuration.origin ?? ""] }
            }
            try await Stage.run(configure: trust) { stage in
                for vice in vices { stage.origin.behave(.validator(vice)) }
                _ = try await stage.get("bytes=0-99999")
                stage.expect(
                    try await stage.get("bytes=50000-149999").body, are: 50_000..<150_000)
                let known = try await stage.platter.status(of: stage.origin.url(Stage.path))
                // A date is a strong validator when it is old enough, also beside a weak tag.
                let isDated = vices == [.noEntityTag] || vices == [.weakEntityTag]
                #expect((known != nil) == (isTrusted || isDated))
            }
        }
    }

    @Test("a range that is refused because the film has shrunk is refused to the player too")
    func shrunk() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.serve(.ramp(length: 2_000_000, seed: 2), at: Stage.path)
            let (head, body) = try await stage.get("bytes=3000000-3999999")
            #expect(head.status == 416)
            #expect(head["content-range"] == "bytes */2000000")
            #expect(body.isEmpty)
            let whole = try await stage.get()
            #expect(whole.head["content-length"] == "2000000")
            stage.expect(
                whole.body, are: 0..<2_000_000, of: RampContent(length: 2_000_000, seed: 2))
        }
    }

    @Test("a new target with another version is another version")
    func changed() async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule(uses: 1))
            stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000)
            let next = RampContent(length: Stage.length, seed: 7)
            stage.origin.serve(
                .ramp(length: Stage.length, seed: 7, entityTag: "\"v2\""), at: Stage.path)
            let (head, body) = try await stage.get("bytes=3000000-3999999")
            #expect(head["etag"] == "\"v2\"")
            stage.expect(body, are: 3_000_000..<4_000_000, of: next)
        }
    }

    @Test("a film that was refused once is stored when it is there again")
    func refusedOnce() async throws {
        try await Stage.run { stage in
            stage.origin.serve(.ramp(length: 5_000_000), at: "/other.mp4")
            let refusal = CannedAnswer(
                status: 416, fields: [HeaderField("Content-Range", "bytes */1000")])
            for number in 1...20 {
                // A film of its own: one that goes and comes again and again is given up.
                let path = "/\(number).mp4"
                stage.origin.serve(.ramp(length: Stage.length), at: path)
                stage.expect(try await stage.get("bytes=0-9", path: path).body, are: 0..<10)
                stage.origin.behave(.answers(refusal), at: path, times: 1)
                // Keeps the index busy, so that what is written comes late.
                async let other = stage.get(path: "/other.mp4?\(number)")
                let first = try await stage.get("bytes=900000-909999", path: path)
                stage.origin.resetLedger()
                let second = try await stage.get("bytes=900000-909999", path: path)
                #expect((stage.origin.ledger.paths[path]?.requests ?? 0) == 0)
                for (head, body) in [first, second] {
                    #expect(head.status == 206)
                    stage.expect(body, are: 900_000..<910_000)
                }
                _ = try await other
            }
        }
    }

    /// The version of the film that a response is of, by its tag.
    private func version(of head: RawClient.Head) throws -> RampContent {
        let tag = try #require(head["etag"])
        guard tag != "\"v1\"" else { return RampContent(length: Stage.length) }
        let number = try #require(Int(tag.dropFirst(5).dropLast()))
        return RampContent(length: Stage.length, seed: number)
    }

    @Test("a film that is another one before a byte of it has come is passed through in the end")
    func neverStill() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.changing(every: 1, bytes: true)))
            stage.origin.behave(.body(.truncated(after: 0)), times: 6)
            let (head, body) = try await stage.get("bytes=1000-1999")
            #expect(head.status == 206)
            stage.expect(body, are: 1000..<2000, of: try version(of: head))
        }
    }

    @Test("another version with every answer is noticed however slowly they come")
    func slowlyUnique() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.changing(every: 1, bytes: true)))
            stage.origin.pace = Pace(bandwidth: 131_072)
            for _ in 0..<3 {
                let (head, body, end) = try await stage.getToEnd("bytes=0-")
                #expect(end == .finished)
                #expect(body.count < 5_000_000)
                stage.expect(body, are: 0..<Int64(body.count), of: try version(of: head))
            }
            let (head, body) = try await stage.get("bytes=0-999")
            #expect(head["cache-status"]?.contains("fwd=bypass") == true)
            stage.expect(body, are: 0..<1000, of: try version(of: head))
        }
    }
}
