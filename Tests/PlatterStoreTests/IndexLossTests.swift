import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("An index that is lost")
struct IndexLossTests {
    let index: TestIndex
    let reader: IndexReader
    let entry: EntryRecord
    private let losses = NIOLockedValueBox<[IndexError.Code]>([])

    init() async throws {
        index = try TestIndex()
        reader = index.writer.makeReader()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        index.writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
    }

    private var lossesSoFar: [IndexError.Code] { losses.withLockedValue { $0 } }

    private func overwrite(_ suffix: String = "") throws {
        let handle = try #require(FileHandle(forWritingAtPath: index.path + suffix))
        try handle.write(contentsOf: Data(repeating: 0x5A, count: 64 << 10))
        try handle.close()
    }

    private func delete() throws {
        for suffix in ["", "-wal", "-shm"] {
            try FileManager.default.removeItem(atPath: index.path + suffix)
        }
    }

    private func expectLost(_ body: () async throws -> Void) async {
        let error = await #expect(throws: IndexError.self) { try await body() }
        #expect(error?.code == .lost)
    }

    @Test("one that was deleted is noticed at the next look, and all fails until there is another")
    func deleted() async throws {
        index.writer.look()
        #expect(lossesSoFar == [])
        try delete()
        index.writer.look()
        index.writer.look()
        #expect(lossesSoFar == [.replaced])
        await expectLost { _ = try reader.entry(for: entry.representation.key) }
        await expectLost { _ = try reader.presence(of: entry.id, at: 0, upTo: 10) }
        try await index.writer.renew()
        #expect(try reader.entry(for: entry.representation.key) == nil)
        #expect(index.writer.loss == nil)
    }

    @Test("one that is condemned is set aside although it can be asked")
    func condemned() async throws {
        let epoch = try reader.faults().epoch
        index.writer.condemn(epoch &+ 1, because: "this is about another one")
        #expect(index.writer.loss == nil)
        index.writer.condemn(epoch, because: "a page is not what it should be")
        #expect(lossesSoFar == [.corrupt])
        await expectLost { _ = try reader.entry(for: entry.representation.key) }
        try await index.writer.renew()
        #expect(try reader.entry(for: entry.representation.key) == nil)
        #expect(FileManager.default.fileExists(atPath: index.path + ".lost"))
    }

    @Test("an answer is worth nothing when the index was lost before it came")
    func meanwhile() async throws {
        let epoch = try reader.faults().epoch
        let writer = index.writer
        await expectLost {
            try reader.ask("SELECT 1") { (_, _) throws(IndexError) in
                writer.condemn(epoch, because: "a page is not what it should be")
            }
        }
        try await index.writer.renew()
        #expect(index.writer.loss == nil)
    }

    @Test(
        "a page that could not be read is no damage of the index",
        arguments: [
            ("Tree 5 page 7: btreeInitPage() returns error code 11", false),
            ("Tree 4 page 9 cell 3: Child page depth differs", false),
            ("Tree 4 page 9: unable to get the page. error code=266", true),
            ("Tree 4 page 9: unable to get the page. error code=11", false),
            ("Freelist: failed to get page 12", true),
        ])
    func unread(fault: String, isUnread: Bool) {
        #expect(IndexError.isUnread(fault) == isUnread)
    }

    @Test("another file in its place is not taken for the index, but set aside")
    func replaced() async throws {
        let other = try TestIndex()
        let foreign = try await other.entry(key: "http://origin/foreign")
        try await other.writer.close()
        try FileManager.default.removeItem(atPath: index.path)
        try FileManager.default.moveItem(atPath: other.path, toPath: index.path)
        index.writer.look()
        #expect(lossesSoFar == [.replaced])
        try await index.writer.renew()
        #expect(try reader.entry(for: foreign.representation.key) == nil)
        #expect(FileManager.default.fileExists(atPath: index.path + ".lost"))
    }

    /// Gives each of the files another name.
    private func move(_ suffixes: [String] = ["", "-wal", "-shm"], back: Bool = false) throws {
        for suffix in suffixes {
            let paths = [index.path + suffix, index.path + suffix + ".away"]
            try FileManager.default.moveItem(
                atPath: paths[back ? 1 : 0], toPath: paths[back ? 0 : 1])
        }
    }

    @Test("one that was away and is back is used again, with all that was recorded meanwhile")
    func back() async throws {
        try move()
        try await index.writer.record([run(100..<200)], in: entry.id)
        index.writer.look()
        #expect(lossesSoFar == [.replaced])
        await expectLost { _ = try reader.ranges(of: entry.id) }
        try move(back: true)
        try await index.writer.renew()
        #expect(try reader.ranges(of: entry.id) == [0..<200])
        try await index.writer.record([run(200..<300)], in: entry.id)
        let again = index.writer.makeReader()
        #expect(try again.entry(for: entry.representation.key)?.id == entry.id)
        #expect(try again.ranges(of: entry.id) == [0..<300])
    }

