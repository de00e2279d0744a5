import Foundation
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore

@testable import PlatterCache

/// A cache folder with entries of eight chunks of 64 KiB, and a disk that tells what is done to it.
final class Cellar: Sendable {
    static let chunk: Int64 = 64 << 10
    static let length = 8 * chunk
    /// The hour of all tests, in seconds since 1970.
    static let now: Int64 = 1_000_000

    let path: String
    let disk: WatchedDisk
    let index: IndexWriter
    let table: EntryTable

    /// - Parameters:
    ///   - canPunch: Whether holes can be punched.
    ///   - isKnown: Whether the probe says so.
    init(canPunch: Bool = true, isKnown: Bool = true) throws {
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
        let bytes = [UInt8](repeating: 1, count: Int(Self.length))
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        try await recordAll(of: record)
        return record
    }

    /// An entry of which nothing is recorded, without a file.
    func empty(_ name: String, accessedAt: Int64) async throws -> EntryRecord {
        let representation = Representation(
            key: CacheKey(name), validator: .strong(tag: "\"1\""), completeLength: Self.length)
        let new = NewEntry(
            representation, chunkLength: Self.chunk, file: DataFileName(representation, salt: 1),
            origin: "http://origin", createdAt: accessedAt)
        guard let new else { throw IndexError(.constraint, "no such grid") }
        return try await index.openEntry(new)
    }

    func recordAll(of record: EntryRecord) async throws {
        let ones = [UInt8](repeating: 1, count: Int(Self.chunk))
        let crc = ones.withUnsafeBytes { Checksum.crc32c(of: $0) }
        let runs = record.grid.pieces(of: 0..<Self.length).map { StoredRun(range: $0, crc32c: crc) }
        index.record(runs, in: record.id) { _ in }
        try await index.flush()
    }

    private var count: EvictionCount {
        EvictionCount(
            mark: { EvictionTrigger(total: 0).mark },
            dropped: { [disk] bytes, _ in disk.noteDropped(bytes) })
    }

    /// - Returns: The bytes that could not be freed.
    func free(_ bytes: Int64) async throws -> Int64 {
        var pass = EvictionPass(
            policy: EvictionPolicy(settings: .init()), table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { Self.now },
            log: Logger(label: "test"), count: count)
        return try await pass.free(bytes)
    }

    func unrecordedBytes() async throws -> Int64 {
        let pass = EvictionPass(
            policy: EvictionPolicy(settings: .init()), table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { Self.now },
            log: Logger(label: "test"), count: count)
        return try await pass.unrecordedBytes()
    }

    /// One that knows of what is recorded by now, and never looks by itself.
    ///
    /// - Parameter reserve: Percent of the disk, which may be nearly full in tests.
    func evictor(maximum: Int64, reserve: Int64 = 0) throws -> Evictor {
        var settings = EvictionPolicy.Settings()
        settings.maximum = maximum
        settings.reserve = reserve
        return Evictor(
            settings: settings, recorded: try reader().totalRecordedBytes(), table: table,
            disk: disk, index: index, search: IndexSearch(reader: try reader()),
            clock: SystemClock(), wallClock: { Self.now }, executor: nil, delay: { _, _ in },
            log: Logger(label: "test"))
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
            policy: EvictionPolicy(settings: .init()), table: table, disk: disk, index: index,
            search: IndexSearch(reader: try reader()), wallClock: { Self.now },
            log: Logger(label: "test"), count: count)
        return try await pass.removeOne()
    }

    /// The chunks of which something is recorded.
    func chunks(of record: EntryRecord) throws -> [Int64] {
        try reader().runs(of: record.id).map { $0.run.range.lowerBound / Self.chunk }
    }

    /// The chunks whose bytes are still in the file.
    func bytes(of record: EntryRecord) throws -> [Int64] {
        let file = try disk.openFile(record.file, left: record.stamp)
        return try (0..<8).filter { chunk in
            var bytes = [UInt8](repeating: 0, count: Int(Self.chunk))
            let count = try bytes.withUnsafeMutableBytes { (bytes) throws(any Error) in
                try file.read(into: bytes, at: chunk * Self.chunk)
            }
            return count == Int(Self.chunk) && bytes.allSatisfy { $0 == 1 }
        }
    }

    func path(of record: EntryRecord) -> String {
        path + "/objects/\(record.file.folder)/\(record.file.text)"
    }

    func hasFile(_ record: EntryRecord) -> Bool {
        FileManager.default.fileExists(atPath: path(of: record))
    }
}

/// A real disk that calls before it opens a file or punches one, and counts.
final class WatchedDisk: Disk {
    private let disk: PosixDisk
    private let canPunch: Bool
    private let state: NIOLockedValueBox<State>

