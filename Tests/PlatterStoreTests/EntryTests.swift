import GRDB
import PlatterCore
import PlatterStore
import Testing

@Suite("Entries")
struct EntryTests {
    let index: TestIndex
    let reader: IndexReader

    init() throws {
        index = try TestIndex()
        reader = try index.reader()
    }

    @Test("an entry comes back as it was made")
    func roundTrip() async throws {
        let new = try newEntry()
        let entry = try await index.writer.openEntry(new)
        #expect(entry.representation == new.representation)
        #expect(entry.grid == new.grid)
        #expect(entry.file == new.file)
        #expect(entry.origin == new.origin)
        #expect(entry.contentType == new.contentType)
        #expect(entry.fields == new.fields)
        #expect(entry.createdAt == 1_000)
        #expect(entry.accessedAt == 1_000)
        #expect(entry.supersededAt == nil)
        #expect(try reader.entry(for: new.representation.key) == entry)
        #expect(try reader.entry(entry.id) == entry)
    }

    @Test(
        "every validator comes back",
        arguments: [
            Validator.strong(tag: "\"a b\""), .weak(tag: "\"\""), .modified(at: -1),
            .weaklyModified(at: .max), .absent, .modifiedWithTag(at: -1, tag: "\"a b\""),
            .weaklyModifiedWithTag(at: .max, tag: "\"\""),
            .strong(tag: "\"caf\u{e9}'\""),
        ])
    func validators(validator: Validator) async throws {
        let entry = try await index.entry(validator: validator)
        #expect(entry.representation.validator == validator)
        #expect(try reader.entry(entry.id)?.representation.validator == validator)
    }

    @Test("an unknown key and an unknown id have no entry")
    func unknown() throws {
        #expect(try reader.entry(for: CacheKey("x")) == nil)
        #expect(try reader.entry(for: CacheKey("")) == nil)
        #expect(try reader.entry(EntryID(7)) == nil)
    }

    @Test("the same representation opens the same entry")
    func sameAgain() async throws {
        let first = try await index.entry(salt: 1)
        #expect(try await index.entry(salt: 2, at: 2_000) == first)
    }

    @Test("another validator, length or chunk size supersedes the entry")
    func superseded() async throws {
        let first = try await index.entry()
        let second = try await index.entry(validator: .absent, salt: 2, at: 2_000)
        let third = try await index.entry(validator: .absent, length: 1, salt: 3, at: 3_000)
        let fourth = try await index.entry(
            validator: .absent, length: 1, chunkLength: 128 * kib, salt: 4, at: 4_000)
        #expect(try reader.entry(for: first.representation.key) == fourth)
        let times = try [first, second, third].map { try reader.entry($0.id)?.supersededAt }
        #expect(times == [2_000, 3_000, 4_000])
    }

    @Test("a superseded entry keeps its runs")
    func supersededRuns() async throws {
        let first = try await index.entry()
        try await index.writer.record([run(0..<10)], in: first.id)
        try await index.writer.done { $0.supersede(first.id, at: 9, completion: $1) } as Void
        #expect(try reader.entry(for: first.representation.key) == nil)
        #expect(try reader.presence(of: first.id, at: 0, upTo: 100) == .present(0..<10))
    }

    @Test("a version that returns has its runs again, unless it had none")
    func returned() async throws {
        let first = try await index.entry()
        try await index.writer.record([run(0..<10)], in: first.id)
        var other = try newEntry(validator: .strong(tag: "\"other\""), salt: 2)
        let second = try await index.writer.openEntry(other)
        var again = try newEntry(salt: 3)
        again.hasReturned = true
        let third = try await index.writer.openEntry(again)
        #expect(third.id == first.id)
        #expect(third.supersededAt == nil)
        #expect(try reader.entry(second.id)?.supersededAt != nil)
        #expect(try reader.presence(of: third.id, at: 0, upTo: 100) == .present(0..<10))
        // Given up, or empty: another file.
        other.hasReturned = true
        other.file = DataFileName(other.representation, salt: 4)
        #expect(try await index.writer.openEntry(other).id != second.id)
    }

