import HTTPTypes
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A version whose rest goes past the store")
struct PassageVersionTests {
    private let cellar: Cellar
    private let stage: PassageStage

    init() throws {
        cellar = try Cellar()
        stage = PassageStage(cellar: cellar)
    }

    /// Somebody reads the rest of a film, and the origin says this.
    private func answered(
        _ status: Int, _ fields: HTTPFields
    ) async throws -> (ending: Bypass.Ending?, isCurrent: Bool) {
        let record = try await cellar.fill("film", accessedAt: Cellar.now)
        let opened = Entry.Opened(
            record: record, file: try cellar.disk.openFile(record.file, left: record.stamp))
        let player = try stage.goesOn("/film", with: opened, from: Cellar.chunk)
        stage.answers(stage.call("/film"), status, fields)
        // What the index has to say comes from a thread of its own.
        if player.ending == nil, stage.executor.await() { stage.turn() }
        let current = try cellar.reader().entry(for: record.representation.key)
        return (player.ending, current != nil)
    }

    @Test("is not the current one any more when the origin has a shorter one")
    func shrunk() async throws {
        let (ending, isCurrent) = try await answered(416, [.contentRange: "bytes */1000"])
        #expect(ending == .short)
        #expect(!isCurrent)
    }

    @Test("nor when its tag is another one")
    func changed() async throws {
        let range = "bytes \(Cellar.chunk)-\(Cellar.length - 1)/\(Cellar.length)"
        let (ending, isCurrent) = try await answered(
            206, [.contentRange: range, .eTag: "\"2\"", .contentType: "video/mp4"])
        #expect(ending == .short)
        #expect(!isCurrent)
    }

    @Test("stays when the origin refuses bytes of it that it says it has")
    func refused() async throws {
        let (ending, isCurrent) = try await answered(
            416, [.contentRange: "bytes */\(Cellar.length)"])
        #expect(ending == .short)
        #expect(isCurrent)
    }

    @Test("stays when the origin refuses it without a length")
    func refusedWithoutLength() async throws {
        let (ending, isCurrent) = try await answered(416, [:])
        #expect(ending == .short)
        #expect(isCurrent)
    }
}