    private struct State {
        var opening: @Sendable () -> Void = {}
        var punching: @Sendable (ByteRange) -> Void = { _ in }
        var dropped: Int64 = 0
        var punchesHoles: Bool
        var keepsFiles = false
        var openingError: DiskError?
        var creatingError: DiskError?
        var space: DiskSpace?
    }

    init(_ disk: PosixDisk, canPunch: Bool, punchesHoles: Bool) {
        self.disk = disk
        self.canPunch = canPunch
        state = NIOLockedValueBox(State(punchesHoles: punchesHoles))
    }

    var punchesHoles: Bool { state.withLockedValue { $0.punchesHoles } }

    /// From now on no file can be removed.
    func keepFiles() { state.withLockedValue { $0.keepsFiles = true } }

    /// Bytes that the pass said it had taken from the index.
    var dropped: Int64 { state.withLockedValue { $0.dropped } }

    func noteDropped(_ bytes: Int64) { state.withLockedValue { $0.dropped += bytes } }

    /// Called between the end of a row and that of its bytes.
    func beforeOpening(_ action: @escaping @Sendable () -> Void) {
        state.withLockedValue { $0.opening = action }
    }

    /// From now on no file can be opened.
    func failOpening(_ error: DiskError?) { state.withLockedValue { $0.openingError = error } }

    func beforePunching(_ action: @escaping @Sendable (ByteRange) -> Void) {
        state.withLockedValue { $0.punching = action }
    }

    /// From now on no file can be made.
    func failCreating(_ error: DiskError?) { state.withLockedValue { $0.creatingError = error } }

    func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        if let error = state.withLockedValue({ $0.creatingError }) { throw error }
        return try disk.createFile(name)
    }

    func openFile(
        _ name: DataFileName, left: FileStamp?
    ) throws(DiskError) -> any DataFile {
        state.withLockedValue { $0.opening }()
        if let error = state.withLockedValue({ $0.openingError }) { throw error }
        return WatchedFile(
            try disk.openFile(name, left: left), canPunch: canPunch,
            punching: state.withLockedValue { $0.punching },
            refused: { [state] in state.withLockedValue { $0.punchesHoles = false } })
    }

    func removeFile(_ name: DataFileName) throws(DiskError) {
        guard !state.withLockedValue({ $0.keepsFiles }) else {
            throw DiskError(.permission, "no file goes", path: name.text)
        }
        try disk.removeFile(name)
    }

    func fileNames(inFolder folder: UInt8) throws(DiskError) -> [DataFileName] {
        try disk.fileNames(inFolder: folder)
    }

    /// From now on the disk says that it has this.
    func hasSpace(_ space: DiskSpace) { state.withLockedValue { $0.space = space } }

    func space() throws(DiskError) -> DiskSpace {
        if let space = state.withLockedValue({ $0.space }) { return space }
        return try disk.space()
    }

    var isInPlace: Bool { disk.isInPlace }

    func restore() throws(DiskError) -> Bool { try disk.restore() }

    func dropBallast() -> Bool { disk.dropBallast() }

    func takeBallast() { disk.takeBallast() }
}

final class WatchedFile: DataFile {
    private let file: any DataFile
    private let canPunch: Bool
    private let punching: @Sendable (ByteRange) -> Void
    private let refused: @Sendable () -> Void

    init(
        _ file: any DataFile, canPunch: Bool, punching: @escaping @Sendable (ByteRange) -> Void,
        refused: @escaping @Sendable () -> Void
    ) {
        self.file = file
        self.canPunch = canPunch
        self.punching = punching
        self.refused = refused
    }

    var path: String { file.path }
    var fileDescriptor: Int32 { file.fileDescriptor }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try file.write(bytes, at: offset)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func isResident(_ range: ByteRange) -> Bool { file.isResident(range) }

    func isSettled(_ range: ByteRange) -> Bool { file.isSettled(range) }
    func settle() throws(DiskError) { try file.settle() }
    func readFromDisk(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int { try read(into: buffer, at: offset) }
    func allocate(_ range: ByteRange) throws(DiskError) { try file.allocate(range) }

    func punch(_ range: ByteRange) throws(DiskError) {
        guard canPunch else {
            refused()
            throw DiskError(.unsupported, "no holes", path: path)
        }
        punching(range)
        try file.punch(range)
    }

    func wasPunched(in range: ByteRange) -> Bool { file.wasPunched(in: range) }

    func status() throws(DiskError) -> FileStatus { try file.status() }

    func foreignChange() throws(DiskError) -> ForeignChange? { try file.foreignChange() }

    func accept(_ change: ForeignChange) { file.accept(change) }

    var foreignChangeCount: Int { file.foreignChangeCount }

    var stamp: FileStamp? { file.stamp }
}
