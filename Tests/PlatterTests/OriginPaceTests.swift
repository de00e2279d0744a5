import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins that are slow", .serialized, .timeLimit(.minutes(5)))
struct OriginPaceTests {
    private static let starts: [Int64] = [0, 3_000_000]

    /// The start is on disk, and so the entry known, unless it is what is about to be asked for.
    private func prepare(_ stage: Stage, _ start: Int64) async throws {
        if start > 0 { try await stage.expectRange(0..<1000) }
        stage.origin.resetLedger()
    }

    @Test("a body of a byte a second is asked for again", arguments: starts)
    func drip(start: Int64) async throws {
        let configure = { (configuration: inout PlatterConfiguration) in
            configuration.timing.drip = .milliseconds(200)
        }
        try await Stage.run(configure: configure) { stage in
            try await prepare(stage, start)
            stage.origin.behave(.body(.drip(1)), times: 1)
            try await stage.expectRange(start..<start + 1_000_000)
            #expect(stage.origin.ledger.requests >= 2)
            try await stage.expectStored(start..<start + 1_000_000)
        }
    }

    @Test(
        "a body that stalls is asked for again from where it stalled", arguments: starts,
        [Int64(0), 100_000])
    func stalled(start: Int64, after: Int64) async throws {
        let configure = { (configuration: inout PlatterConfiguration) in
            configuration.timing.stall = .milliseconds(300)
        }
        try await Stage.run(configure: configure) { stage in
            try await prepare(stage, start)
            stage.origin.behave(.body(.stalled(after: after, nil)), times: 1)
            try await stage.expectRange(start..<start + 1_000_000)
            #expect(stage.origin.ledger.requests >= 2)
            #expect(stage.origin.ledger.bodyBytes <= 1_200_000)
            try await stage.expectStored(start..<start + 1_000_000)
        }
    }

    @Test("so is a head that does not come", arguments: starts)
    func noHead(start: Int64) async throws {
        let configure = { (configuration: inout PlatterConfiguration) in
            configuration.timing.stall = .milliseconds(300)
        }
        try await Stage.run(configure: configure) { stage in
            try await prepare(stage, start)
            stage.origin.behave(.head(.delayed(nil)), times: 1)
            try await stage.expectRange(start..<start + 1_000_000)
            #expect(stage.origin.ledger.requests >= 2)
        }
    }

    @Test(
        "an origin that is later than players wait is read when they come back",
        arguments: starts)
    func late(start: Int64) async throws {
        let configure = { (configuration: inout PlatterConfiguration) in
            configuration.timing.head = .seconds(1)
            configuration.timing.linger = .seconds(60)
        }
        try await Stage.run(configure: configure) { stage in
            try await prepare(stage, start)
            stage.origin.behave(.head(.delayed(.milliseconds(1500))))
            let range = "bytes=\(start)-\(start + 99_999)"
            var answer = try await stage.get(range)
            #expect(answer.head.status == 503)
            #expect(answer.head["retry-after"] == "2")
            for _ in 0..<5 where answer.head.status == 503 { answer = try await stage.get(range) }
            #expect(answer.head.status == 206)
            stage.expect(answer.body, are: start..<start + 100_000)
            // The one that the first try had sent.
            #expect(stage.origin.ledger.requests == 1)
        }
    }

    @Test("one answer with the whole does not disturb who reads by ranges")
    func accidentalWhole() async throws {
        try await Stage.run(length: 50_000_000) { stage in
            try await stage.expectRange(0..<1000)
            stage.origin.resetLedger()
            stage.origin.pace = Pace(connectionBandwidth: 2_000_000)
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path, "Range: bytes=40000000-41999999")
            #expect(try await client.head().status == 206)
            stage.expect(try await client.read(1), are: 40_000_000..<40_000_001)
            stage.origin.behave(.ignoresRange, times: 1)
            try await stage.expectRange(1_000_000..<1_100_000)
            stage.expect(try await client.read(1_999_999), are: 40_000_001..<42_000_000)
            // Nobody had to wait for all that lies between.
            #expect(stage.origin.ledger.bodyBytes < 10_000_000)
        }
    }

    @Test("far behind a transfer of the whole a reader goes past the store at once")
    func farBehindWhole() async throws {
        try await Stage.run(length: 200_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            stage.origin.pace = Pace(connectionBandwidth: 1_000_000)
            let client = try await RawClient.connect(port: stage.port)
            try await client.request("GET", Stage.path)
            #expect(try await client.head().status == 200)
            stage.expect(try await client.read(100_000), are: 0..<100_000)
            let far = try await RawClient.connect(port: stage.port)
            try await far.request("GET", Stage.path, "Range: bytes=190000000-")
            // As the origin answers it.
            #expect(try await far.head().status == 200)
            stage.expect(try await far.read(1000), are: 0..<1000)
            stage.expect(try await client.read(100_000), are: 100_000..<200_000)
            try await far.close()
            try await client.close()
        }
    }
}
