import Foundation
import PlatterCore
import PlatterStore
import Testing

private let smallDisk = ProcessInfo.processInfo.environment["PLATTER_SMALL_DISK"]

/// Needs a file system that is nearly full at once: mount a tmpfs of 1 MiB and give its path in
/// `PLATTER_SMALL_DISK`. Only one test may use it at a time.
@Suite("A full disk", .enabled(if: smallDisk != nil), .serialized)
struct FullDiskTests {
    @Test("a data file that finds no room says so, and what was written before stays")
    func dataFile() throws {
        let root = try #require(smallDisk) + "/cache-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let disk = try PosixDisk(root: root)
        let representation = Representation(
            key: CacheKey("k"), validator: .absent, completeLength: 1)
        let file = try disk.createFile(DataFileName(representation, salt: 1))
        let error = #expect(throws: DiskError.self) { try fill(file) }
        #expect(error?.code == .noSpace)
        #expect(try Checksum.crc32c(of: file, range: 0..<4_000) == run(0..<4_000).crc32c)
    }

    @Test("an index that finds no room fails its changes and goes on when there is room again")
    func index() async throws {
        let root = try #require(smallDisk) + "/cache-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let disk = try PosixDisk(root: root)
        let writer = try IndexWriter(path: disk.indexPath, boot: "b")
        let new = try newEntry()
        let entry = try await writer.openEntry(new).id
        try await writer.record([run(0..<10)], in: entry)
        #expect(throws: DiskError.self) { try fill(try disk.createFile(new.file)) }
        let error = await #expect(throws: IndexError.self) {
            for start in Int64(1)..<3_000 {
                try await writer.record([run(start * 20..<start * 20 + 10)], in: entry)
            }
        }
        #expect(error?.code == .full)
        let reader = try IndexReader(path: disk.indexPath, boot: "b")
        #expect(try reader.presence(of: entry, at: 0, upTo: 10) == .present(0..<10))
        try disk.removeFile(new.file)
        try await writer.record([run(100_000..<100_010)], in: entry)
        #expect(
            try reader.presence(of: entry, at: 100_000, upTo: 100_010)
                == .present(100_000..<100_010))
        try await writer.close()
    }

    private func fill(_ file: any DataFile) throws {
        var position: Int64 = 0
        while position < 1 << 30 {
            try file.write(content(0..<4_000), at: position)
            position += 4_000
        }
    }
}

extension DataFile {
    fileprivate func write(_ bytes: [UInt8], at offset: Int64) throws {
        try bytes.withUnsafeBytes { (buffer) throws in
            try write(buffer, at: offset)
        }
    }
}
