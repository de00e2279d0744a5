import PlatterCore
import PlatterTesting
import Testing

@testable import PlatterCache
@testable import PlatterProxy

@Suite("The lane beside the HTTP codec", .timeLimit(.minutes(2)))
struct WarmLaneTests {
    private static func request(_ range: String, _ more: String = "") -> String {
        "GET \(Parlour.path) HTTP/1.1\r\nHost: a\r\nRange: \(range)\r\n\(more)\r\n"
    }

    /// A field that is of no use to the lane, and without a meaning for the answer.
    private static let slow = "X-Slow: 1\r\n"

    /// The file is open then.
    private func warm(_ parlour: Parlour, _ client: RawClient) async throws {
        try await client.send(Self.request("bytes=0-0", Self.slow))
        #expect(try await parlour.answer(to: client).head.status == 206)
    }

    @Test("answers as the way behind it does, byte for byte, whatever is asked")
    func same() async throws {
        try await Parlour.run { parlour in
            let client = try await parlour.connect()
            try await warm(parlour, client)
            let length = Int(Parlour.length)
            for number in 0..<600 {
                let start = number * 829_639 % length
                let count = number * 7331 % 80_000
                let range = number % 7 == 0 ? "bytes=\(start)-" : "bytes=\(start)-\(start + count)"
                // What is left to its end would be much.
                if number % 7 == 0, length - start > 200_000 { continue }
                try await client.send(Self.request(range, Self.slow))
                let slow = try await parlour.answer(to: client)
                try await client.send(Self.request(range))
                let quick = try await parlour.answer(to: client)
                #expect(quick == slow, "\(range)")
                if slow.head.status == 206 {
                    let end = min(start + slow.body.count, length)
                    let film = FilmOrigin.bytes(Int64(start)..<Int64(end))
                    #expect(slow.body == film, "\(range)")
                }
            }
            #expect(parlour.server.warmAnswerCount > 300)
            try await client.close()
        }
    }

    @Test("does not answer what it has not read to its end, and leaves the order as it is")
    func order() async throws {
        try await Parlour.run { parlour in
            let client = try await parlour.connect()
            try await warm(parlour, client)
            try await client.send(Self.request("bytes=1-1"))
            #expect(try await parlour.answer(to: client).body.count == 1)
            #expect(parlour.server.warmAnswerCount == 1)
            // Three at once, and the beginning of a fourth.
            let many = (2...4).map { Self.request("bytes=0-\($0)") }.joined()
            try await client.send(many + "GET ")
            for count in 3...5 {
                #expect(try await parlour.answer(to: client).body.count == count)
            }
            try await client.send(String(Self.request("bytes=0-5").dropFirst(4)))
            #expect(try await parlour.answer(to: client).body.count == 6)
            #expect(parlour.server.warmAnswerCount == 1)
            try await client.close()
        }
    }

    @Test("reads nothing of a body as a request")
    func body() async throws {
        try await Parlour.run { parlour in
            let client = try await parlour.connect()
            try await warm(parlour, client)
            let inner = Self.request("bytes=0-9")
            let fields = "Content-Length: \(inner.utf8.count)\r\n"
            try await client.send(Self.request("bytes=0-1", fields))
            try await client.send(inner)
            #expect(try await parlour.answer(to: client).body.count == 2)
            try await client.send(Self.request("bytes=0-2"))
            #expect(try await parlour.answer(to: client).body.count == 3)
            #expect(parlour.server.warmAnswerCount == 0)
            try await client.close()
        }
    }

    @Test("agrees with the codec on heads that somebody has changed at one place")
    func mutated() async throws {
        try await Parlour.run { parlour in
            let first = try await parlour.connect()
            try await warm(parlour, first)
            try await first.close()
            let good = Array(Self.request("bytes=100-199", "Accept: */*\r\n").utf8)
            let line = good.firstIndex(of: 10).map { $0 + 1 } ?? 0
            for number in 0..<400 {
                var changed = good
                // What stands before the field that is put in between stays one line.
                let place = line + number * 37 % (good.count - line)
                let byte = UInt8(number * 53 % 128)
                switch number % 3 {
                case 0: changed[place] = byte
                case 1: changed.remove(at: place)
                default: changed.insert(byte, at: place)
                }
                var other = changed
                other.insert(contentsOf: Array(Self.slow.utf8), at: line)
                let quick = try await outcome(parlour, changed)
                let slow = try await outcome(parlour, other)
                #expect(quick == slow, "\(String(decoding: changed, as: UTF8.self))")
            }
            #expect(parlour.server.warmAnswerCount > 0)
        }
    }

    /// The head of the first answer to these bytes, to which a whole request is added.
    ///
    /// - Returns: nil when the connection ends without one.
    private func outcome(_ parlour: Parlour, _ bytes: [UInt8]) async throws -> RawClient.Head? {
        let client = try await parlour.connect()
        try await client.send(String(decoding: bytes, as: UTF8.self))
        // It may have been closed by now.
        try? await client.send("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let head = try? await client.head()
        try? await client.close()
        return head
    }
}
