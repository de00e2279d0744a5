import Foundation
import GRDB
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterTesting
import Testing

@testable import PlatterCache
@testable import PlatterStore

@Suite("An entry that was found before")
struct KnownEntryTests {
    private let cellar: Cellar
    private let resource: PlatterCache.Resource
    private let record: EntryRecord
    private let entry: Entry
    private let index: IndexReader
    private let range: ByteRange = 1000..<5000

    init() async throws {
        cellar = try Cellar()
        resource = PlatterCache.Resource(
            key: CacheKey("film"), url: try OriginURL("http://origin/film"))
        let empty = try await cellar.empty("film", accessedAt: 1)
        let file = try cellar.disk.createFile(empty.file)
        let ones = [UInt8](repeating: 1, count: Int(Cellar.length))
        try ones.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        try await cellar.recordAll(of: empty)
        cellar.index.note(file.stamp, of: empty.id) { _ in }
        try await cellar.index.flush()
        index = cellar.index.makeReader()
        // What SQLite shares is found after the first question.
        record = try #require(try index.entry(for: resource.key))
        entry = try cellar.table.entry(of: record, resource: resource)
    }

    private func known() throws -> KnownEntry {
        try #require(KnownEntry(resource, table: cellar.table, index: index, now: .start))
    }

    /// - Returns: The bytes that were read; nil when they are not to be believed.
    private func read(_ range: ByteRange, of file: any DataFile) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 7, count: Int(range.length))
        let known = try known()
        let opened = Entry.Opened(record: record, file: file)
        let isRight = bytes.withUnsafeMutableBytes {
            known.read(range, of: opened, into: $0, index: index)
        }
        return isRight ? bytes : nil
    }

    private var file: any DataFile {
        get throws { try #require(entry.opened).file }
    }

    private static func execute(_ sql: String, in cellar: Cellar) throws {
        try DatabaseQueue(path: cellar.path + "/index.sqlite").write { try $0.execute(sql: sql) }
    }

    @Test("gives the bytes that are there, and none of those that are not")
    func present() async throws {
        let ones = [UInt8](repeating: 1, count: Int(range.length))
        #expect(try read(range, of: file) == ones)
        #expect(try read(0..<1, of: file) == [1])
        cellar.index.drop(0..<1, of: record.id) { _ in }
        try await cellar.index.flush()
        #expect(try read(range, of: file) == nil)
        #expect(try read(Cellar.chunk..<Cellar.chunk + 1, of: file) == [1])
    }

    /// What happens while the bytes are read.
    enum Event: CaseIterable {
        case rowGoes, othersCommit, indexEnds, hole, foreignWrite, cut, deletion
    }

    @Test("gives none when anything happens while they are read", arguments: Event.allCases)
    func disturbed(event: Event) throws {
        let file = try file
        let name = file.path
        #expect(try read(range, of: file) != nil)
        let disturbed = DisturbedFile(file: file) { [cellar] in
            switch event {
            case .rowGoes:
                try Self.execute("DELETE FROM cache_chunks WHERE start = 0", in: cellar)
            case .othersCommit:
                try Self.execute("UPDATE cache_entries SET accessed_at = 5", in: cellar)
            case .indexEnds: cellar.index.life.end(1, because: .moved)
            case .hole: try file.punch(0..<Cellar.chunk)
            case .foreignWrite:
                let handle = try FileHandle(forWritingTo: URL(filePath: name))
                try handle.write(contentsOf: Data([1]))
                try handle.close()
            case .cut:
                let handle = try FileHandle(forWritingTo: URL(filePath: name))
                try handle.truncate(atOffset: 4000)
                try handle.close()
            case .deletion: try FileManager.default.removeItem(atPath: name)
            }
        }
        #expect(try read(range, of: disturbed) == nil)
        #expect(disturbed.isRead)
        if event == .othersCommit { #expect(try read(range, of: file) != nil) }
    }

    @Test("gives none of a file that has lost its name, or is not in memory, or is too short")
    func unusable() throws {
        let file = try file
        #expect(try read(range, of: OddFile(file: file, oddity: .none)) != nil)
        for oddity in OddFile.Oddity.allCases where oddity != .none {
            #expect(try read(range, of: OddFile(file: file, oddity: oddity)) == nil, "\(oddity)")
        }
    }

    @Test("is found anew when the index or the table has changed")
    func changes() async throws {
        func isStill(_ known: KnownEntry) -> Bool {
            known.entry(table: cellar.table, index: index) === entry
        }
        var known = try known()
        #expect(isStill(known))
        #expect(isStill(known))
        cellar.index.touch([record.id: 7]) { _ in }
        try await cellar.index.flush()
        #expect(!isStill(known))
        // As of any request.
        _ = try index.entry(for: resource.key)
        known = try self.known()
        #expect(isStill(known))
        cellar.table.bypass(CacheKey("other"), now: .start)
        #expect(!isStill(known))
        known = try self.known()
        cellar.table.forget(entry)
        #expect(!isStill(known))
        #expect(KnownEntry(resource, table: cellar.table, index: index, now: .start) == nil)
        _ = try cellar.table.entry(of: record, resource: resource)
        cellar.table.bypass(resource.key, now: .start)
        #expect(KnownEntry(resource, table: cellar.table, index: index, now: .start) == nil)
    }

    @Test("is not kept open by it")
    func weak() throws {
        let other = PlatterCache.Resource(
            key: CacheKey("film"), url: try OriginURL("http://origin/film"))
        cellar.table.forget(entry)
        var entry: Entry? = try cellar.table.entry(of: record, resource: other)
        let known = try #require(
            KnownEntry(other, table: cellar.table, index: index, now: .start))
        weak let seen = entry
        cellar.table.forgetAll()
        entry = nil
        #expect(seen == nil)
        #expect(known.entry(table: cellar.table, index: index) == nil)
    }
}

/// A file to which something happens once it has been read.
private final class DisturbedFile: HandingOnFile {
    let file: any DataFile
    private let event: @Sendable () throws -> Void
    private let hasRead = NIOLockedValueBox(false)
    var isRead: Bool { hasRead.withLockedValue(\.self) }

    init(file: any DataFile, event: @escaping @Sendable () throws -> Void) {
        (self.file, self.event) = (file, event)
    }

    func readResident(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int? {
        let count = try file.readResident(into: buffer, at: offset)
        do { try event() } catch { Issue.record(error) }
        hasRead.withLockedValue { $0 = true }
        return count
    }
}

/// A file that is not what it should be.
private final class OddFile: HandingOnFile {
    enum Oddity: CaseIterable { case none, detached, cold, short, accepted }

    let file: any DataFile
    private let oddity: Oddity
    private let accepted = NIOLockedValueBox(0)

    init(file: any DataFile, oddity: Oddity) { (self.file, self.oddity) = (file, oddity) }

    var isDetached: Bool { oddity == .detached || file.isDetached }

    /// Another one each time.
    var acceptedChangeCount: Int {
        accepted.withLockedValue { accepted in
            if oddity == .accepted { accepted += 1 }
            return accepted
        }
    }

    func readResident(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int? {
        let count = try file.readResident(into: buffer, at: offset)
        return switch oddity {
        case .cold: nil
        case .short: count.map { $0 - 1 }
        case .none, .detached, .accepted: count
        }
    }
}
