import Foundation
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

/// A cache folder with entries of eight chunks of 64 KiB, if not told otherwise, and a disk that tells
/// what is done to it.
final class Cellar: Sendable {
    static let chunk: Int64 = 64 << 10
    static let length = 8 * chunk
    /// The hour of all tests, in seconds since 1970.
    static let now: Int64 = 1_000_000

    let path: String
    let grid: ChunkGrid
    private let policy: EvictionPolicy
    let disk: WatchedDisk
    let index: IndexWriter
    let table: EntryTable

    /// - Parameters:
    ///   - canPunch: Whether holes can be punched.
    ///   - isKnown: Whether the probe says so.
    ///   - chunkLength, length: Of the entries.
    ///   - block: Where holes begin and end.
    init(
        canPunch: Bool = true, isKnown: Bool = true, chunkLength: Int64 = Cellar.chunk,
        length: Int64 = Cellar.length, block: Int64 = Cellar.chunk
    ) throws {
        grid = try #require(ChunkGrid(chunkLength: chunkLength, completeLength: length))
        var settings = EvictionPolicy.Settings()
        settings.block = block
        policy = EvictionPolicy(settings: settings)
        path = NSTemporaryDirectory() + "platter-evict-\(UUID().uuidString)"
        disk = WatchedDisk(
            try PosixDisk(root: path), canPunch: canPunch, punchesHoles: canPunch || !isKnown)
        index = try IndexWriter(path: path + "/index.sqlite", boot: "boot")
        table = EntryTable(disk: disk)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func reader() throws -> IndexReader {
        try IndexReader(path: path + "/index.sqlite", boot: "boot")
    }

    /// A full entry: every byte of its file is 1.
    func fill(_ name: String, accessedAt: Int64) async throws -> EntryRecord {
        let record = try await empty(name, accessedAt: accessedAt)
        let file = try disk.createFile(record.file)
        let bytes = [UInt8](repeating: 1, count: Int(grid.completeLength))
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        try await recordAll(of: record)
        return record
    }

    /// An entry of which nothing is recorded, without a file.
    func empty(_ name: String, accessedAt: Int64) async throws -> EntryRecord {
        let representation = Representation(
            key: CacheKey(name), validator: .strong(tag: "\"1\""),
            completeLength: grid.completeLength)
        let new = NewEntry(
            representation, chunkLength: grid.chunkLength,
            file: DataFileName(representation, salt: 1), origin: "http://origin",
            createdAt: accessedAt)
        guard let new else { throw IndexError(.constraint, "no such grid") }
        return try await index.openEntry(new)
    }

    func recordAll(of record: EntryRecord) async throws {
        let ones = [UInt8](repeating: 1, count: Int(grid.chunkLength))
        let runs = grid.pieces(of: 0..<grid.completeLength).map { piece in
            let crc = ones.prefix(Int(piece.length)).withUnsafeBytes { Checksum.crc32c(of: $0) }
            return StoredRun(range: piece, crc32c: crc)
        }
        index.record(runs, in: record.id) { _ in }
        try await index.flush()
    }

    private var count: EvictionCount {
        EvictionCount(
            mark: { EvictionTrigger(total: 0).mark },
            dropped: { [disk] bytes, _ in disk.noteDropped(bytes) })
    }

    /// - Parameter now: What the clock on the wall says.
    /// - Returns: The bytes that could not be freed.
    func free(_ bytes: Int64, at now: Int64 = Cellar.now) async throws -> Int64 {
        var pass = EvictionPass(
            policy: policy, table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { now },
            log: Logger(label: "test"), count: count)
        return try await pass.free(bytes)
    }

    func unrecordedBytes() async throws -> Int64 {
        let pass = EvictionPass(
            policy: policy, table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { Self.now },
            log: Logger(label: "test"), count: count)
        return try await pass.unrecordedBytes()
    }

    /// One that knows of what is recorded by now, and never looks by itself.
    ///
    /// - Parameter reserve: Percent of the disk, which may be nearly full in tests.
    func evictor(
        maximum: Int64, reserve: Int64 = 0, log: Logger = Logger(label: "test"),
        delay: @escaping Delay = { _, _ in }
    ) throws -> Evictor {
        var settings = policy.settings
        settings.maximum = maximum
        settings.reserve = reserve
        return Evictor(
            settings: settings, recorded: try reader().totalRecordedBytes(), table: table,
            disk: disk, index: index, search: IndexSearch(reader: try reader()),
            clock: SystemClock(), wallClock: { Self.now }, executor: nil, delay: delay, log: log)
    }

    /// A person wants an entry kept.
    func pin(_ record: EntryRecord) async throws {
        _ = try await index.enqueue(
            NewDownload(
                key: record.representation.key, url: "http://origin/film", isPinned: true,
                createdAt: 1))
    }

    /// - Returns: Whether there was one.
    func removeOne() async throws -> Bool {
        var pass = EvictionPass(
            policy: policy, table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { Self.now },
            log: Logger(label: "test"), count: count)
        return try await pass.removeOne()
    }

    /// The chunks of which something is recorded.
    func chunks(of record: EntryRecord) throws -> [Int64] {
        try reader().runs(of: record.id).map { grid.index(of: $0.run.range.lowerBound) }
    }

    /// The chunks whose bytes are still in the file.
    func bytes(of record: EntryRecord) throws -> [Int64] {
        let file = try disk.openFile(record.file, left: record.stamp)
        return try (0..<grid.count).filter { index in
            let chunk = grid.range(of: index)
            var bytes = [UInt8](repeating: 0, count: Int(chunk.length))
            let count = try bytes.withUnsafeMutableBytes { (bytes) throws(any Error) in
                try file.read(into: bytes, at: chunk.lowerBound)
            }
            return count == Int(chunk.length) && bytes.allSatisfy { $0 == 1 }
        }
    }

    /// The index knows what the file was left like.
    func noteStamp(of record: EntryRecord) async throws {
        let file = try disk.openFile(record.file, left: nil)
        while let change = try file.foreignChange() { file.accept(change) }
        index.note(file.stamp, of: record.id) { _ in }
        try await index.flush()
    }

    func path(of record: EntryRecord) -> String {
        path + "/objects/\(record.file.folder)/\(record.file.text)"
    }

    func hasFile(_ record: EntryRecord) -> Bool {
        FileManager.default.fileExists(atPath: path(of: record))
    }
}
