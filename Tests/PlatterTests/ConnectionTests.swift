import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Connections and what is passed through")
struct ConnectionTests {
    @Test("requests that are sent at once are answered one after the other")
    func pipelined() async throws {
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            let ranges: [ByteRange] = [2_000_000..<2_600_000, 0..<10, 4_000_000..<4_000_100]
            for range in ranges {
                let text = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
                try await client.request("GET", Stage.path, "Range: \(text)")
            }
            for range in ranges {
                #expect(try await client.head().status == 206)
                stage.expect(try await client.read(Int(range.length)), are: range)
            }
            try await client.close()
        }
    }

    @Test("a refusal in the midst of a connection does not swallow the next request")
    func refusedThenServed() async throws {
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("DELETE", Stage.path)
            try await client.request("GET", Stage.path, "Range: bytes=5-9")
            #expect(try await client.head().status == 405)
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(5), are: 5..<10)
            try await client.close()
        }
    }

    @Test("HEAD of what has no length is answered without a body")
    func headWithoutLength() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.chunked))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("HEAD", Stage.path)
            #expect(try await client.head().status == 200)
            #expect(await client.readToEnd().bytes.isEmpty)
        }
    }

    @Test("a client of HTTP/1.0 gets a body without chunks, ended by the close")
    func oldClient() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.behave(.body(.chunked))
            let client = try await RawClient.connect(port: stage.port)
            try await client.send("GET \(Stage.path) HTTP/1.0\r\n\r\n")
            #expect(try await client.head()["transfer-encoding"] == nil)
            let (body, end) = await client.readToEnd()
            #expect(end == .finished)
            stage.expect(body, are: 0..<5_000_000)
        }
    }

    @Test("a range that depends on a version is not passed on")
    func ifRange() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.none))
            let (head, body) = try await stage.get(
                "bytes=1000-", fields: ["If-Range: W/\"old\""])
            #expect(head.status == 200)
            stage.expect(body, are: 0..<5_000_000)
        }
    }

    @Test("a challenge is passed on with its fields")
    func challenge() async throws {
        try await Stage.run { stage in
            let answer = CannedAnswer(
                status: 401, fields: [HeaderField("WWW-Authenticate", "Basic realm=\"films\"")])
            stage.origin.behave(.answers(answer))
            let (head, _) = try await stage.get("bytes=0-")
            #expect(head.status == 401)
            #expect(head["www-authenticate"] == "Basic realm=\"films\"")
        }
    }

    /// However busy the machine is: the end begins before the head comes, and it is waited for.
    @Test("a response counts from its request to its end, or until its player has gone")
    func counted() async throws {
        try await Stage.run { stage in
            #expect(stage.platter.responseCount == 0)
            stage.origin.behave(.head(.delayed(nil)))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            try await stage.until { stage.platter.responseCount == 1 }
            try await client.close()
            try await stage.until { stage.platter.responseCount == 0 }
            stage.origin.clearBehaviours()
            let other = try await RawClient.connect(port: stage.port)
            try await other.request("HEAD", "/nothing.mp4")
            _ = try await other.head()
            // The connection stays open.
            try await stage.until { stage.platter.responseCount == 0 }
            try await other.close()
        }
    }

    private static func isPatient(_ configuration: inout PlatterConfiguration) {
        configuration.timing.head = .seconds(120)
        configuration.timing.stall = .seconds(120)
    }

    @Test(
        "who has had no answer when the server ends is told when to ask again",
        arguments: [false, true])
    func endsBeforeTheHead(isPassed: Bool) async throws {
        try await Stage.run(configure: Self.isPatient) { stage in
            if isPassed {
                stage.origin.behave(.validator(.none))
                _ = try await stage.get("bytes=0-9")
                stage.origin.resetLedger()
            }
            stage.origin.behave(.head(.delayed(nil)))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            _ = try await stage.origin.wait { $0.requests == 1 }
            async let stopped: Void = stage.platter.stop()
            let head = try await client.head()
            #expect(head.status == 503)
            #expect(head["retry-after"] == "2")
            #expect(head["connection"] == "close")
            #expect(head["content-length"] == "0")
            let (rest, end) = await client.readToEnd()
            #expect(rest.isEmpty)
            #expect(end == .finished)
            await stopped
        }
    }

    @Test(
        "a head that is made while the server ends says that the connection does too",
        arguments: [false, true])
    func headWhileDraining(isPassed: Bool) async throws {
        try await Stage.run(configure: Self.isPatient) { stage in
            if isPassed {
                stage.origin.behave(.validator(.none))
                _ = try await stage.get("bytes=0-9")
                stage.origin.resetLedger()
            }
            stage.origin.behave(.head(.delayed(.seconds(10))), times: 3)
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path, "Range: bytes=0-99999")
            _ = try await stage.origin.wait { $0.requests == 1 }
            async let stopped: Void = stage.platter.stop(drain: .seconds(60))
            let head = try await client.head()
            #expect(head.status == 206)
            #expect(head["connection"] == "close")
            let (body, end) = await client.readToEnd()
            stage.expect(body, are: 0..<100_000)
            #expect(end == .finished)
            await stopped
        }
    }

    @Test("a reader keeps what is on disk although the origin refuses what lies ahead")
    func refusedAhead() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.expect(try await stage.get("bytes=0-9999999").body, are: 0..<10_000_000)
            stage.origin.behave(.status(403))
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path, "Range: bytes=0-")
            #expect(try await client.head().status == 206)
            // What is ahead is asked for long before it is needed.
            stage.expect(try await client.read(10_000_000), are: 0..<10_000_000)
            // What is missing does not come; nothing else does either.
            let (rest, end) = await client.readToEnd()
            #expect(rest.isEmpty)
            #expect(end == .finished)
        }
    }
}
