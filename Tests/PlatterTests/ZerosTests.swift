import Foundation
import GRDBSQLite
import Platter
import PlatterCore
import PlatterTesting
import Testing

/// Bytes that are zeros and bytes that were never written look the same in a file. Only the index tells
/// them apart.
@Suite("An object of zeros", .timeLimit(.minutes(2)))
struct ZerosTests {
    private static let length: Int64 = 5_000_000

    private func run(_ body: (Stage) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "platter-zeros-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.truncate(atOffset: UInt64(Self.length))
        try file.close()
        let resource = try #require(Resource.file(at: path))
        try await Stage.run(length: Self.length, resource: resource, body)
    }

    private func expectZeros(
        _ range: ByteRange, _ stage: Stage, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let (head, body) = try await stage.get("bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        #expect(head.status == 206, sourceLocation: location)
        #expect(
            head["content-range"]
                == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(Self.length)",
            sourceLocation: location)
        #expect(Int64(body.count) == range.length, sourceLocation: location)
        #expect(body.allSatisfy { $0 == 0 }, sourceLocation: location)
    }

    private func whenFilled(_ body: (Stage) async throws -> Void) async throws {
        try await run { stage in
            try await expectZeros(0..<Self.length, stage)
            try await stage.untilPresent(Self.length)
            stage.origin.resetLedger()
            try await body(stage)
        }
    }

    @Test("its holes are fetched: each byte once, whether the file reaches so far or not")
    func holes() async throws {
        try await run { stage in
            try await expectZeros(3_000_000..<4_000_000, stage)
            try await stage.untilPresent(1_000_000)
            // All of these are zeros in the file by now.
            try await expectZeros(0..<3_000_000, stage)
            try await stage.untilPresent(4_000_000)
            try await expectZeros(0..<Self.length, stage)
            try await stage.untilPresent(Self.length)
            #expect(stage.origin.ledger.bodyBytes == Self.length)
        }
    }

    @Test("what is on disk of it is served from there, also after a restart")
    func stored() async throws {
        try await whenFilled { stage in
            try await expectZeros(0..<Self.length, stage)
            #expect(stage.origin.ledger.requests == 0)
            await stage.platter.stop()
            try await stage.restarted { again in
                try await expectZeros(0..<Self.length, again)
                #expect(again.origin.ledger.requests == 0)
            }
        }
    }

    @Test("without a row its bytes are not there, though the file has them")
    func rowDeleted() async throws {
        try await whenFilled { stage in
            var connection: OpaquePointer?
            #expect(sqlite3_open(stage.folder + "/index.sqlite", &connection) == SQLITE_OK)
            let statement = "DELETE FROM cache_chunks WHERE start >= 1048576 AND start < 3145728"
            #expect(sqlite3_exec(connection, statement, nil, nil, nil) == SQLITE_OK)
            #expect(sqlite3_close(connection) == SQLITE_OK)
            try await expectZeros(0..<Self.length, stage)
            #expect(stage.origin.ledger.bodyBytes == 2 << 20)
        }
    }

    @Test("holes that somebody makes of its zeros are as good as they are")
    func punched() async throws {
        try await whenFilled { stage in
            try stage.damage { file in
                try file.truncate(atOffset: 0)
                try file.truncate(atOffset: UInt64(Self.length))
            }
            try await expectZeros(0..<Self.length, stage)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("a byte that is none is found out")
    func flipped() async throws {
        try await whenFilled { stage in
            try stage.damage { file in
                try file.seek(toOffset: 2_500_000)
                try file.write(contentsOf: [1])
            }
            try await expectZeros(0..<Self.length, stage)
            #expect(stage.origin.ledger.bodyBytes == 1 << 20)
        }
    }
}
