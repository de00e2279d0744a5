import Foundation
import Platter
import PlatterTesting
import Testing

/// What the disk and the index do to us while we run. Every byte that a player gets is compared.
@Suite("Damage under a running cache", .timeLimit(.minutes(2)))
struct DamageTests {
    private static let length: Int64 = 8_000_000

    /// Runs `body` when all of the object is on disk.
    private func whenFilled(_ body: (Stage) async throws -> Void) async throws {
        try await Stage.run(length: Self.length) { stage in
            let (_, bytes) = try await stage.get()
            stage.expect(bytes, are: 0..<Self.length)
            try await stage.untilPresent(Self.length)
            stage.origin.resetLedger()
            try await body(stage)
        }
    }

    @Test("bits that somebody flips are never served, and only their runs are fetched again")
    func flipped() async throws {
        try await whenFilled { stage in
            try stage.damage { file in
                for position in [0, 3_500_000, 7_999_999] as [UInt64] {
                    try file.seek(toOffset: position)
                    let byte = try file.read(upToCount: 1)?.first ?? 0
                    try file.seek(toOffset: position)
                    try file.write(contentsOf: [byte ^ 0x10])
                }
            }
            let (head, bytes) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(bytes, are: 0..<Self.length)
            #expect(stage.origin.ledger.bodyBytes < Self.length / 2)
        }
    }

    @Test("a file that is cut off is fetched from there on", arguments: [0, 1, 3_000_000])
    func truncated(end: UInt64) async throws {
        try await whenFilled { stage in
            try stage.damage { try $0.truncate(atOffset: end) }
            let (_, bytes) = try await stage.get()
            stage.expect(bytes, are: 0..<Self.length)
        }
    }

    @Test("a file that is emptied and zeroed to its old length is not believed")
    func zeroed() async throws {
        try await whenFilled { stage in
            try stage.damage { file in
                try file.truncate(atOffset: 0)
                try file.truncate(atOffset: UInt64(Self.length))
            }
            let (_, bytes) = try await stage.get("bytes=5000000-5999999")
            stage.expect(bytes, are: 5_000_000..<6_000_000)
        }
    }

    @Test("a file that is deleted is fetched again")
    func deleted() async throws {
        try await whenFilled { stage in
            try FileManager.default.removeItem(at: try stage.dataFile())
            for _ in 0..<2 {
                let (_, bytes) = try await stage.get()
                stage.expect(bytes, are: 0..<Self.length)
            }
        }
    }

    @Test("what is checked and found right is not fetched again")
    func touched() async throws {
        try await whenFilled { stage in
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)],
                ofItemAtPath: try stage.dataFile().path)
            let (_, bytes) = try await stage.get()
            stage.expect(bytes, are: 0..<Self.length)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("after a restart, damage done meanwhile is found")
    func restarted() async throws {
        try await whenFilled { stage in
            await stage.platter.stop()
            try stage.damage { file in
                try file.seek(toOffset: 6_000_000)
                try file.write(contentsOf: [0, 0, 0, 0])
            }
            try await stage.restarted { again in
                let (_, bytes) = try await again.get()
                again.expect(bytes, are: 0..<Self.length)
                #expect(again.origin.ledger.bodyBytes > 0)
                #expect(again.origin.ledger.bodyBytes < Self.length / 2)
            }
        }
    }

    @Test("after a restart nothing is checked or fetched that nobody has touched")
    func untouched() async throws {
        try await whenFilled { stage in
            await stage.platter.stop()
            try await stage.restarted { again in
                let (head, bytes) = try await again.get()
                again.expect(bytes, are: 0..<Self.length)
                #expect(head["cache-status"] == "Platter; hit")
                #expect(again.origin.ledger.requests == 0)
            }
        }
    }

    @Test("an index that is deleted stops no play, and another one is made")
    func indexDeleted() async throws {
        try await whenFilled { stage in
            for suffix in ["", "-wal", "-shm"] {
                try FileManager.default.removeItem(atPath: stage.folder + "/index.sqlite" + suffix)
            }
            try await expectAnotherIndex(stage)
        }
    }

    @Test(
        "an index that is cut off in its place, or loses its log, stops no play either",
        arguments: [true, false])
    func indexCut(losesLog: Bool) async throws {
        try await whenFilled { stage in
            let path = stage.folder + "/index.sqlite"
            #expect(losesLog ? unlink(path + "-wal") == 0 : truncate(path, 0) == 0)
            try await expectAnotherIndex(stage)
        }
    }

    /// Expects that what lies in the place of the index is noticed as none.
    private func expectAnotherIndex(_ stage: Stage) async throws {
        let old = try stage.dataFile()
        // Until the loss is noticed the old one answers, then the origin does, then the new one.
        try await stage.until {
            let (_, bytes) = try await stage.get("bytes=1000000-1999999")
            stage.expect(bytes, are: 1_000_000..<2_000_000)
            return try !stage.dataFiles().contains(old)
        }
        try await expectServedAndKept(stage)
    }

    @Test("an index that is overwritten is not believed, now or after a restart")
    func indexRuined() async throws {
        try await whenFilled { stage in
            let path = stage.folder + "/index.sqlite"
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.write(contentsOf: Data(repeating: 0x5A, count: 256 << 10))
            try file.close()
            stage.expect(try await stage.get().body, are: 0..<Self.length)
            await stage.platter.stop()
            // What the closing wrote over the damage is damaged again.
            if let file = FileHandle(forWritingAtPath: path) {
                try file.write(contentsOf: Data(repeating: 0x5A, count: 256 << 10))
                try file.close()
            }
            try await stage.restarted { again in
                stage.expect(try await again.get().body, are: 0..<Self.length)
                try await again.until { await again.hasIndex }
                try await expectServedAndKept(again)
            }
        }
    }

    private func expectServedAndKept(_ stage: Stage) async throws {
        stage.expect(try await stage.get().body, are: 0..<Self.length)
        try await stage.untilPresent(Self.length)
        stage.origin.resetLedger()
        stage.expect(try await stage.get().body, are: 0..<Self.length)
        #expect(stage.origin.ledger.requests == 0)
    }
}
