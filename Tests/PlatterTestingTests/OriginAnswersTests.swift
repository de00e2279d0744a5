import NIOCore
import PlatterCore
import PlatterTesting
import Testing

@Suite("A healthy origin on the wire", .timeLimit(.minutes(1)))
struct OriginAnswersTests {
    @Test("a whole object arrives byte for byte")
    func whole() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 5_000_000, seed: 3), at: "/a.mp4")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a.mp4")
            let head = try await client.head()
            #expect(head.status == 200)
            #expect(head["Content-Length"] == "5000000")
            #expect(head["Accept-Ranges"] == "bytes")
            let body = try await client.read(5_000_000)
            #expect(RampContent(length: 5_000_000, seed: 3).firstMismatch(in: body, at: 0) == nil)
            try await client.close()
        }
    }

    @Test(
        "a part arrives byte for byte",
        arguments: [
            ("bytes=0-0", Int64(0)..<1), ("bytes=999990-1999989", 999_990..<1_999_990),
            ("bytes=2999999-", 2_999_999..<3_000_000), ("bytes=-500", 2_999_500..<3_000_000),
        ])
    func part(range: String, bytes: ByteRange) async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 3_000_000), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a", "Range: \(range)")
            let head = try await client.head()
            #expect(head.status == 206)
            #expect(
                head["Content-Range"]
                    == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/3000000")
            let body = try await client.read(Int(bytes.length))
            #expect(body == RampContent(length: 3_000_000).bytes(in: bytes))
            try await client.close()
        }
    }

    @Test("a file arrives byte for byte, and its tag follows its content")
    func file() async throws {
        try await withTemporaryFile(RampContent(length: 700_000, seed: 5).bytes(in: 0..<700_000)) {
            path in
            let resource = try #require(Resource.file(at: path))
            try await withScriptedOrigin { origin in
                origin.serve(resource, at: "/f")
                let client = try await RawClient.connect(port: origin.port)
                try await client.request("GET", "/f", "Range: bytes=1000-")
                let head = try await client.head()
                #expect(head.values(of: "ETag") == [resource.entityTag])
                #expect(head["Content-Length"] == "699000")
                let body = try await client.read(699_000)
                let ramp = RampContent(length: 700_000, seed: 5)
                #expect(ramp.firstMismatch(in: body, at: 1000) == nil)
                try await client.close()
            }
        }
    }

    @Test("a file that is not there is no resource")
    func noFile() {
        #expect(Resource.file(at: "/nowhere/at/all") == nil)
        #expect(Resource.file(at: "/") == nil)
    }

    @Test("a file that shrank ends in a reset, not in a hang")
    func shrunkFile() async throws {
        try await withTemporaryFile([1, 2, 3]) { path in
            try await withScriptedOrigin { origin in
                var resource = try #require(Resource.file(at: path))
                resource.content = .file(path: path, length: 10)
                origin.serve(resource, at: "/f")
                let client = try await RawClient.connect(port: origin.port)
                try await client.request("GET", "/f")
                #expect(await client.readToEnd().end == .reset)
            }
        }
    }

    @Test("a connection is kept for the next request, and pipelined ones are answered in order")
    func keepAlive() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 1000), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            let asked = (0..<3).map { number in
                "GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=\(number)-\(number)\r\n\r\n"
            }
            try await client.send(asked.joined())
            for number in 0..<3 {
                #expect(try await client.head().status == 206)
                #expect(try await client.read(1) == [UInt8(number)])
            }
            #expect(origin.ledger.log.map(\.connection) == [1, 1, 1])
            try await client.close()
        }
    }

    @Test("HEAD is followed by the next answer, not by a body")
    func head() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 1000), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("HEAD", "/a")
            try await client.request("GET", "/b")
            let first = try await client.head()
            #expect(first["Content-Length"] == "1000")
            #expect(try await client.head().status == 404)
            try await client.close()
        }
    }

    @Test("a connection that is not wanted any longer is closed with FIN after the last byte")
    func connectionClose() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 300_000), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a", "Connection: close")
            _ = try await client.head()
            let (bytes, end) = await client.readToEnd()
            #expect(bytes == RampContent(length: 300_000).bytes(in: 0..<300_000))
            #expect(end == .finished)
        }
    }

    @Test("nonsense is answered 400 and closed")
    func nonsense() async throws {
        try await withScriptedOrigin { origin in
            let client = try await RawClient.connect(port: origin.port)
            try await client.send("\u{1}\u{2} nonsense\r\n\r\n")
            #expect(try await client.head().status == 400)
            #expect(await client.readToEnd().bytes.isEmpty)
        }
    }

    @Test("a script is sent as it is written")
    func script() async throws {
        try await withScriptedOrigin { origin in
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"
            origin.serve(.script([.raw(text), .text("yz")]), at: "/s")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/s")
            let (bytes, end) = await client.readToEnd()
            #expect(String(decoding: bytes, as: UTF8.self) == text + "yz")
            #expect(end == .finished)
            #expect(origin.ledger.bodyBytes == 2)
        }
    }

    @Test("the ledger tells who asked what, and what was written")
    func ledger() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 1000), at: "/a b")
            for _ in 0..<2 {
                let client = try await RawClient.connect(port: origin.port)
                try await client.request(
                    "GET", "/a%20b?x=1", "Range: bytes=0-99", "Connection: close")
                #expect(await client.readToEnd().end == .finished)
            }
            let ledger = try await origin.wait { ledger in
                ledger.connectionsOpen == 0 && ledger.log.allSatisfy(\.isOver)
            }
            #expect(ledger.requests == 2)
            #expect(ledger.bodyBytes == 200)
            #expect(ledger.connectionsAccepted == 2)
            #expect(ledger.paths["/a b"]?.requests == 2)
            #expect(ledger.paths["/a b"]?.bodyBytes == 200)
            let last = try #require(ledger.log.last)
            #expect(last.method == "GET" && last.status == 206 && last.bodyBytes == 100)
            #expect(last.path == "/a b" && last.target == "/a%20b?x=1")
            #expect(last.range == "bytes=0-99" && last.connection == 2)
            #expect(last.fields.contains(HeaderField("Host", "127.0.0.1")))
        }
    }

    @Test("a reset of the ledger forgets requests and keeps open connections")
    func resetLedger() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 10), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            _ = try await client.head()
            _ = try await client.read(10)
            _ = try await origin.wait { $0.log.last?.isOver == true }
            origin.resetLedger()
            let ledger = origin.ledger
            #expect(ledger.requests == 0 && ledger.bodyBytes == 0 && ledger.log.isEmpty)
            #expect(ledger.connectionsOpen == 1)
            try await client.close()
        }
    }

    @Test("waiting for the ledger ends when the task is cancelled")
    func cancelledWait() async throws {
        try await withScriptedOrigin { origin in
            let waiting = Task { try await origin.wait { $0.requests > 0 } }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }
}
