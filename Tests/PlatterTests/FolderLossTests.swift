import Foundation
import Platter
import PlatterTesting
import Testing

/// The cache folder goes away while we run. Every byte that a player gets is compared.
@Suite("A cache folder that goes away under a running cache", .timeLimit(.minutes(2)))
struct FolderLossTests {
    private static let length: Int64 = 24_000_000
    private static let newPath = "/new.mp4"
    private static let newLength: Int64 = 2_000_000
    private let files = FileManager.default

    /// What becomes of the folder in the middle of a play.
    enum Loss: CaseIterable {
        case removed
        case movedAway
        case emptied
        case objectsRemoved
    }

    /// Removes it, against a server that may make something in it at the same instant.
    private func remove(_ path: String, on stage: Stage) async throws {
        try await stage.until {
            try? files.removeItem(atPath: path)
            return !files.fileExists(atPath: path)
        }
    }

    private func strike(_ loss: Loss, on stage: Stage) async throws {
        switch loss {
        case .removed: try await remove(stage.folder, on: stage)
        case .movedAway: try files.moveItem(atPath: stage.folder, toPath: stage.folder + ".away")
        case .emptied:
            for name in try files.contentsOfDirectory(atPath: stage.folder) {
                try? files.removeItem(atPath: stage.folder + "/" + name)
            }
        case .objectsRemoved: try await remove(stage.folder + "/objects", on: stage)
        }
    }

    /// Runs `body` in the middle of a play, and compares all that the player gets.
    private func inPlay(_ stage: Stage, _ body: () async throws -> Void) async throws {
        let client = try await RawClient.connect(port: stage.port)
        try await client.send("GET \(Stage.path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        #expect(try await client.head().status == 200)
        let begin = try await client.read(2_000_000)
        try await body()
        let bytes = begin + (try await client.read(Int(Self.length) - begin.count))
        stage.expect(bytes, are: 0..<Self.length)
        try await client.close()
    }

    private func expectNew(_ stage: Stage) async throws {
        let (head, bytes) = try await stage.get(path: Self.newPath)
        #expect(head.status == 200)
        stage.expect(bytes, are: 0..<Self.newLength, of: RampContent(length: Self.newLength))
    }

    @Test("a play goes on, and what is asked for later is stored again", arguments: Loss.allCases)
    func lost(_ loss: Loss) async throws {
        try await Stage.run(length: Self.length) { stage in
            defer { try? files.removeItem(atPath: stage.folder + ".away") }
            stage.origin.serve(
                .ramp(length: Self.newLength, entityTag: "\"n1\""), at: Self.newPath)
            try await inPlay(stage) {
                try await strike(loss, on: stage)
                // Until the loss is noticed all may be put where nobody finds it any more.
                try await stage.until {
                    try await expectNew(stage)
                    let status = try? await stage.platter.status(
                        of: stage.origin.url(Self.newPath))
                    return try status?.presentBytes == Self.newLength
                        && files.fileExists(atPath: stage.folder + "/index.sqlite")
                        && !stage.dataFiles().isEmpty
                }
                stage.origin.resetLedger()
                try await expectNew(stage)
                #expect(stage.origin.ledger.paths[Self.newPath] == nil)
            }
            let (_, bytes) = try await stage.get()
            stage.expect(bytes, are: 0..<Self.length)
        }
    }

    @Test("nothing is put into somebody else's folder, and one that is back is used as it was")
    func back() async throws {
        try await Stage.run(length: Self.length) { stage in
            let away = stage.folder + ".away"
            defer { try? files.removeItem(atPath: away) }
            _ = try await stage.get("bytes=0-4999999")
            try await stage.untilPresent(5_000_000)
            try files.moveItem(atPath: stage.folder, toPath: away)
            // At one stroke: an empty folder would be taken into use.
            let other = stage.folder + ".other"
            try files.createDirectory(atPath: other, withIntermediateDirectories: false)
            try Data().write(to: URL(fileURLWithPath: other + "/holiday.mov"))
            try files.moveItem(atPath: other, toPath: stage.folder)
            try await stage.until { await !stage.hasIndex }
            try await stage.expectRange(4_000_000..<6_000_000)
            #expect(try files.contentsOfDirectory(atPath: stage.folder) == ["holiday.mov"])

            // What is missing for a moment is made anew: then that goes as well.
            try await stage.until {
                try files.removeItem(atPath: stage.folder)
                do {
                    try files.moveItem(atPath: away, toPath: stage.folder)
                    return true
                } catch CocoaError.fileWriteFileExists {
                    return false
                }
            }
            try await stage.until { await stage.hasIndex }
            try await stage.expectStored(0..<5_000_000)
        }
    }
}
