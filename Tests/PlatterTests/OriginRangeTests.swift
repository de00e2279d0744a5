import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins that answer ranges wrongly", .serialized, .timeLimit(.minutes(5)))
struct OriginRangeTests {
    /// For `bytes=100000-199999` of 300,000.
    static let contentRanges: [String] = [
        "", "bytes", "bytes ", "bytes 100000-199999", "bytes=100000-199999/300000",
        "100000-199999/300000", "items 100000-199999/300000", "bytes 199999-100000/300000",
        "bytes -100000-199999/300000", "bytes 100000-199999/-300000", "bytes 100000-199999/199999",
        "bytes 100000-199999/0", "bytes 100000-199999/3e5", "bytes 100000-199999/300000/300000",
        "bytes 100000-199999/99999999999999999999", "bytes 100000-99999999999999999999/*",
        "bytes 100000-199999/300000, bytes 0-9/300000", "bytes */300000", "bytes */*",
        "bytes 100000-199999/*", "bytes 99999-199998/300000", "bytes 100001-200000/300000",
        "bytes 0-99999/300000", "bytes 0-199999/300000", "bytes 100000-200000/300000",
        "bytes 100000-299999/300000", "bytes 100000-199998/300000", "bytes 100000-100000/300000",
        "bytes 0x186a0-0x30d3f/300000", "bytes 100000 - 199999 / 300000",
    ]

    @Test("thirty wrong Content-Ranges: no byte is taken, and one more request each mends it")
    func contentRange() async throws {
        #expect(Self.contentRanges.count == 30)
        try await Stage.run { stage in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, text) in Self.contentRanges.enumerated() {
                    let path = "/\(number).mp4"
                    stage.origin.serve(.ramp(length: 300_000, seed: number), at: path)
                    stage.origin.behave(
                        Behaviour(
                            .contentRange(.literal(text)), times: 1, startingAt: 100_000),
                        at: path)
                    group.addTask {
                        let content = RampContent(length: 300_000, seed: number)
                        for range in [0..<1000, 100_000..<200_000, 0..<300_000] as [ByteRange] {
                            let (head, body) = try await stage.get(
                                "bytes=\(range.lowerBound)-\(range.upperBound - 1)", path: path)
                            #expect(head.status == 206, "\(text)")
                            stage.expect(body, are: range, of: content)
                        }
                        let requests = stage.origin.ledger.paths[path]?.requests ?? 0
                        // What opens it, what is wrong, what mends it, and what lies around it.
                        #expect(3...5 ~= requests, "\(text)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(
        "several parts in answer to one range are no answer, in the middle and at the start",
        arguments: [0, 2_000_000] as [Int64])
    func multipart(start: Int64) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1000)
            let type = HeadVice.contentType("multipart/byteranges; boundary=x")
            stage.origin.behave(.head(type), times: 1)
            try await stage.expectRange(1000 + start..<1_000_000 + start)
            try await stage.expectStored(1000 + start..<1_000_000 + start)
        }
    }

    @Test("a range that an origin without ranges has far back costs no more than what is read")
    func farBack() async throws {
        try await Stage.run(length: 50_000_000_000) { stage in
            stage.origin.behave(.ignoresRange)
            for _ in 0..<2 {
                let client = try await RawClient.connect(port: stage.port, isLazy: true)
                try await client.request("GET", Stage.path, "Range: bytes=45000000000-")
                #expect(try await client.head().status == 200)
                stage.expect(try await client.read(100_000), are: 0..<100_000)
                try await client.close()
                _ = try await stage.origin.wait { $0.connectionsOpen == 0 }
            }
            // What lay in the buffers of the sockets.
            #expect(stage.origin.ledger.bodyBytes < 30_000_000)
        }
    }

    @Test("the same where the start is on disk: what is far back is not waited for in vain")
    func farBackWarm() async throws {
        try await Stage.run(length: 50_000_000_000) { stage in
            try await stage.expectRange(0..<1000)
            stage.origin.behave(.ignoresRange)
            stage.origin.resetLedger()
            let client = try await RawClient.connect(port: stage.port, isLazy: true)
            try await client.request("GET", Stage.path, "Range: bytes=45000000000-")
            #expect(try await client.head().status == 200)
            stage.expect(try await client.read(100_000), are: 0..<100_000)
            try await client.close()
            #expect(stage.origin.ledger.bodyBytes < 30_000_000)
        }
    }

    @Test(
        "a range that is refused although it should be there is asked for again, and the rest stays",
        arguments: ["bytes */5000000", "bytes */512", nil])
    func refused(contentRange: String?) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            let fields = contentRange.map { [HeaderField("Content-Range", $0)] } ?? []
            stage.origin.behave(.answers(CannedAnswer(status: 416, fields: fields)), times: 1)
            try await stage.expectRange(3_000_000..<4_000_000)
            try await stage.expectStored(0..<100_000)
        }
    }

    @Test("one that is refused again opens the film anew, with what was stored of the same version")
    func refusedAgain() async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(.status(416), times: 2)
            try await stage.expectRange(3_000_000..<4_000_000)
            try await stage.expectStored(0..<100_000)
        }
    }

    @Test("a mirror whose copy is cut short throws nothing away")
    func cutShort() async throws {
        try await Stage.run { stage in
            let refusal = CannedAnswer(
                status: 416, fields: [HeaderField("Content-Range", "bytes */2000000")])
            try await stage.expectRange(0..<1000)
            for number in Int64(1)...3 {
                stage.origin.behave(.answers(refusal), times: 1)
                try await stage.expectRange(3_000_000 + number * 1000..<3_001_000 + number * 1000)
            }
            try await stage.expectStored(0..<1000)
        }
    }
}
