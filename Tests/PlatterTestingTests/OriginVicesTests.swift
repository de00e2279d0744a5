import PlatterCore
import PlatterTesting
import Testing

private let ramp = RampContent(length: 600_000)

/// An origin that has the vice, and a client that has asked it for the ramp.
private func withVice(
    _ vices: Vice..., times: Int? = nil, range: String = "bytes=0-",
    _ body: (ScriptedOrigin, RawClient) async throws -> Void
) async throws {
    try await withScriptedOrigin { origin in
        origin.serve(.ramp(length: ramp.length), at: "/a")
        for vice in vices { origin.behave(vice, at: "/a", times: times) }
        let client = try await RawClient.connect(port: origin.port)
        try await client.request("GET", "/a", "Range: \(range)")
        try await body(origin, client)
        try await client.close()
    }
}

@Suite("An origin with a vice on the wire", .timeLimit(.minutes(1)))
struct OriginVicesTests {
    @Test("the ignored range is 200 and everything")
    func ignoresRange() async throws {
        try await withVice(.ignoresRange, range: "bytes=5-6") { _, client async throws in
            #expect(try await client.head().status == 200)
            #expect(try await client.read(600_000) == ramp.bytes(in: 0..<600_000))
        }
    }

    @Test("a shifted Content-Range comes with the bytes that were asked")
    func shifted() async throws {
        try await withVice(.contentRange(.shifted), range: "bytes=5-9") { _, client async throws in
            #expect(try await client.head()["Content-Range"] == "bytes 6-10/600000")
            #expect(try await client.read(5) == [5, 6, 7, 8, 9])
        }
    }

    @Test("two Content-Range fields are two on the wire")
    func twice() async throws {
        try await withVice(.contentRange(.twice), range: "bytes=0-9") { _, client async throws in
            #expect(try await client.head().values(of: "Content-Range").count == 2)
        }
    }

    @Test("a body cut with FIN has exactly the bytes before the cut", arguments: [0, 1, 399_999])
    func truncated(count: Int) async throws {
        try await withVice(.body(.truncated(after: Int64(count)))) { origin, client async throws in
            #expect(try await client.head()["Content-Length"] == "600000")
            let (bytes, end) = await client.readToEnd()
            #expect(bytes == ramp.bytes(in: 0..<Int64(count)))
            #expect(end == .finished)
            #expect(origin.ledger.bodyBytes == count)
        }
    }

    @Test("a short body lacks its last bytes")
    func short() async throws {
        try await withVice(.body(.short(by: 1))) { _, client async throws in
            #expect(try await client.head()["Content-Length"] == "600000")
            let (bytes, end) = await client.readToEnd()
            #expect(bytes == ramp.bytes(in: 0..<599_999))
            #expect(end == .finished)
        }
    }

    @Test("a reset body ends in RST, after right bytes")
    func reset() async throws {
        try await withVice(.body(.reset(after: 1000))) { origin, client in
            let head = try? await client.head()
            #expect(head == nil || head?.status == 206)
            let (bytes, end) = await client.readToEnd()
            #expect(end == .reset)
            #expect(bytes.count <= 1000 && ramp.firstMismatch(in: bytes, at: 0) == nil)
            #expect(origin.ledger.bodyBytes == 1000)
        }
    }

    @Test("a long body is followed by bytes that look like a response")
    func long() async throws {
        try await withVice(.body(.long(by: 15)), range: "bytes=0-3") { _, client in
            #expect(try await client.head()["Content-Length"] == "4")
            #expect(try await client.read(4) == [0, 1, 2, 3])
            let extra = try await client.read(15)
            #expect(String(decoding: extra, as: UTF8.self) == "HTTP/1.1 200 OK")
        }
    }

    @Test("a body that stalls for ever stops at its byte and keeps the connection")
    func stalled() async throws {
        try await withVice(.body(.stalled(after: 300_000, nil))) { origin, client in
            _ = try await client.head()
            #expect(try await client.read(300_000) == ramp.bytes(in: 0..<300_000))
            let ledger = try await origin.wait { $0.bodyBytes >= 300_000 }
            #expect(ledger.bodyBytes == 300_000)
            #expect(ledger.connectionsOpen == 1 && ledger.log.last?.isOver == false)
        }
    }

