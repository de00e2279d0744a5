import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Serving through the cache")
struct ServingTests {
    @Test("a cold range starts at the byte asked for, and only that is asked of the origin first")
    func coldSeek() async throws {
        try await Stage.run { stage in
            let (head, body) = try await stage.get("bytes=2345678-2445677")
            #expect(head.status == 206)
            #expect(head["content-range"] == "bytes 2345678-2445677/5000000")
            stage.expect(body, are: 2_345_678..<2_445_678)
            let first = try #require(stage.origin.ledger.log.first)
            #expect(first.range?.hasPrefix("bytes=2345678-") == true)
        }
    }

    @Test("a request without a range gets the whole with 200 and its length")
    func whole() async throws {
        try await Stage.run { stage in
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(head["accept-ranges"] == "bytes")
            stage.expect(body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes == 5_000_000)
        }
    }

    @Test("what was fetched is served again without the origin")
    func warm() async throws {
        try await Stage.run { stage in
            _ = try await stage.get()
            stage.origin.resetLedger()
            let (head, body) = try await stage.get("bytes=1000000-")
            #expect(head["cache-status"] == "Platter; hit")
            stage.expect(body, are: 1_000_000..<5_000_000)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("ranges that were fetched in pieces make a whole")
    func pieces() async throws {
        try await Stage.run { stage in
            for start in [3_000_000, 0, 4_500_000, 1_500_000] as [Int64] {
                let end = min(start + 1_500_000, 5_000_000)
                let (_, body) = try await stage.get("bytes=\(start)-\(end - 1)")
                stage.expect(body, are: start..<end)
            }
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes <= 5_000_000 + 256 << 10)
        }
    }

    @Test("the last bytes are found without knowing the length", arguments: [1, 1000, 300_000])
    func suffix(count: Int64) async throws {
        try await Stage.run { stage in
            let (head, body) = try await stage.get("bytes=-\(count)")
            #expect(head.status == 206)
            stage.expect(body, are: (5_000_000 - count)..<5_000_000)
        }
    }

    @Test("a range beyond the end is refused with the length, cold and warm")
    func unsatisfiable() async throws {
        try await Stage.run { stage in
            for _ in 0..<2 {
                let (head, body) = try await stage.get("bytes=5000000-")
                #expect(head.status == 416)
                #expect(head["content-range"] == "bytes */5000000")
                #expect(body.isEmpty)
                _ = try await stage.get("bytes=0-0")
            }
        }
    }

    @Test("HEAD says what GET would, without a body, and never goes to the origin as HEAD")
    func head() async throws {
        try await Stage.run { stage in
            for _ in 0..<2 {
                let (head, _) = try await stage.get(method: "HEAD")
                #expect(head.status == 200)
                #expect(head["content-length"] == "5000000")
                #expect(head["etag"] == "\"v1\"")
            }
            #expect(stage.origin.ledger.log.allSatisfy { $0.method == "GET" })
        }
    }

    @Test("one connection carries several requests")
    func keepAlive() async throws {
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            for start in [0, 4_000_000, 2_000_000] as [Int64] {
                try await client.request(
                    "GET", Stage.path, "Range: bytes=\(start)-\(start + 99_999)")
                #expect(try await client.head().status == 206)
                stage.expect(try await client.read(100_000), are: start..<(start + 100_000))
            }
            try await client.close()
        }
    }

    @Test("an object of no bytes is served")
    func empty() async throws {
        try await Stage.run(length: 0) { stage in
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            #expect(head["content-length"] == "0")
            #expect(body.isEmpty)
        }
    }

    @Test("the last bytes of an object of none are all of it")
    func suffixOfNothing() async throws {
        try await Stage.run(length: 0) { stage in
            let (head, body) = try await stage.get("bytes=-5")
            #expect(head.status == 200)
            #expect(head["content-length"] == "0")
            #expect(body.isEmpty)
        }
    }

    @Test(
        "conditional requests are answered from the entry",
        arguments: [
            ("If-None-Match: \"v1\"", 304), ("If-None-Match: \"v2\"", 206),
            ("If-Match: \"v1\"", 206), ("If-Match: \"v2\"", 412),
            ("If-Range: \"v1\"", 206), ("If-Range: \"v2\"", 200),
        ])
    func conditions(line: String, status: Int) async throws {
        try await Stage.run(length: 100_000) { stage in
            let (head, _) = try await stage.get("bytes=0-9", fields: [line])
            #expect(head.status == status)
        }
    }

    @Test("an origin without an entity tag gets a strong one that stays the same")
    func ownEntityTag() async throws {
        let resource = Resource.ramp(length: Stage.length, entityTag: nil)
        try await Stage.run(resource: resource) { stage in
            let first = try await stage.get("bytes=0-9").head["etag"]
            let second = try await stage.get("bytes=4000000-4000009").head["etag"]
            #expect(first?.hasPrefix("\"") == true)
            #expect(first == second)
        }
    }

    @Test("a registered URL is served under its local one, with its fields")
    func registered() async throws {
        try await Stage.run { stage in
            let url = stage.origin.url(Stage.path)
            let local = try stage.platter.localURL(
                for: url, headers: [(name: "X-Token", value: "secret")])
            #expect(
                try stage.platter.localURL(
                    for: url, headers: [(name: "X-Token", value: "secret")]) == local)
            let path = String(local.dropFirst(stage.platter.baseURL.count))
            let (head, body) = try await stage.get("bytes=10-99", path: path)
            #expect(head.status == 206)
            stage.expect(body, are: 10..<100)
            let fields = try #require(stage.origin.ledger.log.last?.fields)
            #expect(fields.contains { $0.isNamed("x-token") && $0.value == "secret" })
        }
    }

    @Test("what a local URL does not name is not found")
    func unknown() async throws {
        try await Stage.run { stage in
            for path in ["/_platter/stream/nothing/film.mp4", "/missing.mp4"] {
                let (head, _) = try await stage.get(path: path)
                #expect(head.status == 404)
            }
        }
    }

    @Test("requests that HTTP does not allow are refused and the connection is closed")
    func malformed() async throws {
        try await Stage.run { stage in
            for text in [
                "GET \(Stage.path) HTTP/1.1\r\n\r\n",
                "GET \(Stage.path) HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /../secret HTTP/1.1\r\nHost: a\r\n\r\n",
                "nonsense\r\n\r\n",
            ] {
                let client = try await RawClient.connect(port: stage.port)
                try await client.send(text)
                let head = try await client.head()
                #expect(head.status == 400, "\(text)")
                #expect(await client.readToEnd().bytes.isEmpty)
            }
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("a method that is not served is refused by name")
    func method() async throws {
        try await Stage.run { stage in
            let (head, _) = try await stage.get(method: "DELETE")
            #expect(head.status == 405)
            #expect(head["allow"] == "GET, HEAD")
        }
    }
}