    @Test("one that is back without its log is set aside")
    func backInPart() async throws {
        try move()
        index.writer.look()
        try move([""], back: true)
        try await index.writer.renew()
        #expect(try reader.entry(for: entry.representation.key) == nil)
    }

    @Test("one whose folder is gone is lost, whatever lies at its path")
    func folderGone() async throws {
        index.writer.look(isFolderGone: true)
        #expect(lossesSoFar == [.replaced])
        await expectLost { _ = try reader.entry(for: entry.representation.key) }
        try await index.writer.renew()
        #expect(try reader.ranges(of: entry.id) == [0..<100])
    }

    @Test("one that is overwritten is noticed by whoever asks it, once")
    func overwritten() async throws {
        try await index.writer.checkpoint()
        try overwrite()
        let again = index.writer.makeReader()
        let error = #expect(throws: IndexError.self) {
            try again.entry(for: entry.representation.key)
        }
        #expect(error?.code == .corrupt)
        #expect(lossesSoFar == [.corrupt])
        await expectLost { _ = try again.entry(for: entry.representation.key) }
        try await index.writer.renew()
        #expect(try again.entry(for: entry.representation.key) == nil)
    }

    @Test("numbers of the lost index never name what is in the new one")
    func numbers() async throws {
        try delete()
        index.writer.look()
        try await index.writer.renew()
        let new = try await index.entry(key: "http://origin/new")
        #expect(new.id.rawValue == entry.id.rawValue)
        #expect(new.id != entry.id)
        await expectLost { try await index.writer.record([run(0..<10)], in: entry.id) }
        await expectLost { _ = try await index.writer.drop(0..<10, of: entry.id) }
        await expectLost { _ = try reader.presence(of: entry.id, at: 0, upTo: 10) }
        await expectLost { _ = try reader.runs(of: entry.id) }
        await expectLost { _ = try await index.writer.deleteEntry(entry.id) }
        #expect(try reader.entry(new.id) == new)
        #expect(try reader.ranges(of: new.id) == [])
        try await index.writer.record([run(0..<10)], in: new.id)
        #expect(try reader.ranges(of: new.id) == [0..<10])
    }

    @Test("what people asked for is taken over")
    func wishes() async throws {
        let wish = NewDownload(
            key: CacheKey("http://origin/wish"), url: "http://origin/wish", isPinned: true,
            createdAt: 1)
        _ = try await index.writer.enqueue(wish)
        try delete()
        index.writer.look()
        try await index.writer.renew()
        #expect(try await index.writer.downloads().map(\.download) == [wish])
    }

    @Test("changes that wait when it is given up fail")
    func waiting() async throws {
        let results = Results()
        try delete()
        let writer = index.writer
        try await withCheckedThrowingContinuation { continuation in
            writer.touch([:]) { [entry] _ in
                writer.record([run(200..<210)], in: entry.id) { results.note("waiting", $0) }
                writer.look()
                Task {
                    try await writer.renew()
                    continuation.resume()
                }
            }
        } as Void
        try await writer.flush()
        // Committed to the lost file or refused: but told, and not in the new one.
        #expect(results.all == ["waiting: lost"] || results.all == ["waiting: ok"])
        #expect(try reader.totalRecordedBytes() == 0)
    }

    @Test("giving up goes on where the program ended in the middle of it")
    func halfGivenUp() async throws {
        try await index.writer.close()
        try Data().write(to: URL(fileURLWithPath: index.path + ".giving-up"))
        let again = try IndexWriter(path: index.path, boot: "boot 1")
        #expect(try again.makeReader().entry(for: entry.representation.key) == nil)
        #expect(!FileManager.default.fileExists(atPath: index.path + ".giving-up"))
        try await again.close()
    }

    @Test("one that only could not be opened is opened, not replaced")
    func opened() async throws {
        try await index.writer.close()
        let busy = IndexWriter(
            path: index.path, boot: "boot 1", without: IndexError(.busy, "another program has it"))
        await expectLost { try await busy.flush() }
        try await busy.renew()
        let found = try busy.makeReader().entry(for: entry.representation.key)
        #expect(found?.file == entry.file)
        try await busy.close()
    }

    @Test("one that turns out corrupt when it is opened is set aside at the next try")
    func corruptAtStart() async throws {
        try await index.writer.close()
        try overwrite()
        let error = #expect(throws: IndexError.self) {
            try IndexWriter(path: index.path, boot: "boot 1")
        }
        #expect(error?.code == .corrupt)
        let loss = try #require(error)
        let again = IndexWriter(path: index.path, boot: "boot 1", without: loss)
        try await again.renew()
        #expect(try again.makeReader().entry(for: entry.representation.key) == nil)
        try await again.close()
    }

    @Test("after the end nothing is made anew")
    func closed() async throws {
        try delete()
        index.writer.look()
        try await index.writer.close()
        let error = await #expect(throws: IndexError.self) { try await index.writer.renew() }
        #expect(error?.code == .closed)
        #expect(!FileManager.default.fileExists(atPath: index.path))
    }
}
