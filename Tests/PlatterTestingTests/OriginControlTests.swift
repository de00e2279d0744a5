import Foundation
import PlatterTesting
import Testing

@Suite("The control interface of an origin", .timeLimit(.minutes(1)))
struct OriginControlTests {
    /// Sends a command on a connection of its own.
    private func control(
        _ origin: ScriptedOrigin, _ command: String
    ) async throws -> (status: Int, body: String) {
        let client = try await RawClient.connect(port: origin.port)
        try await client.request("GET", "/-/\(command)", "Connection: close")
        let head = try await client.head()
        let body = await client.readToEnd().bytes
        return (head.status, String(decoding: body, as: UTF8.self))
    }

    @Test("stats are the ledger as JSON")
    func stats() async throws {
        struct Stats: Decodable {
            struct Record: Decodable {
                let method: String
                let path: String
                let range: String?
                let connection: Int
                let status: Int
                let bodyBytes: Int
                let at: Int
            }
            let requests: Int
            let bodyBytes: Int
            let connectionsAccepted: Int
            let connectionsOpen: Int
            let paths: [String: [String: Int]]
            let log: [Record]
        }
        try await withScriptedOrigin(hasControl: true) { origin in
            origin.serve(.ramp(length: 100), at: "/aB")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/aB", "Range: bytes=0-9")
            _ = try await client.head()
            #expect(try await client.read(10).count == 10)
            _ = try await origin.wait { $0.log.last?.isOver == true }
            let reply = try await control(origin, "stats")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let stats = try decoder.decode(Stats.self, from: Data(reply.body.utf8))
            #expect(stats.requests == 1 && stats.bodyBytes == 10)
            #expect(stats.connectionsAccepted == 2)
            #expect(stats.paths == ["/aB": ["requests": 1, "body_bytes": 10]])
            let record = try #require(stats.log.first)
            #expect(record.method == "GET" && record.path == "/aB" && record.range == "bytes=0-9")
            #expect(record.status == 206 && record.bodyBytes == 10 && record.connection == 1)
            try await client.close()
        }
    }

    @Test("a reset empties the counters")
    func reset() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            _ = try await client.head()
            #expect(origin.ledger.requests == 1)
            #expect(try await control(origin, "reset").status == 200)
            #expect(origin.ledger.requests == 0)
            try await client.close()
        }
    }

    @Test("the pace is set in part, and the rest stays")
    func pace() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            origin.pace = Pace(connectionBandwidth: 7, latency: .milliseconds(1))
            let reply = try await control(
                origin, "pace?bandwidth=5MB&connection_latency=20&connections=9")
            #expect(reply.status == 200)
            #expect(
                origin.pace
                    == Pace(
                        bandwidth: 5_000_000, connectionBandwidth: 7, latency: .milliseconds(1),
                        connectionLatency: .milliseconds(20), maximumConnections: 9))
            #expect(try await control(origin, "pace?bandwidth=0").status == 200)
            #expect(origin.pace.bandwidth == nil)
        }
    }

    @Test("a behaviour is in force for its path, range and count, until cleared")
    func behave() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            origin.serve(.ramp(length: 1000), at: "/a.mp4")
            let command = "behave?path=/a.mp4&kind=status&code=429&retry_after=7&count=1&from=500"
            #expect(try await control(origin, command).status == 200)
            #expect(try await control(origin, "behave?kind=weak-etag").status == 200)
            let client = try await RawClient.connect(port: origin.port)
            var found: [Int] = []
            for start in [499, 500, 500] {
                try await client.request("GET", "/a.mp4", "Range: bytes=\(start)-\(start)")
                let head = try await client.head()
                found.append(head.status)
                if head.status == 206 {
                    #expect(head["ETag"] == "W/\"ramp-1000-0\"")
                    #expect(try await client.read(1) == [UInt8(start % 251)])
                }
            }
            #expect(found == [206, 429, 206])
            #expect(try await control(origin, "clear").status == 200)
            try await client.request("HEAD", "/a.mp4")
            #expect(try await client.head()["ETag"] == "\"ramp-1000-0\"")
            try await client.close()
        }
    }

    @Test(
        "every kind is known",
        arguments: [
            "status&code=503&body=sorry", "head-refused&code=403", "redirect&to=/b&code=307",
            "error-page", "hangs-up&ending=finish", "ignores-range", "caps-range&n=1MiB",
            "no-validator", "no-etag", "no-last-modified", "weak-etag",
            "changing&every=2&versions=2&bytes=1", "content-range&fault=unknown-total",
            "content-range&fault=wrong-start", "content-range&fault=wrong-end",
            "content-range&fault=wrong-total", "content-range&fault=missing",
            "content-range&fault=twice", "content-range&fault=shifted",
            "content-range&fault=other-unit", "content-range&value=bytes%200-1/2",
            "delayed-head", "delayed-head&seconds=0.5", "gzip", "content-type&value=text/html",
            "no-accept-ranges", "field&name=Age&value=5", "short&n=1", "long&n=1",
            "truncated&n=3MiB", "reset&n=0", "stalled&n=5", "stalled&n=5&seconds=20", "drip",
            "drip&rate=10", "chunked", "close-delimited",
        ])
    func kinds(kind: String) async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            let reply = try await control(origin, "behave?path=/a&kind=\(kind)")
            #expect(reply.status == 200, "\(reply.body)")
        }
    }

    @Test(
        "what cannot be read is 400 and changes nothing",
        arguments: [
            "nonsense", "behave", "behave?kind=nonsense", "behave?kind=truncated",
            "behave?kind=truncated&n=-1", "behave?kind=truncated&n=99999999999999999999",
            "behave?kind=status&code=99", "behave?kind=status&code=99999999999",
            "behave?kind=content-range&fault=x", "behave?kind=delayed-head&seconds=nan",
            "behave?kind=delayed-head&seconds=1e300", "pace?bandwidth=x", "pace?latency=-1",
            "refuse?ending=x", "pause-listening", "serve?path=/x", "serve?length=1",
        ])
    func badCommands(command: String) async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            origin.serve(.ramp(length: 1), at: "/a")
            let reply = try await control(origin, command)
            #expect(reply.status == 400)
            #expect(reply.body.hasPrefix("{\"error\":"))
            #expect(origin.pace == .unlimited)
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            #expect(try await client.head()["Content-Length"] == "1")
            try await client.close()
        }
    }

    @Test("a ramp is served at the path that was asked for")
    func serve() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            let reply = try await control(origin, "serve?path=/f/a.webm&length=300&seed=4")
            #expect(reply.status == 200)
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/f/a.webm")
            #expect(try await client.head()["Content-Type"] == "video/webm")
            let ramp = RampContent(length: 300, seed: 4)
            #expect(try await client.read(300) == ramp.bytes(in: 0..<300))
            try await client.close()
        }
    }

    @Test("a pause answers, resets connections, and the origin comes back")
    func pauseListening() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            let idle = try await RawClient.connect(port: origin.port)
            _ = try await origin.wait { $0.connectionsOpen == 1 }
            let reply = try await control(origin, "pause-listening?seconds=0.05")
            #expect(reply.status == 200)
            #expect(await idle.readToEnd().end == .reset)
            try await origin.waitUntilListening()
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            #expect(try await client.head().status == 404)
            try await client.close()
        }
    }

    @Test("without it the interface is a path like any other")
    func absent() async throws {
        try await withScriptedOrigin { origin async throws in
            #expect(try await control(origin, "stats").status == 404)
        }
    }
}
