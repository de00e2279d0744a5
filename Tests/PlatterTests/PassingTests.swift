import Platter
import PlatterCore
import PlatterTesting
import Testing

/// Requests with credentials, which are always passed through.
@Suite("What is passed through", .serialized, .timeLimit(.minutes(5)))
struct PassingTests {
    private static let credentials = "Authorization: Bearer canary"

    /// One request with credentials, and everything that comes until it ends.
    private func pass(
        _ stage: Stage, _ lines: [String] = [], method: String = "GET", path: String = Stage.path
    ) async throws -> (head: RawClient.Head, bytes: [UInt8], end: RawClient.End) {
        let client = try await open(stage, lines, method: method, path: path)
        let head = try await client.head()
        let (bytes, end) = await client.readToEnd()
        return (head, bytes, end)
    }

    private func open(
        _ stage: Stage, _ lines: [String] = [], method: String = "GET", path: String = Stage.path
    ) async throws -> RawClient {
        let client = try await RawClient.connect(port: stage.port)
        let fields = ["Host: 127.0.0.1", Self.credentials, "Connection: close"] + lines
        let head = (["\(method) \(path) HTTP/1.1"] + fields).joined(separator: "\r\n")
        try await client.send(head + "\r\n\r\n")
        return client
    }

    // MARK: - Breaks

    @Test(
        "an origin that breaks off again and again loses no byte",
        arguments: [BodyVice.truncated(after: 400_000), .reset(after: 400_000)],
        [Vice?.none, .capsRange(900_000)])
    func breaks(vice: BodyVice, other: Vice?) async throws {
        try await Stage.run { stage in
            if let other { stage.origin.behave(other) }
            stage.origin.behave(.body(vice))
            let (head, bytes, _) = try await pass(stage)
            #expect(head.status == 200)
            stage.expect(bytes, are: 0..<5_000_000)
            let part = try await pass(stage, ["Range: bytes=1000001-3999999"])
            #expect(part.head.status == 206)
            let end: Int64 = other == nil ? 4_000_000 : 1_900_001
            #expect(part.head["content-range"] == "bytes 1000001-\(end - 1)/5000000")
            stage.expect(part.bytes, are: 1_000_001..<end)
        }
    }

