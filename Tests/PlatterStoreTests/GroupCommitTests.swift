import PlatterCore
import PlatterStore
import Testing

@Suite("Commits")
struct GroupCommitTests {
    let index: TestIndex
    let entry: EntryID

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry().id
    }

    /// Runs `work` on the writer's thread, so that nothing it appends is committed before it ends,
    /// and waits for what it appended.
    private func whileBusy(_ work: @escaping @Sendable (IndexWriter) -> Void) async throws {
        let writer = index.writer
        try await withCheckedThrowingContinuation { continuation in
            writer.touch([:]) { _ in
                work(writer)
                writer.touch([:]) { continuation.resume(with: $0) }
            }
        } as Void
    }

    @Test("changes that come while the writer is busy are committed as one group")
    func group() async throws {
        let before = index.writer.groupCount
        try await whileBusy { [entry] writer in
            for start in Int64(0)..<100 {
                writer.record([run(start * 20..<start * 20 + 10)], in: entry) { _ in }
            }
        }
        #expect(index.writer.groupCount - before == 2)
        #expect(try index.reader().runs(of: entry).count == 100)
    }

    @Test("one change that fails does not take the others of its group with it")
    func isolation() async throws {
        let results = Results()
        try await whileBusy { [entry] writer in
            writer.record([run(0..<10)], in: entry) { results.note("first", $0) }
            writer.record([run(20..<30), run(7..<7)], in: entry) { results.note("bad", $0) }
            writer.record([run(0..<1)], in: EntryID(99)) { results.note("gone", $0) }
            writer.record([run(40..<50)], in: entry) { results.note("last", $0) }
        }
        #expect(
            results.all == ["first: ok", "bad: constraint", "gone: entryGone", "last: ok"])
        #expect(try index.reader().ranges(of: entry) == [0..<10, 40..<50])
    }

    @Test("changes are made in the order they came")
    func order() async throws {
        let writer = index.writer
        for _ in 0..<50 {
            writer.record([run(0..<10)], in: entry) { _ in }
            writer.drop(0..<10, of: entry) { _ in }
        }
        writer.record([run(5..<10)], in: entry) { _ in }
        try await writer.flush()
        #expect(try index.reader().ranges(of: entry) == [5..<10])
    }

    @Test("more changes than a group takes are all made")
    func manyGroups() async throws {
        let before = index.writer.groupCount
        try await whileBusy { [entry] writer in
            for start in Int64(0)..<1_500 {
                writer.record([run(start * 4..<start * 4 + 2)], in: entry) { _ in }
            }
        }
        #expect(index.writer.groupCount - before == 4)
        #expect(try index.reader().runs(of: entry).count == 1_500)
    }

    @Test("a commit is visible to readers when its completion runs")
    func visibility() async throws {
        let path = index.path
        let entry = entry
        let presence: Presence = try await withCheckedThrowingContinuation { continuation in
            index.writer.record([run(0..<10)], in: entry) { _ in
                continuation.resume(
                    with: Result {
                        try IndexReader(path: path, boot: "boot 1")
                            .presence(of: entry, at: 0, upTo: 20)
                    })
            }
        }
        #expect(presence == .present(0..<10))
    }

    @Test("closing makes what was asked for before, and refuses what comes after")
    func closing() async throws {
        let results = Results()
        index.writer.record([run(0..<10)], in: entry) { results.note("before", $0) }
        try await index.writer.close()
        index.writer.record([run(20..<30)], in: entry) { results.note("after", $0) }
        try await index.writer.close()
        #expect(results.all == ["before: ok", "after: closed"])
        let error = await #expect(throws: IndexError.self) { try await index.writer.checkpoint() }
        #expect(error?.code == .closed)
        let again = try IndexWriter(path: index.path, boot: "boot 1")
        #expect(try index.reader().ranges(of: entry) == [0..<10])
        try await again.close()
    }
}
