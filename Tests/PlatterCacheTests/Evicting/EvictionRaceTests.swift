import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

/// Readers, flights and rounds of eviction at the same time on one entry, whose every written byte
/// is 1: a reader that the index told of a run must never see the zeros of a hole.
@Suite("Eviction beside readers and flights", .timeLimit(.minutes(2)))
struct EvictionRaceTests {
    private static let rounds = 300

    @Test("a reader that found a row never reads a hole, whatever goes on beside it")
    func race() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        // Protects nothing, but keeps the entry from being deleted once it is empty.
        let keeper = cellar.table.spans.hold(0..<0, of: record.file, as: .reader)
        let found = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<3 {
                group.addTask { try await read(record, in: cellar, seed: number) }
                group.addTask { try await fly(record, in: cellar, seed: number) }
            }
            group.addTask { try await evict(from: cellar) }
            return try await group.reduce(0, +)
        }
        #expect(found > 0)
        for chunk in try cellar.chunks(of: record) {
            #expect(try cellar.bytes(of: record).contains(chunk))
        }
        withExtendedLifetime(keeper) {}
    }

    /// - Returns: How often there was something to read.
    private func read(_ record: EntryRecord, in cellar: Cellar, seed: Int) async throws -> Int {
        var generator = SplitMix64(seed: UInt64(seed))
        let file = try cellar.disk.openFile(record.file, left: record.stamp)
        var found = 0
        for _ in 0..<Self.rounds {
            let chunk = record.grid.range(of: Int64.random(in: 0..<8, using: &generator))
            let hold = cellar.table.spans.hold(chunk, of: record.file, as: .reader)
            let isPresent = try cellar.reader().hasRuns(of: record.id, in: chunk)
            await Task.yield()
            if isPresent {
                found += 1
                #expect(try isWritten(chunk, in: file))
            }
            withExtendedLifetime(hold) {}
        }
        return found
    }

    /// Brings chunks back, as a flight does: span, bytes, row, and then no span.
    private func fly(_ record: EntryRecord, in cellar: Cellar, seed: Int) async throws -> Int {
        var generator = SplitMix64(seed: UInt64(100 + seed))
        let file = try cellar.disk.openFile(record.file, left: record.stamp)
        let bytes = [UInt8](repeating: 1, count: Int(Cellar.chunk))
        for _ in 0..<Self.rounds {
            let chunk = record.grid.range(of: Int64.random(in: 0..<8, using: &generator))
            let hold = cellar.table.spans.hold(chunk, of: record.file, as: .flight)
            try bytes.withUnsafeBytes { bytes in
                try file.write(bytes, at: chunk.lowerBound)
            }
            await Task.yield()
            cellar.index.record([StoredRun(range: chunk, crc32c: 0)], in: record.id) { _ in }
            try await cellar.index.flush()
            withExtendedLifetime(hold) {}
        }
        return 0
    }

    private func evict(from cellar: Cellar) async throws -> Int {
        for _ in 0..<Self.rounds { _ = try await cellar.free(3 * Cellar.chunk) }
        return 0
    }

    private func isWritten(_ chunk: ByteRange, in file: any DataFile) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: Int(chunk.length))
        _ = try bytes.withUnsafeMutableBytes { bytes in
            try file.read(into: bytes, at: chunk.lowerBound)
        }
        return bytes == [UInt8](repeating: 1, count: Int(chunk.length))
    }
}
