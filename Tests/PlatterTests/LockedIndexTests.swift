import Foundation
import GRDBSQLite
import Platter
import PlatterTesting
import Testing

/// Another program holds the index: what it says can be read, and nothing can be noted.
@Suite("An index that somebody else holds", .timeLimit(.minutes(2)))
struct LockedIndexTests {
    private static let length: Int64 = 3_000_000

    private func whileLocked(
        _ stage: Stage, _ body: () async throws -> Void
    ) async throws {
        var connection: OpaquePointer?
        #expect(sqlite3_open(stage.folder + "/index.sqlite", &connection) == SQLITE_OK)
        defer { sqlite3_close(connection) }
        sqlite3_busy_timeout(connection, 5000)
        #expect(sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
        try await body()
        #expect(sqlite3_exec(connection, "ROLLBACK", nil, nil, nil) == SQLITE_OK)
    }

    private func whenFilled(_ body: (Stage) async throws -> Void) async throws {
        try await Stage.run(length: Self.length) { stage in
            stage.expect(try await stage.get().body, are: 0..<Self.length)
            try await stage.untilPresent(Self.length)
            try await body(stage)
        }
    }

    private func expectFilm(_ stage: Stage) async throws {
        let (head, bytes) = try await stage.get()
        #expect(head.status == 200)
        stage.expect(bytes, are: 0..<Self.length)
    }

    @Test("what is on disk is served from there")
    func known() async throws {
        try await whenFilled { stage in
            stage.origin.resetLedger()
            try await whileLocked(stage) { try await expectFilm(stage) }
            #expect(stage.origin.ledger.bodyBytes == 0)
        }
    }

    @Test("what is not is served past the store")
    func unknown() async throws {
        try await Stage.run(length: Self.length) { stage in
            try await whileLocked(stage) { try await expectFilm(stage) }
        }
    }

    @Test("a gap is served past the store, and what comes after it from there")
    func gap() async throws {
        let length: Int64 = 40_000_000
        try await Stage.run(length: length) { stage in
            // What is read ahead of the first part must not close the gap.
            stage.expect(try await stage.get("bytes=0-3999999").body, are: 0..<4_000_000)
            stage.expect(
                try await stage.get("bytes=8000000-39999999").body, are: 8_000_000..<length)
            try await stage.untilPresent(length - 4_000_000)
            stage.origin.resetLedger()
            try await whileLocked(stage) {
                let (head, bytes) = try await stage.get()
                #expect(head.status == 200)
                stage.expect(bytes, are: 0..<length)
            }
            // The flight that could not be recorded may have brought the gap, too.
            #expect(stage.origin.ledger.bodyBytes < 3 * 4_000_000)
        }
    }

    @Test("a file that is gone at the start cannot be noted, and the origin serves")
    func fileGoneAtStart() async throws {
        try await whenFilled { stage in
            let file = try stage.dataFile()
            await stage.platter.stop()
            try FileManager.default.removeItem(at: file)
            try await stage.restarted { again in
                try await whileLocked(again) {
                    for _ in 0..<2 { try await expectFilm(again) }
                }
            }
        }
    }

    @Test("a file that is changed, deleted or cut off cannot be noted, and the origin serves")
    func fileChanged() async throws {
        let damages: [(Stage) throws -> Void] = [
            { stage in try FileManager.default.removeItem(at: try stage.dataFile()) },
            { stage in try stage.damage { try $0.truncate(atOffset: 1000) } },
            { stage in try stage.damage { try $0.write(contentsOf: [0xFF, 0xFE]) } },
        ]
        for damage in damages {
            try await whenFilled { stage in
                try await whileLocked(stage) {
                    try damage(stage)
                    try await expectFilm(stage)
                }
            }
        }
    }
}
