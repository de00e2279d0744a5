import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore

/// A folder that goes away with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("platter-store-\(UUID().uuidString)")
        path = url.path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Bytes that show every slip by a power of two: a ramp modulo 251. Laid out once, because tests
/// ask for the sum of the same bytes thousands of times.
private let ramp: [UInt8] = (0..<(2 << 20)).map { UInt8($0 % 251) }

/// The bytes of a range that is at most 1 MiB long.
func content(_ range: ByteRange) -> [UInt8] { Array(rampSlice(range)) }

func run(_ range: ByteRange) -> StoredRun {
    let crc = rampSlice(range).withUnsafeBytes { Checksum.crc32c(of: $0) }
    return StoredRun(range: range, crc32c: crc)
}

private func rampSlice(_ range: ByteRange) -> ArraySlice<UInt8> {
    let first = Int(range.lowerBound % 251)
    return ramp[first..<first + Int(range.length)]
}

let kib: Int64 = 1 << 10

/// A data file in a cache folder of its own.
struct TestFile {
    let folder: TemporaryFolder
    let disk: PosixDisk
    let name: DataFileName
    let file: any DataFile

    init() throws {
        folder = try TemporaryFolder()
        disk = try PosixDisk(root: folder.path + "/cache")
        let representation = Representation(
            key: CacheKey("k"), validator: .absent, completeLength: 1)
        name = DataFileName(representation, salt: 1)
        file = try disk.createFile(name)
    }

    func write(_ range: ByteRange) throws {
        try content(range).withUnsafeBytes { (bytes) throws in
            try file.write(bytes, at: range.lowerBound)
        }
    }
}

/// An index in a folder of its own, with chunks of 64 KiB.
struct TestIndex {
    let folder: TemporaryFolder
    var path: String { folder.path + "/index.sqlite" }
    let writer: IndexWriter

    init(boot: String = "boot 1") throws {
        folder = try TemporaryFolder()
        writer = try IndexWriter(path: folder.path + "/index.sqlite", boot: boot)
    }

    func reader(boot: String = "boot 1") throws -> IndexReader {
        try IndexReader(path: path, boot: boot)
    }

    /// An entry of eight chunks, unless told otherwise.
    func entry(
        key: String = "http://origin/a", validator: Validator = .strong(tag: "\"1\""),
        length: Int64 = 512 * kib, chunkLength: Int64 = 64 * kib, salt: UInt64 = 1,
        at time: Int64 = 1_000
    ) async throws -> EntryRecord {
        try await writer.openEntry(
            newEntry(
                key: key, validator: validator, length: length, chunkLength: chunkLength,
                salt: salt, at: time))
    }
}

func newEntry(
    key: String = "http://origin/a", validator: Validator = .strong(tag: "\"1\""),
    length: Int64 = 512 * kib, chunkLength: Int64 = 64 * kib, salt: UInt64 = 1,
    at time: Int64 = 1_000
) throws -> NewEntry {
    let representation = Representation(
        key: CacheKey(key), validator: validator, completeLength: length)
    let entry = NewEntry(
        representation, chunkLength: chunkLength, file: DataFileName(representation, salt: salt),
        origin: "http://origin", contentType: "video/mp4", fields: "etag: \"1\"\r\n",
        createdAt: time)
    guard let entry else { throw IndexError(.constraint, "no such grid") }
    return entry
}

extension IndexWriter {
    /// Waits for the completion of one change.
    func done<Value: Sendable>(
        _ change: (IndexWriter, @escaping Completion<Value>) -> Void
    ) async throws -> Value {
        try await withCheckedContinuation { continuation in
            change(self) { continuation.resume(returning: $0) }
        }.get()
    }

    func record(_ runs: [StoredRun], in entry: EntryID) async throws {
        try await done { $0.record(runs, in: entry, completion: $1) }
    }

    func drop(_ range: ByteRange, of entry: EntryID) async throws -> [ByteRange] {
        try await done { $0.drop(range, of: entry, completion: $1) }
    }
}

extension IndexReader {
    func ranges(of entry: EntryID) throws -> [ByteRange] {
        try runs(of: entry).map(\.run.range)
    }
}

/// Notes how changes ended, in order.
final class Results: Sendable {
    private let notes = NIOLockedValueBox<[String]>([])

    var all: [String] { notes.withLockedValue { $0 } }

    func note(_ name: String, _ result: Result<Void, IndexError>) {
        let end: String
        switch result {
        case .success: end = "ok"
        case .failure(let error): end = String(describing: error.code)
        }
        notes.withLockedValue { $0.append("\(name): \(end)") }
    }
}
