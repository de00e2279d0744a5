import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Requests that are sent before the answers to those before", .timeLimit(.minutes(2)))
struct PipelineTests {
    private static let cold = "/cold.mp4"
    private static let other = "/other.mp4"

    /// A request whose answer takes a while: what is sent behind it has come when it is answered.
    private func coldRequest(_ stage: Stage) -> String {
        stage.origin.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: Self.cold)
        stage.origin.behave(.head(.delayed(.milliseconds(500))), times: 1)
        return "GET \(Self.cold) HTTP/1.1\r\nHost: a\r\nRange: bytes=7-7\r\n\r\n"
    }

    /// A 400 and the end of the connection.
    private func expectLastRefusal(_ client: RawClient) async throws {
        #expect(try await client.head().status == 400)
        let (rest, end) = await client.readToEnd()
        #expect(rest.isEmpty)
        #expect(end == .finished)
    }

    @Test("thousands of them are answered one after the other, none on the stack of another")
    func many() async throws {
        let count = 4000
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            let refused = "PUT / HTTP/1.1\r\nHost: a\r\n\r\n"
            // The server reads more at once where much came before.
            try await client.send(String(repeating: refused, count: count))
            for _ in 0..<count { #expect(try await client.head().status == 405) }
            try await client.send(
                coldRequest(stage) + String(repeating: refused, count: count))
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(1), are: 7..<8)
            for _ in 0..<count { #expect(try await client.head().status == 405) }
            try await client.close()
        }
    }

    @Test("hits behind a miss are all answered")
    func hits() async throws {
        let count = 1000
        try await Stage.run { stage in
            let (head, _) = try await stage.get("bytes=0-999")
            #expect(head.status == 206)
            try await stage.untilPresent(1000)
            let client = try await RawClient.connect(port: stage.port)
            let hits = (0..<count).map { number in
                "GET \(Stage.path) HTTP/1.1\r\nHost: a\r\nRange: bytes=\(number)-\(number)\r\n\r\n"
            }
            try await client.send(coldRequest(stage) + hits.joined())
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(1), are: 7..<8)
            for number in 0..<Int64(count) {
                #expect(try await client.head().status == 206)
                stage.expect(try await client.read(1), are: number..<number + 1)
            }
            try await client.close()
        }
    }

    @Test("what comes behind a request that ends the connection is not begun")
    func afterTheLast() async throws {
        try await Stage.run { stage in
            stage.origin.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: Self.other)
            let client = try await RawClient.connect(port: stage.port)
            try await client.send(
                coldRequest(stage) + "GET / HTTP/1.1\r\n\r\n"
                    + "GET \(Self.other) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(1), are: 7..<8)
            try await expectLastRefusal(client)
            // It would have been sent before this one.
            _ = try await stage.get("bytes=0-0")
            #expect(!stage.origin.ledger.log.contains { $0.path == Self.other })
        }
    }

    @Test("what is no request is refused after the answer to the one before it")
    func malformed() async throws {
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            try await client.send(coldRequest(stage) + "\u{1}\u{2}nonsense\r\n\r\n")
            // And still more of it, which comes in a packet of its own.
            _ = try await stage.origin.wait { $0.requests == 1 }
            try await client.send(String(repeating: "nonsense", count: 100_000))
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(1), are: 7..<8)
            try await expectLastRefusal(client)
        }
    }
}
