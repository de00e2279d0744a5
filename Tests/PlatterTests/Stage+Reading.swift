import Platter
import PlatterCore
import PlatterTesting
import Testing

extension Stage {
    /// One request on a connection of its own, and everything that comes until it ends.
    func getToEnd(
        _ range: String? = nil, path: String = Stage.path
    ) async throws -> (head: RawClient.Head, bytes: [UInt8], end: RawClient.End) {
        let client = try await RawClient.connect(port: port)
        let lines = (range.map { "Range: \($0)\r\n" } ?? "") + "Connection: close\r\n"
        try await client.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(lines)\r\n")
        let head = try await client.head()
        let (bytes, end) = await client.readToEnd()
        return (head, bytes, end)
    }

    /// Expects a range of the film, of one version, whatever the origin does meanwhile.
    func expectRange(
        _ range: ByteRange, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let (head, body) = try await get("bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        #expect(head.status == 206, sourceLocation: location)
        #expect(
            head["content-range"]
                == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.length)",
            sourceLocation: location)
        expect(body, are: range, location)
    }

    /// Expects that the origin is not needed for a range.
    func expectStored(
        _ range: ByteRange, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        origin.resetLedger()
        try await expectRange(range, location)
        #expect(origin.ledger.requests == 0, sourceLocation: location)
    }

    /// Whether anything is known of the film.
    func isKnown() async throws -> Bool {
        try await platter.status(of: origin.url(Stage.path)) != nil
    }
}

extension RawClient {
    /// The body of a chunked response, and whether it was ended by a last chunk.
    func chunkedBody() async -> (bytes: [UInt8], isComplete: Bool) {
        var body: [UInt8] = []
        do {
            while let size = Int(try await line(), radix: 16) {
                if size == 0 { return (body, true) }
                body += try await read(size)
                _ = try await line()
            }
        } catch {}
        return (body, false)
    }
}