    @Test("it goes on at the first byte that did not come, and without a condition")
    func veryByte() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(.truncated(after: 1_234_567)), times: 1)
            let (_, bytes, _) = try await pass(
                stage, ["Range: bytes=100-", "If-Range: \"v1\""])
            stage.expect(bytes, are: 100..<5_000_000)
            let log = stage.origin.ledger.log
            #expect(log.count == 2)
            #expect(log.first?.range == "bytes=100-")
            // What had come and was not read when the origin broke off is asked for again.
            let next = try #require(
                log.last?.range?.dropFirst("bytes=".count).split(separator: "-"))
            #expect(next.last == "4999999")
            #expect(101...1_234_667 ~= (next.first.flatMap { Int($0) } ?? 0))
            let conditions = log.map { $0.fields.filter { $0.isNamed("If-Range") }.count }
            #expect(conditions == [1, 0])
            let credentials = log.map { $0.fields.filter { $0.isNamed("Authorization") }.count }
            #expect(credentials == [1, 1])
        }
    }

    @Test("an origin without ranges is asked for the whole again, and goes on where it broke off")
    func withoutRanges() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.truncated(after: 2_000_000)), times: 1)
            let (head, bytes, _) = try await pass(stage)
            #expect(head.status == 200)
            stage.expect(bytes, are: 0..<5_000_000)
            #expect(stage.origin.ledger.requests == 2)
        }
    }

    @Test(
        "a fault between two parts of a body is not seen by the player",
        arguments: [
            Vice.status(503), .errorPage, .hangsUp(.reset), .contentRange(.wrongStart),
            .head(.contentCoding("gzip")),
        ])
    func faultAfterBreak(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(.truncated(after: 1_000_000)), times: 1)
            stage.origin.behave(Behaviour(vice, times: 2, startingAt: 1))
            let (_, bytes, _) = try await pass(stage)
            stage.expect(bytes, are: 0..<5_000_000)
        }
    }

    @Test("what is of another version after a break is not given, and the end is a FIN")
    func changed() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.body(.truncated(after: 1_000_000)), times: 1)
            stage.origin.behave(.validator(.changing(every: 1, bytes: true)))
            let (head, bytes, end) = try await pass(stage)
            #expect(head["content-length"] == "5000000")
            // What had come and was not read when the origin broke off is lost with the connection.
            #expect(0...1_000_000 ~= bytes.count)
            stage.expect(bytes, are: 0..<Int64(bytes.count))
            #expect(end == .finished)
        }
    }

    @Test("the rest of a response that the store cannot give goes on over breaks")
    func rest() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.truncated(after: 12_000_000)), times: 1)
            stage.origin.behave(.body(.truncated(after: 15_000_000)), times: 2)
            stage.expect(try await stage.get().body, are: 0..<20_000_000)
        }
    }

    // MARK: - Before the head

    @Test(
        "a fault that passes is not seen by the player",
        arguments: [
            Vice.status(503), .status(500, body: "<h1>Sorry</h1>"), .status(502), .status(504),
            .status(408), .status(425), .status(429, retryAfter: "0"), .hangsUp(.reset),
            .hangsUp(.finish),
        ])
    func passing(vice: Vice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(vice, times: 2)
            let (head, bytes, _) = try await pass(stage, ["Range: bytes=0-99"])
            #expect(head.status == 206)
            stage.expect(bytes, are: 0..<100)
            #expect(stage.origin.ledger.requests >= 3)
        }
    }

    @Test("one URL that is told to wait keeps nobody from another", arguments: [429, 503])
    func retryAfterOfOne(status: Int) async throws {
        try await Stage.run { stage in
            let other = RampContent(length: 100_000, seed: 3)
            stage.origin.serve(.ramp(length: other.length, seed: 3), at: "/other.mp4")
            stage.origin.behave(.status(status, retryAfter: "600"), at: Stage.path)
            let told = try await open(stage)
            _ = try await stage.origin.wait { $0.paths[Stage.path]?.requests == 1 }
            let (head, bytes, _) = try await pass(stage, path: "/other.mp4")
            #expect(head.status == 200)
            stage.expect(bytes, are: 0..<other.length, of: other)
            #expect(stage.origin.ledger.paths[Stage.path]?.requests == 1)
            try await told.close()
        }
    }

    @Test("HEAD costs a byte, and says what GET would")
    func headIsCheap() async throws {
        try await Stage.run { stage in
            let (head, bytes, _) = try await pass(stage, method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(head["content-range"] == nil)
            #expect(head["etag"] == "\"v1\"")
            #expect(bytes.isEmpty)
            #expect(stage.origin.ledger.log.map(\.range) == ["bytes=0-0"])
            #expect(stage.origin.ledger.log.map(\.method) == ["GET"])
        }
    }

    @Test("HEAD is answered by the whole where a byte does not say how long that is")
    func headOfUnknownLength() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.contentRange(.unknownTotal))
            let (head, bytes, _) = try await pass(stage, method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(bytes.isEmpty)
            #expect(stage.origin.ledger.log.map(\.range) == ["bytes=0-0", nil])
        }
    }

    @Test("HEAD of an origin that wants no ranges", arguments: [400, 405, 501])
    func headWithoutRanges(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(status), times: 1)
            let (head, bytes, _) = try await pass(stage, method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(bytes.isEmpty)
            #expect(stage.origin.ledger.log.map(\.range) == ["bytes=0-0", nil])
        }
    }

    @Test("HEAD of an empty object")
    func headOfEmpty() async throws {
        try await Stage.run(length: 0) { stage in
            let (head, bytes, _) = try await pass(stage, method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "0")
            #expect(bytes.isEmpty)
        }
    }

    @Test("nor to HEAD")
    func passingHead() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(503), times: 2)
            let (head, bytes, _) = try await pass(stage, method: "HEAD")
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(bytes.isEmpty)
        }
    }

    @Test("a refusal is passed on at once, without its body", arguments: [401, 403, 404, 410])
    func refused(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.status(status, body: "No"))
            let (head, bytes, _) = try await pass(stage)
            #expect(head.status == status)
            #expect(head["content-length"] == "0")
            #expect(bytes.isEmpty)
            #expect(stage.origin.ledger.requests == 1)
        }
    }

    // MARK: - Slots

    /// As many as an origin has slots for.
    private static let slots = 128

    @Test("an origin that hangs is asked for no more than it has slots, and keeps no other waiting")
    func slots() async throws {
        try await withScriptedOrigin { other in
            let film = RampContent(length: 100_000, seed: 3)
            other.serve(.ramp(length: film.length, seed: 3), at: "/film.mp4")
            try await Stage.run(configure: { $0.namedOrigins = ["other": other.baseURL] }) {
                stage in
                // Without a validator nothing is asked for again.
                stage.origin.behave(.validator(.none))
                stage.origin.behave(.body(.stalled(after: 1000, nil)))
                var clients: [RawClient] = []
                for _ in 0..<Self.slots {
                    let client = try await open(stage)
                    #expect(try await client.head().status == 200)
                    clients.append(client)
                }
                var waiting: [RawClient] = []
                for _ in 0..<4 { waiting.append(try await open(stage)) }
                let (head, bytes, _) = try await pass(stage, path: "/other/film.mp4")
                #expect(head.status == 200)
                stage.expect(bytes, are: 0..<film.length, of: film)
                #expect(stage.origin.ledger.requests == Self.slots)
                // Whoever leaves makes room for the next.
                for client in clients.prefix(4) { try await client.close() }
                for client in waiting { #expect(try await client.head().status == 200) }
                #expect(stage.origin.ledger.requests == Self.slots + 4)
                for client in clients.dropFirst(4) + waiting { try await client.close() }
            }
        }
    }
}
