import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Origins that answer in another way from now on", .serialized, .timeLimit(.minutes(5)))
struct OriginForGoodTests {
    static let vices: [Vice] = [
        .contentRange(.unknownTotal), .head(.contentType("application/json")), .errorPage,
        .answers(
            CannedAnswer(
                status: 416, fields: [HeaderField("Content-Range", "bytes */5000000")])),
    ]

    @Test(
        "what cannot be used for good goes out as it is, and what is on disk stays",
        arguments: vices)
    func forGood(vice: Vice) async throws {
        try await Stage.run { stage in
            try await stage.expectRange(0..<100_000)
            stage.origin.behave(vice)
            let (head, _) = try await stage.get("bytes=2000000-2999999")
            #expect(head["cache-status"]?.contains("fwd=bypass") == true)
            // Who has had a part is not kept waiting for the rest.
            stage.origin.resetLedger()
            let (first, bytes, end) = try await stage.getToEnd("bytes=0-")
            #expect(first.status == 206)
            #expect(end == .finished)
            stage.expect(bytes, are: 0..<100_000)
            #expect(stage.origin.ledger.requests <= 4)
            stage.origin.clearBehaviours()
            try await stage.expectRange(2_000_000..<3_000_000)
            try await stage.expectStored(2_000_000..<3_000_000)
            try await stage.expectStored(0..<100_000)
        }
    }
}
