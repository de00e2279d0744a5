import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins beyond reason", .serialized, .timeLimit(.minutes(5)))
struct OriginOddityTests {
    @Test("a film of more bytes than any disk has is served where it is asked for")
    func absurdLength() async throws {
        let length = Int64.max
        try await Stage.run(length: length) { stage in
            let middle = length / 2
            for range in [0..<10, middle..<middle + 10] as [ByteRange] {
                try await stage.expectRange(range)
            }
            let (head, body) = try await stage.get("bytes=-10")
            #expect(head["content-range"] == "bytes \(length - 10)-\(length - 1)/\(length)")
            stage.expect(body, are: length - 10..<length)
            #expect(try await stage.get("bytes=\(length)-").head.status == 416)
        }
    }

    @Test(
        "a status that no range calls for gives no byte, at the start and later",
        arguments: [201, 203, 204, 207, 226, 300, 304, 305, 306, 599])
    func status(status: Int) async throws {
        for isFirst in [true, false] {
            try await Stage.run { stage in
                if !isFirst { try await stage.expectRange(0..<1000) }
                stage.origin.behave(.status(status, body: "0123456789"), times: 1)
                try await stage.expectRange(100_000..<101_000)
            }
        }
    }

    @Test(
        "an answer that says nothing of the film does not end it",
        arguments: [
            CannedAnswer(status: 200), CannedAnswer(status: 206),
            CannedAnswer(status: 200, contentType: "text/plain", body: "Too many connections"),
            CannedAnswer(status: 206, contentType: "text/plain", body: "Too many connections"),
        ])
    func nothing(answer: CannedAnswer) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<1000)
            stage.origin.behave(.answers(answer), times: 1)
            try await stage.expectRange(100_000..<101_000)
            try await stage.expectStored(0..<1000)
        }
    }

    @Test(
        "what is passed through and breaks off ends short, with FIN",
        arguments: [BodyVice.truncated(after: 1_234_567), .reset(after: 1_234_567)])
    func passedBroken(vice: BodyVice) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.none))
            _ = try await stage.get("bytes=0-0")
            stage.origin.behave(.body(vice))
            let (head, body, end) = try await stage.getToEnd()
            #expect(head.status == 200)
            #expect(head["content-length"] == "5000000")
            #expect(end == .finished)
            #expect(body.count <= 1_234_567)
            stage.expect(body, are: 0..<Int64(body.count))
        }
    }

    // MARK: Chunks

    /// A 206 of the first ten bytes, with a body in chunks.
    private static func script(_ chunks: String) -> Resource {
        let head = [
            "HTTP/1.1 206 Partial Content", "ETag: \"s\"", "Content-Range: bytes 0-9/1000",
            "Transfer-Encoding: chunked", "", "",
        ]
        return .script([.raw(head.joined(separator: "\r\n") + chunks)])
    }

    @Test(
        "chunks are put together, and what lies beyond the range is not taken",
        arguments: [
            "a\r\n0123456789\r\n0\r\n\r\n", "A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
            "000a\r\n0123456789\r\n0000\r\nX-Trailer: 1\r\n\r\n",
            "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", "b\r\n0123456789a\r\n0\r\n\r\n",
            "7fffffff\r\n0123456789ab",
        ])
    func chunks(text: String) async throws {
        try await Stage.run { stage in
            stage.origin.serve(Self.script(text), at: Stage.path)
            let (head, body) = try await stage.get("bytes=0-9")
            #expect(head.status == 206)
            #expect(body == [UInt8]("0123456789".utf8))
        }
    }

    @Test("a single whole where a far part was asked for is an accident")
    func wholeOnce() async throws {
        try await Stage.run(length: 20_000_000) { stage in
            stage.origin.behave(.ignoresRange, times: 1)
            try await stage.expectRange(15_000_000..<15_100_000)
            try await stage.expectStored(15_000_000..<15_100_000)
        }
    }

    @Test(
        "chunks that are none give no byte",
        arguments: [
            "-a\r\n0123456789\r\n0\r\n\r\n", "x\r\n0123456789\r\n0\r\n\r\n",
            "\r\n0123456789\r\n0\r\n\r\n", "fffffffffffffffff\r\n0123456789",
            "0x0a\r\n0123456789\r\n0\r\n\r\n", " \r\n0123456789",
        ])
    func noChunks(text: String) async throws {
        try await Stage.run(length: 1000) { stage in
            stage.origin.serve(Self.script(text), at: Stage.path)
            async let answer = stage.get("bytes=0-9")
            _ = try await stage.origin.wait { $0.requests > 0 }
            stage.origin.serve(.ramp(length: 1000), at: Stage.path)
            let (head, body) = try await answer
            #expect(head.status == 206)
            stage.expect(body, are: 0..<10)
        }
    }
}
