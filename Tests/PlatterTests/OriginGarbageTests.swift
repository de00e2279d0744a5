import Platter
import PlatterTesting
import Testing

@Suite("Origins whose heads cannot be parsed", .serialized, .timeLimit(.minutes(5)))
struct OriginGarbageTests {
    static let heads: [Vice] = [
        .head(.framing(["Content-Length: 100", "Transfer-Encoding: chunked"])),
        .head(.framing(["Content-Length: 100", "Content-Length: 99"])),
        .head(.framing(["Transfer-Encoding: gzip, chunked"])),
        .head(.preceded(by: "SSH-2.0-OpenSSH_9.9\r\n")),
    ]

    @Test("one more try, then 502, stored or not", arguments: heads)
    func forGood(vice: Vice) async throws {
        let ways = [([], "uri-miss"), (["Authorization: Basic eDp5"], "bypass")]
        for (fields, reason) in ways as [([String], String)] {
            try await Stage.run { stage in
                stage.origin.behave(vice)
                let (head, body) = try await stage.get("bytes=0-99", fields: fields)
                #expect(head.status == 502)
                #expect(
                    head["cache-status"] == "Platter; fwd=\(reason); detail=origin-invalid")
                #expect(body.isEmpty)
                // One more where the first was so late that it was hedged.
                #expect(stage.origin.ledger.requests <= 4)
                stage.origin.clearBehaviours()
                let (next, bytes) = try await stage.get("bytes=0-99", fields: fields)
                #expect(next.status == 206)
                stage.expect(bytes, are: 0..<100)
            }
        }
    }
}
