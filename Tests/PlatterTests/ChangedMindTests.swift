import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("An origin that changes its mind about an object", .timeLimit(.minutes(2)))
struct ChangedMindTests {
    /// The first million bytes are on disk.
    private func begin(_ stage: Stage) async throws {
        let (head, _) = try await stage.get("bytes=0-1000000")
        #expect(head.status == 206)
        try await stage.untilPresent(1_000_001)
    }

    @Test(
        "of one that has no ranges any more all is stored, also before and behind what was there",
        arguments: [Stage.length, 3_000_001])
    func withoutRanges(end: Int64) async throws {
        // All of it lies in one chunk.
        let configure: (inout PlatterConfiguration) -> Void = { $0.chunkLength = 10 << 20 }
        try await Stage.run(configure: configure) { stage in
            try await begin(stage)
            _ = try await stage.get("bytes=1048576-\(end - 1)")
            try await stage.untilPresent(end - 48_575)
            stage.origin.behave(.ignoresRange)
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<Stage.length)
            try await stage.untilPresent(Stage.length)
            let sent = stage.origin.ledger.bodyBytes
            let (again, bytes) = try await stage.get()
            #expect(again["cache-status"] == "Platter; hit")
            stage.expect(bytes, are: 0..<Stage.length)
            #expect(stage.origin.ledger.bodyBytes == sent)
        }
    }

    @Test(
        "what it does not want kept any more is not, nor given to others",
        arguments: ["no-store", "private", "no-cache"])
    func unstorable(control: String) async throws {
        try await Stage.run { stage in
            try await begin(stage)
            stage.origin.behave(.head(.extra(HeaderField("Cache-Control", control))))
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<Stage.length)
            let sent = stage.origin.ledger.bodyBytes
            for _ in 0..<2 {
                let (again, bytes) = try await stage.get("bytes=0-999")
                #expect(again["cache-status"]?.hasPrefix("Platter; fwd=bypass") == true)
                stage.expect(bytes, are: 0..<1000)
            }
            #expect(stage.origin.ledger.bodyBytes == sent + 2000)
        }
    }

    @Test("a lifetime that is over on one server of it is no such word")
    func expired() async throws {
        try await Stage.run { stage in
            try await begin(stage)
            stage.origin.behave(.head(.extra(HeaderField("Cache-Control", "max-age=0"))))
            _ = try await stage.get()
            let (again, bytes) = try await stage.get()
            #expect(again["cache-status"] == "Platter; hit")
            stage.expect(bytes, are: 0..<Stage.length)
        }
    }

    @Test(
        "what is coded from now on is passed on as that, and not cut at the same byte again",
        arguments: [false, true])
    func coded(isOther: Bool) async throws {
        try await Stage.run { stage in
            try await begin(stage)
            stage.origin.behave(.head(.contentCoding("gzip")))
            if isOther { stage.origin.behave(.validator(.version(2, bytes: false))) }
            // Its head is of what is on disk.
            let (first, bytes, end) = try await stage.getToEnd("bytes=0-")
            #expect(first.status == 206)
            #expect(end == .finished)
            stage.expect(bytes, are: 0..<1_000_001)
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            #expect(head["content-encoding"] == "gzip")
            #expect(Int64(body.count) == Stage.length)
            let (hit, stored) = try await stage.get("bytes=0-1000000")
            #expect(hit["cache-status"] == "Platter; hit")
            stage.expect(stored, are: 0..<1_000_001)
        }
    }
}
