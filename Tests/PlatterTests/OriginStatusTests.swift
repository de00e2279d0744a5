import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins that answer with errors", .serialized, .timeLimit(.minutes(5)))
struct OriginStatusTests {
    // MARK: Final ones

    static let final = [400, 401, 403, 404, 405, 410, 451]

    /// A challenge at the start is passed on as it is: it needs its fields.
    @Test(
        "a refusal at the start is passed on without a body",
        arguments: final.filter { $0 != 401 })
    func atTheStart(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(status, body: "<h1>No</h1>"))
            for range in ["bytes=0-", "bytes=3000000-3000099", "bytes=-100"] {
                let (head, body) = try await stage.get(range)
                #expect(head.status == status)
                #expect(body.isEmpty)
                #expect(head["retry-after"] == nil)
            }
            #expect(try await !stage.isKnown())
            stage.origin.clearBehaviours()
            try await stage.expectRange(0..<1000)
        }
    }

    @Test("a refusal in the middle says so where nothing was sent yet", arguments: final)
    func inTheMiddle(status: Int) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(.status(status, body: "<h1>No</h1>"))
            let (head, body) = try await stage.get("bytes=3000000-3999999")
            #expect(head.status == status)
            #expect(body.isEmpty)
            // What is there is still served, and what was refused is asked for again.
            stage.origin.clearBehaviours()
            try await stage.expectRange(3_000_000..<4_000_000)
            try await stage.expectStored(0..<100_000)
        }
    }

    @Test("a refusal behind bytes that were sent closes the connection short", arguments: final)
    func afterBytes(status: Int) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(.status(status))
            let (head, body, end) = try await stage.getToEnd("bytes=0-")
            #expect(head.status == 206)
            #expect(end == .finished)
            stage.expect(body, are: 0..<100_000)
        }
    }

    // MARK: Those that pass

    static let passing = [408, 425, 429, 500, 502, 503, 504]

    @Test("a trouble that passes is not seen at the start", arguments: passing)
    func passingAtTheStart(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(status), times: 1)
            try await stage.expectRange(3_000_000..<3_100_000)
            #expect(stage.origin.ledger.requests == 2)
        }
    }

    @Test("nor in the middle", arguments: passing)
    func passingInTheMiddle(status: Int) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(.status(status, body: "<h1>Sorry</h1>"), times: 1)
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
        }
    }

    // MARK: Retry-After

    @Test("the origin is left alone for as long as it asks")
    func retryAfter() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(503, retryAfter: "1"), times: 1)
            try await stage.expectRange(0..<1000)
            let times = stage.origin.ledger.log.map(\.at)
            #expect(times.count == 2)
            #expect(try #require(times.last) - #require(times.first) >= 1000)
        }
    }

    @Test("or until the moment that it names")
    func retryAtDate() async throws {
        try await Stage.run { stage in
            let date = HTTPDate.text(HTTPDate.now() + 2)
            stage.origin.behave(.status(429, retryAfter: date), times: 1)
            try await stage.expectRange(0..<1000)
            let times = stage.origin.ledger.log.map(\.at)
            #expect(times.count == 2)
            // Dates have whole seconds: of the two at least one is left, less what starting took.
            #expect(try #require(times.last) - #require(times.first) >= 500)
        }
    }

    @Test(
        "what is no time is a pause of our own",
        arguments: ["soon", "-1", "1.5", "", "Thu, 01 Jan 1970 00:00:00 GMT", "0"])
    func noTime(retryAfter: String) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(503, retryAfter: retryAfter), times: 1)
            try await stage.expectRange(0..<1000)
            let times = stage.origin.ledger.log.map(\.at)
            #expect(times.count == 2)
            #expect(try #require(times.last) - #require(times.first) >= 200)
        }
    }

    /// 600 s are far more than any reader waits.
    @Test("one URL that is told to wait keeps nobody from another", arguments: [429, 503])
    func retryAfterOfOne(status: Int) async throws {
        try await Stage.run { stage in
            let other = RampContent(length: 3_000_000, seed: 3)
            stage.origin.serve(.ramp(length: other.length, seed: 3), at: "/other.mp4")
            stage.origin.behave(.status(status, retryAfter: "600"), at: Stage.path)
            let told = try await RawClient.connect(port: stage.port)
            try await told.send("GET \(Stage.path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            _ = try await stage.origin.wait { $0.paths[Stage.path]?.requests == 1 }
            for range in [0..<100_000, 1_000_000..<2_000_000] as [ByteRange] {
                let (head, body) = try await stage.get(
                    "bytes=\(range.lowerBound)-\(range.upperBound - 1)", path: "/other.mp4")
                #expect(head.status == 206)
                stage.expect(body, are: range, of: other)
            }
            #expect(stage.origin.ledger.paths[Stage.path]?.requests == 1)
            try await told.close()
        }
    }

    // MARK: Connections

    @Test(
        "an origin that resets connections beyond its limit serves all readers", arguments: [1, 2])
    func fewConnections(limit: Int) async throws {
        try await Stage.run(length: 10_000_000) { stage in
            stage.origin.pace = Pace(maximumConnections: limit)
            try await withThrowingTaskGroup(of: (Int64, [UInt8]).self) { group in
                for start in [0, 2_500_000, 5_000_000, 7_500_000] as [Int64] {
                    group.addTask {
                        (start, try await stage.get("bytes=\(start)-\(start + 1_999_999)").body)
                    }
                }
                for try await (start, body) in group {
                    stage.expect(body, are: start..<start + 2_000_000)
                }
            }
            #expect(stage.origin.ledger.connectionsAccepted < 60)
        }
    }

    @Test(
        "an origin that refuses requests beyond its limit serves all readers",
        arguments: [403, 429, 503, 509], [1, 2])
    func fewRequests(status: Int, limit: Int) async throws {
        try await Stage.run(length: 10_000_000) { stage in
            stage.origin.pace = Pace(
                bandwidth: 20_000_000, surplus: .init(beyond: limit, status: status))
            try await withThrowingTaskGroup(of: (Int64, Int, [UInt8]).self) { group in
                for start in [0, 2_500_000, 5_000_000, 7_500_000] as [Int64] {
                    group.addTask {
                        let answer = try await stage.get("bytes=\(start)-\(start + 1_999_999)")
                        return (start, answer.head.status, answer.body)
                    }
                }
                for try await (start, answered, body) in group {
                    #expect(answered == 206)
                    stage.expect(body, are: start..<start + 2_000_000)
                }
            }
            #expect(stage.origin.ledger.requests < 60)
        }
    }

    @Test("an origin that drops every new connection at first is asked again")
    func freshlyDropped() async throws {
        try await Stage.run { stage in
            stage.origin.behave(
                Behaviour(.hangsUp(.reset), times: 3, onlyOnNewConnection: true))
            try await stage.expectRange(1_000_000..<2_000_000)
            #expect(stage.origin.ledger.requests <= 6)
        }
    }
}
