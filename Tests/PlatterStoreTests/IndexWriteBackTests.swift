import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("An index that the disk did not keep")
struct IndexWriteBackTests {
    private let folder: TemporaryFolder
    /// What the system has to say, and whether only once.
    private let answer = NIOLockedValueBox<(number: Int32, isOnce: Bool)>((0, true))
    private let index: IndexWriter
    private let entry: EntryRecord

    init() async throws {
        folder = try TemporaryFolder()
        index = try Self.open(folder, answer)
        entry = try await index.openEntry(newEntry())
        try await index.record([run(0..<10)], in: entry.id)
    }

    private static func open(
        _ folder: TemporaryFolder, _ answer: NIOLockedValueBox<(number: Int32, isOnce: Bool)>
    ) throws -> IndexWriter {
        try IndexWriter(path: folder.path + "/index.sqlite", boot: "boot 1") { _ in
            answer.withLockedValue { answer in
                defer { if answer.isOnce { answer.number = 0 } }
                return answer.number
            }
        }
    }

    private func presence(
        of index: IndexWriter, at position: Int64 = 0
    ) throws -> Presence {
        try index.makeReader().presence(of: entry.id, at: position, upTo: position + 10)
    }

    private func lose(isOnce: Bool = true) {
        answer.withLockedValue { $0 = (EIO, isOnce) }
    }

    @Test("nothing is doubted without need")
    func kept() async throws {
        #expect(!index.lookForLoss())
        try await index.flush()
        #expect(try presence(of: index) == .present(0..<10))
    }

    @Test("a look doubts all that was recorded, is told of once, and what comes later is believed")
    func looked() async throws {
        lose()
        #expect(index.lookForLoss())
        try await index.flush()
        #expect(try presence(of: index) == .unverified(run(0..<10)))
        #expect(!index.lookForLoss())
        try await index.record([run(20..<30)], in: entry.id)
        #expect(try presence(of: index, at: 20) == .present(20..<30))
        #expect(try presence(of: index) == .unverified(run(0..<10)))
    }

    @Test("what is recorded next finds out by itself")
    func recorded() async throws {
        lose()
        try await index.record([run(20..<30)], in: entry.id)
        try await index.flush()
        #expect(try presence(of: index) == .unverified(run(0..<10)))
        #expect(try presence(of: index, at: 20) == .present(20..<30))
        #expect(index.lookForLoss())
    }

    @Test("so does the end, and the next one finds it")
    func ended() async throws {
        lose()
        try await index.close()
        let next = try Self.open(folder, answer)
        #expect(try presence(of: next) == .unverified(run(0..<10)))
        try await next.close()
    }

    @Test("one that the disk never keeps is set aside at the end")
    func setAside() async throws {
        lose(isOnce: false)
        try await index.close()
        let path = folder.path + "/index.sqlite"
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(FileManager.default.fileExists(atPath: path + ".lost"))
    }
}
