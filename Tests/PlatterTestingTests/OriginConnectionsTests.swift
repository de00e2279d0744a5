import NIOCore
import PlatterCore
import PlatterTesting
import Testing

@Suite("Connections and pace of an origin", .timeLimit(.minutes(1)))
struct OriginConnectionsTests {
    @Test("an origin that is down refuses connections, and comes back on its port")
    func downAndUp() async throws {
        let host = "127.0.0.71"
        try await withScriptedOrigin(host: host) { origin in
            origin.serve(.ramp(length: 10), at: "/a")
            let port = origin.port
            try await origin.stopListening(closing: nil)
            await #expect(throws: (any Error).self) {
                try await RawClient.connect(port: port, host: host)
            }
            try await origin.resumeListening()
            #expect(origin.port == port)
            let client = try await RawClient.connect(port: port, host: host)
            try await client.request("HEAD", "/a")
            #expect(try await client.head().status == 200)
            try await client.close()
        }
    }

    @Test("going down ends open connections as told", arguments: [Ending.finish, .reset])
    func closesConnections(ending: Ending) async throws {
        try await withScriptedOrigin { origin in
            let client = try await RawClient.connect(port: origin.port)
            _ = try await origin.wait { $0.connectionsOpen == 1 }
            try await origin.stopListening(closing: ending)
            #expect(await client.readToEnd().end == (ending == .reset ? .reset : .finished))
            #expect(origin.ledger.connectionsOpen == 0)
        }
    }

    @Test("going down can leave open connections be")
    func leavesConnections() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 10), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            _ = try await origin.wait { $0.connectionsOpen == 1 }
            try await origin.stopListening(closing: nil)
            try await client.request("HEAD", "/a")
            #expect(try await client.head().status == 200)
            try await client.close()
        }
    }

    @Test("refused connections are accepted and closed", arguments: [Ending.finish, .reset])
    func refuses(ending: Ending) async throws {
        try await withScriptedOrigin { origin in
            origin.refuseConnections(with: ending)
            // A reset may come while the client is still connecting.
            if let client = try? await RawClient.connect(port: origin.port) {
                let (bytes, end) = await client.readToEnd()
                #expect(bytes.isEmpty)
                #expect(end == (ending == .reset ? .reset : .finished))
            }
            let ledger = try await origin.wait { $0.connectionsOpen == 0 }
            #expect(ledger.connectionsAccepted == 1 && ledger.requests == 0)
            origin.refuseConnections(with: nil)
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            #expect(try await client.head().status == 404)
            try await client.close()
        }
    }

    @Test("a connection beyond the most allowed is reset, the others stay")
    func maximumConnections() async throws {
        try await withScriptedOrigin { origin in
            origin.pace = Pace(maximumConnections: 1)
            let first = try await RawClient.connect(port: origin.port)
            _ = try await origin.wait { $0.connectionsOpen == 1 }
            if let second = try? await RawClient.connect(port: origin.port) {
                #expect(await second.readToEnd().end == .reset)
            }
            try await first.request("GET", "/a")
            #expect(try await first.head().status == 404)
            try await first.close()
        }
    }

    @Test("a client that leaves is noticed, its bytes stop")
    func clientLeaves() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: .max), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            try await client.request("GET", "/a")
            _ = try await client.head()
            try await client.close()
            let ledger = try await origin.wait { $0.connectionsOpen == 0 }
            #expect(ledger.bodyBytes == origin.ledger.bodyBytes)
        }
    }

    /// What a gate lets through above its rate: the first slice, and what it may catch up on.
    private let credit = Duration.milliseconds(35)

    @Test("two connections together are no faster than the bandwidth")
    func bandwidth() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 100_000), at: "/a")
            origin.pace = Pace(bandwidth: 2_000_000)
            let start = ContinuousClock.now
            async let one = fetch(origin.port)
            async let other = fetch(origin.port)
            let bodies = try await [one, other]
            #expect(ContinuousClock.now - start >= .milliseconds(100) - credit)
            #expect(bodies.allSatisfy { $0 == RampContent(length: 100_000).bytes(in: 0..<100_000) })
        }
    }

    @Test("a connection is no faster than its own bandwidth")
    func connectionBandwidth() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 100_000), at: "/a")
            origin.pace = Pace(connectionBandwidth: 1_000_000)
            let start = ContinuousClock.now
            let body = try await fetch(origin.port)
            #expect(ContinuousClock.now - start >= .milliseconds(100) - credit)
            #expect(body == RampContent(length: 100_000).bytes(in: 0..<100_000))
        }
    }

    private func fetch(_ port: Int) async throws -> [UInt8] {
        let client = try await RawClient.connect(port: port)
        try await client.request("GET", "/a", "Connection: close")
        _ = try await client.head()
        return await client.readToEnd().bytes
    }

    @Test("latency comes before each head, and more before the first of a connection")
    func latency() async throws {
        let pace = Pace(latency: .milliseconds(10), connectionLatency: .milliseconds(30))
        #expect(pace.delay(before: OriginRequest(target: "/")) == .milliseconds(40))
        let second = OriginRequest(target: "/", isFirstOnConnection: false)
        #expect(pace.delay(before: second) == .milliseconds(10))
        try await withScriptedOrigin { origin in
            origin.pace = pace
            let client = try await RawClient.connect(port: origin.port)
            let start = ContinuousClock.now
            for least in [40, 50] {
                try await client.request("GET", "/")
                _ = try await client.head()
                #expect(ContinuousClock.now - start >= .milliseconds(least))
            }
            try await client.close()
        }
    }
}
