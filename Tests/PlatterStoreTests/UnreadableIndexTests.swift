import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

/// All but the first page cannot be read.
@Suite("An index of which a part cannot be read", .serialized)
struct UnreadableIndexTests {
    private let index: TestIndex
    private let entry: EntryRecord
    private let losses = NIOLockedValueBox<[IndexError.Code]>([])

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        try await index.writer.checkpoint()
        index.writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
    }

    private var lossesSoFar: [IndexError.Code] { losses.withLockedValue { $0 } }

    private func spoil() throws { try FailingReads.spoil(4096..<1 << 30, of: index.path) }

    @Test("is not called corrupt by readers, however often they ask, and mends with the disk")
    func reading() async throws {
        let reader = index.writer.makeReader()
        #expect(!index.writer.takeFailure())
        try spoil()
        defer { FailingReads.mend() }
        for _ in 0..<10 {
            let error = #expect(throws: IndexError.self) {
                try reader.presence(of: entry.id, at: 0, upTo: 100)
            }
            #expect(error?.code == .io)
            #expect(error?.isOfDisk == true)
        }
        #expect(lossesSoFar == [])
        #expect(index.writer.takeFailure())
        #expect(!index.writer.takeFailure())
        FailingReads.mend()
        #expect(try reader.presence(of: entry.id, at: 0, upTo: 100) == .present(0..<100))
    }

    @Test("is not called corrupt by the writer either")
    func writing() async throws {
        try await index.writer.close()
        let writer = try IndexWriter(path: index.path, boot: "boot 1")
        writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
        try spoil()
        defer { FailingReads.mend() }
        // More often than SQLite is forgiven that it calls a sound file damaged.
        for _ in 0..<5 {
            await #expect(throws: IndexError.self) { try await writer.openEntry(newEntry()) }
        }
        #expect(lossesSoFar == [])
        #expect(writer.takeFailure())
        FailingReads.mend()
        #expect(try await writer.openEntry(newEntry()).file == entry.file)
        try await writer.close()
    }

    @Test("fails an examination, passes it once it can be read, and is set aside when condemned")
    func examined() async throws {
        #expect(await index.writer.examine() == .passed)
        try spoil()
        defer { FailingReads.mend() }
        #expect(await index.writer.examine() == .failed)
        FailingReads.mend()
        #expect(await index.writer.examine() == .passed)
        #expect(lossesSoFar == [])
        try spoil()
        index.writer.condemn(try index.writer.life.epoch, because: "the disk does not give it")
        #expect(lossesSoFar == [.corrupt])
        try await index.writer.renew()
        #expect(try index.writer.makeReader().entry(for: entry.representation.key) == nil)
        #expect(await index.writer.examine() == .passed)
    }

    @Test(
        "want of memory and of locks is no failure of the disk",
        arguments: [
            (10, true), (266, true), (778, true), (8458, true), (3082, false), (3850, false),
        ])
    func kinds(code: Int32, isOfDisk: Bool) {
        #expect(IndexError(sqliteCode: code, message: "").isOfDisk == isOfDisk)
    }

    @Test("one that cannot be opened is set aside only when it is condemned")
    func unopened() async throws {
        try await index.writer.close()
        let writer = IndexWriter(
            path: index.path, boot: "boot 1", without: IndexError(.io, "it could not be read"))
        try spoil()
        defer { FailingReads.mend() }
        for _ in 0..<3 {
            let error = await #expect(throws: IndexError.self) { try await writer.renew() }
            #expect(error?.code == .io)
        }
        writer.condemnUnopened(because: "the disk does not give it")
        try await writer.renew()
        #expect(try writer.makeReader().entry(for: entry.representation.key) == nil)
        try await writer.close()
    }
}