    @Test("a deleted entry names its file and is gone with its runs")
    func deletion() async throws {
        let entry = try await index.entry()
        try await index.writer.record([run(0..<10)], in: entry.id)
        #expect(try await index.writer.deleteEntry(entry.id, durably: true) == entry.file)
        #expect(try reader.entry(entry.id) == nil)
        #expect(try reader.totalRecordedBytes() == 0)
        let error = await #expect(throws: IndexError.self) {
            try await index.writer.deleteEntry(entry.id)
        }
        #expect(error?.code == .entryGone)
    }

    @Test("an id never comes back")
    func ids() async throws {
        let first = try await index.entry()
        _ = try await index.writer.deleteEntry(first.id)
        let second = try await index.entry()
        #expect(second.id > first.id)
    }

    @Test("the time of last use moves forwards only")
    func touch() async throws {
        let entry = try await index.entry()
        for time in [Int64(5_000), 4_000] {
            try await index.writer.done { writer, completion in
                writer.touch([entry.id: time, EntryID(99): time], completion: completion)
            } as Void
        }
        #expect(try reader.entry(entry.id)?.accessedAt == 5_000)
    }

    @Test("a time of last use that a wrong clock has put into the future is put right")
    func touchAfterWrongClock() async throws {
        let entry = try await index.entry()
        let tenYears: Int64 = 10 * 365 * 86_400
        for time in [5_000 + tenYears, 5_000] {
            try await index.writer.done { writer, completion in
                writer.touch([entry.id: time], completion: completion)
            } as Void
        }
        #expect(try reader.entry(entry.id)?.accessedAt == 5_000)
    }

    @Test("times of last use that are still to come become the last ones up to now, in their order")
    func recall() async throws {
        var entries: [EntryRecord] = []
        for (number, time) in [Int64.max, 4_999, 5_000, 9_000, 5_001, 9_000].enumerated() {
            entries.append(
                try await index.entry(key: "\(number)", salt: UInt64(number), at: time))
        }
        func times() throws -> [Int64] {
            try entries.compactMap { try reader.entry($0.id)?.accessedAt }
        }
        try await index.writer.done { $0.recall(to: -1, completion: $1) } as Void
        #expect(try times() == entries.map(\.accessedAt))
        try await index.writer.done { $0.recall(to: 5_000, completion: $1) } as Void
        #expect(try times() == [5_000, 4_999, 5_000, 4_998, 4_997, 4_999])
        try await index.writer.done { $0.recall(to: 5_000, completion: $1) } as Void
        #expect(try times() == [5_000, 4_999, 5_000, 4_998, 4_997, 4_999])
    }

    @Test("revalidation replaces the fields and nothing else")
    func refresh() async throws {
        let entry = try await index.entry()
        try await index.writer.done {
            $0.refresh(entry.id, contentType: nil, fields: "new", completion: $1)
        } as Void
        let fresh = try #require(try reader.entry(entry.id))
        #expect(fresh.fields == "new")
        #expect(fresh.contentType == nil)
        #expect(fresh.representation == entry.representation)
    }

    @Test("a list gives sums and states, page by page")
    func list() async throws {
        let empty = try await index.entry(key: "empty", salt: 1)
        let part = try await index.entry(key: "part", salt: 2)
        let full = try await index.entry(key: "full", length: 64 * kib + 1, salt: 3)
        let stale = try await index.entry(key: "stale", salt: 4)
        let nothing = try await index.entry(key: "nothing", length: 0, salt: 5)
        try await index.writer.record([run(0..<10), run(20..<25)], in: part.id)
        try await index.writer.record(
            [run(0..<64 * kib), run(64 * kib..<64 * kib + 1)], in: full.id)
        try await index.writer.done { $0.supersede(stale.id, at: 9, completion: $1) } as Void
        let first = try reader.entries(limit: 2)
        let rest = try reader.entries(limit: 10, after: part.id.rawValue)
        #expect(first.map(\.entry.id) == [empty.id, part.id])
        #expect(rest.map(\.entry.id) == [full.id, stale.id, nothing.id])
        #expect((first + rest).map(\.state) == [.new, .partial, .complete, .stale, .complete])
        #expect((first + rest).map(\.presentBytes) == [0, 15, 64 * kib + 1, 0, 0])
        #expect((first + rest).map(\.runCount) == [0, 2, 2, 0, 0])
        #expect(try reader.totalRecordedBytes() == 64 * kib + 16)
    }
}