    @Test("a body that stalls for a while goes on after it")
    func stalledForAWhile() async throws {
        let pause = Duration.milliseconds(40)
        let start = ContinuousClock.now
        try await withVice(.body(.stalled(after: 10, pause))) { _, client in
            _ = try await client.head()
            #expect(try await client.read(600_000) == ramp.bytes(in: 0..<600_000))
            #expect(ContinuousClock.now - start >= pause)
        }
    }

    @Test("a drip takes its time")
    func drip() async throws {
        let start = ContinuousClock.now
        try await withVice(.body(.drip(100))) { _, client in
            _ = try await client.head()
            #expect(try await client.read(6) == [0, 1, 2, 3, 4, 5])
            // Five bytes after the first, less what a gate may catch up on.
            #expect(ContinuousClock.now - start >= .milliseconds(20))
        }
    }

    @Test("a late head comes late")
    func delayedHead() async throws {
        let start = ContinuousClock.now
        try await withVice(.head(.delayed(.milliseconds(40)))) { _, client async throws in
            #expect(try await client.head().status == 206)
            #expect(ContinuousClock.now - start >= .milliseconds(40))
        }
    }

    @Test("chunks are framed as RFC 9112 says")
    func chunked() async throws {
        try await withVice(.body(.chunked), range: "bytes=5-20") { origin, client in
            let head = try await client.head()
            #expect(head["Transfer-Encoding"] == "chunked" && head["Content-Length"] == nil)
            let expected = [UInt8]("10\r\n".utf8) + (5...20) + [UInt8]("\r\n0\r\n\r\n".utf8)
            #expect(try await client.read(expected.count) == expected)
            let ledger = try await origin.wait { $0.log.last?.isOver == true }
            #expect(ledger.bodyBytes == 16)
        }
    }

    @Test("a close-delimited body ends with the connection")
    func closeDelimited() async throws {
        try await withVice(.body(.closeDelimited)) { _, client in
            let head = try await client.head()
            #expect(head["Content-Length"] == nil && head["Transfer-Encoding"] == nil)
            let (bytes, end) = await client.readToEnd()
            #expect(bytes == ramp.bytes(in: 0..<600_000))
            #expect(end == .finished)
        }
    }

    @Test("a hang-up sends nothing", arguments: [Ending.finish, .reset])
    func hangsUp(ending: Ending) async throws {
        try await withVice(.hangsUp(ending)) { _, client in
            let (bytes, end) = await client.readToEnd()
            #expect(bytes.isEmpty)
            #expect(end == (ending == .reset ? .reset : .finished))
        }
    }

    @Test("a status for one request is gone at the next")
    func statusOnce() async throws {
        try await withVice(.status(503, retryAfter: "3"), times: 1) { _, client in
            let refused = try await client.head()
            #expect(refused.status == 503 && refused["Retry-After"] == "3")
            try await client.request("GET", "/a", "Range: bytes=7-7")
            #expect(try await client.head().status == 206)
            #expect(try await client.read(1) == [7])
        }
    }

    @Test("tag and bytes change with every request")
    func changing() async throws {
        let vice = Vice.validator(.changing(every: 1, bytes: true))
        try await withVice(vice, range: "bytes=0-4") { _, client in
            let first = try await client.head()["ETag"]
            #expect(try await client.read(5) == ramp.bytes(in: 0..<5))
            try await client.request("GET", "/a", "Range: bytes=0-4")
            let second = try await client.head()["ETag"]
            #expect(try await client.read(5) == ramp.version(1).bytes(in: 0..<5))
            #expect(first != second && second != nil)
        }
    }

    @Test("a vice for every path concerns paths without a resource")
    func everyPath() async throws {
        try await withScriptedOrigin { origin in
            origin.behave(.redirects(to: "/b", code: 301))
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/nothing")
            let head = try await client.head()
            #expect(head.status == 301 && head["Location"] == "/b")
            try await client.close()
        }
    }

    @Test("cleared vices are gone")
    func cleared() async throws {
        try await withVice(.status(500)) { origin, client in
            #expect(try await client.head().status == 500)
            origin.clearBehaviours()
            try await client.request("HEAD", "/a")
            #expect(try await client.head().status == 200)
        }
    }
}
