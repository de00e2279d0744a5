import Foundation
import GRDB
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("What was asked of the index and is still true")
struct IndexAnswersTests {
    let index: TestIndex
    let entry: EntryRecord
    let reader: IndexReader

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100), run(200..<300)], in: entry.id)
        reader = index.writer.makeReader()
        // What SQLite shares is found after the first one.
        _ = try reader.presence(of: entry.id, at: 0, upTo: 1)
    }

    private func presence(at position: Int64, upTo limit: Int64 = 1000) throws -> Presence {
        try reader.presence(of: entry.id, at: position, upTo: limit)
    }

    @Test("is not asked again")
    func recalled() throws {
        #expect(try presence(at: 10) == .present(10..<100))
        #expect(try reader.entry(for: entry.representation.key) == entry)
        let before = reader.questionCount
        #expect(try presence(at: 0, upTo: 100) == .present(0..<100))
        #expect(try presence(at: 99, upTo: 100) == .present(99..<100))
        #expect(try presence(at: 50, upTo: 60) == .present(50..<60))
        #expect(try reader.entry(for: entry.representation.key) == entry)
        #expect(reader.questionCount == before)
    }

    @Test("is known of all neighbours that were asked for one after the other")
    func neighbours() async throws {
        try await index.writer.record([run(100..<200)], in: entry.id)
        #expect(try presence(at: 250) == .present(250..<300))
        #expect(try presence(at: 150, upTo: 160) == .present(150..<160))
        #expect(try presence(at: 10, upTo: 160) == .present(10..<160))
        let before = reader.questionCount
        #expect(try presence(at: 0, upTo: 300) == .present(0..<300))
        #expect(reader.questionCount == before)
    }

    @Test("is asked again where more may be there than was found, and where nothing was")
    func absent() throws {
        #expect(try presence(at: 0, upTo: 100) == .present(0..<100))
        #expect(try presence(at: 100) == .absent(100..<200))
        let before = reader.questionCount
        #expect(try presence(at: 0) == .present(0..<100))
        #expect(try presence(at: 100) == .absent(100..<200))
        #expect(try presence(at: 300) == .absent(300..<1000))
        #expect(reader.questionCount == before + 3)
    }

    @Test("is not believed after a commit of the writer")
    func committed() async throws {
        #expect(try presence(at: 0) == .present(0..<100))
        #expect(try reader.entry(for: entry.representation.key) == entry)
        try await index.writer.record([run(100..<150)], in: entry.id)
        #expect(try presence(at: 0, upTo: 120) == .present(0..<120))
        #expect(try presence(at: 0) == .present(0..<150))
        #expect(try await index.writer.drop(0..<50, of: entry.id) != [])
        #expect(try presence(at: 0, upTo: 10) == .absent(0..<10))
        try await index.writer.done { $0.supersede(entry.id, at: 2, completion: $1) }
        #expect(try reader.entry(for: entry.representation.key) == nil)
    }

    @Test("is not believed after a commit of somebody else", arguments: [false, true])
    func foreign(checkpoints: Bool) async throws {
        #expect(try presence(at: 0) == .present(0..<100))
        if checkpoints { try await index.writer.checkpoint() }
        #expect(try presence(at: 0) == .present(0..<100))
        let other = try DatabaseQueue(path: index.path)
        try await other.write { try $0.execute(sql: "DELETE FROM cache_chunks WHERE start = 0") }
        #expect(try presence(at: 0, upTo: 50) == .absent(0..<50))
        try await other.write { try $0.execute(sql: "DELETE FROM cache_entries") }
        #expect(try reader.entry(for: entry.representation.key) == nil)
    }

    @Test("is of the index in use")
    func lost() async throws {
        #expect(try presence(at: 0) == .present(0..<100))
        #expect(try reader.entry(for: entry.representation.key) == entry)
        index.writer.life.end(1, because: .moved)
        #expect(throws: IndexError.self) { try presence(at: 0, upTo: 10) }
        #expect(throws: IndexError.self) {
            try reader.entry(for: entry.representation.key)
        }
    }

    @Test("is of one entry, whatever its number, and not of too many")
    func many() async throws {
        #expect(try presence(at: 0) == .present(0..<100))
        for number in 0..<IndexAnswers.limit + 3 {
            let key = CacheKey("http://origin/none-\(number)")
            #expect(try reader.entry(for: key) == nil)
        }
        #expect(try reader.presence(of: EntryID(99), at: 0, upTo: 10) == .absent(0..<10))
        #expect(try reader.entry(for: entry.representation.key) == entry)
        #expect(try presence(at: 0) == .present(0..<100))
    }
}
