import GRDB
import PlatterCore
import PlatterStore
import Testing

@Suite("Recording runs")
struct RecordTests {
    let index: TestIndex
    let reader: IndexReader
    let entry: EntryID

    init() async throws {
        index = try TestIndex()
        reader = try index.reader()
        entry = try await index.entry().id
    }

    private func stored() throws -> [StoredRun] { try reader.runs(of: entry).map(\.run) }

    @Test("runs that touch become one, with the checksum of all the bytes", arguments: [0, 1, 2])
    func merging(last: Int) async throws {
        var runs = [run(0..<100), run(100..<250), run(250..<400)]
        runs.append(runs.remove(at: last))
        for run in runs { try await index.writer.record([run], in: entry) }
        #expect(try stored() == [run(0..<400)])
    }

    @Test("runs of two chunks stay apart")
    func chunkBoundary() async throws {
        let runs = [run(0..<64 * kib), run(64 * kib..<65 * kib)]
        try await index.writer.record(runs, in: entry)
        #expect(try stored() == runs)
    }

    @Test("runs with a byte between them stay apart")
    func gap() async throws {
        try await index.writer.record([run(0..<10), run(11..<20)], in: entry)
        #expect(try stored() == [run(0..<10), run(11..<20)])
    }

    @Test("a run that is known is ignored", arguments: [0..<1, 5..<20, 90..<100, 0..<100])
    func known(range: ByteRange) async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        try await index.writer.record([run(range)], in: entry)
        #expect(try stored() == [run(0..<100)])
    }

    @Test("a run takes the place of those it overlaps when they know less")
    func overlapsLess() async throws {
        try await index.writer.record([run(0..<100), run(150..<160), run(300..<310)], in: entry)
        try await index.writer.record([run(90..<250)], in: entry)
        #expect(try stored() == [run(90..<250), run(300..<310)])
    }

    @Test("a long run outlives one that overlaps an end of it", arguments: [90..<110, 99..<199])
    func overlapsMore(range: ByteRange) async throws {
        let long = run(0..<100)
        try await index.writer.record([long], in: entry)
        try await index.writer.record([run(range)], in: entry)
        #expect(try stored() == [long])
        let rest = long.range.upperBound..<range.upperBound
        try await index.writer.record([run(rest)], in: entry)
        #expect(try stored() == [run(0..<range.upperBound)])
    }

    @Test("other bytes for the very same range take the place of the old ones")
    func rewritten() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        let other = StoredRun(range: 0..<100, crc32c: 42)
        try await index.writer.record([other], in: entry)
        #expect(try stored() == [other])
    }

    @Test(
        "a run outside one chunk is refused, and with it those that came along",
        arguments: [
            0..<64 * kib + 1, 64 * kib - 1..<64 * kib + 1, 512 * kib..<512 * kib + 1,
            511 * kib..<513 * kib, -1..<5, 7..<7, Int64.max - 1..<Int64.max,
        ])
    func refused(range: ByteRange) async throws {
        let bad = StoredRun(range: range, crc32c: 0)
        let error = await #expect(throws: IndexError.self) {
            try await index.writer.record([run(0..<10), bad], in: entry)
        }
        #expect(error?.code == .constraint)
        #expect(try stored().isEmpty)
    }

    @Test("a run of an entry that is gone says so")
    func entryGone() async throws {
        _ = try await index.writer.deleteEntry(entry)
        let error = await #expect(throws: IndexError.self) {
            try await index.writer.record([run(0..<10)], in: entry)
        }
        #expect(error?.code == .entryGone)
    }

    @Test("dropping takes whole runs that share a byte, and says which")
    func drop() async throws {
        try await index.writer.record(
            [run(0..<10), run(20..<30), run(40..<50), run(64 * kib..<65 * kib)], in: entry)
        #expect(try await index.writer.drop(10..<20, of: entry) == [])
        #expect(try await index.writer.drop(9..<21, of: entry) == [0..<10, 20..<30])
        #expect(try stored() == [run(40..<50), run(64 * kib..<65 * kib)])
        #expect(
            try await index.writer.drop(0..<Int64.max, of: entry)
                == [40..<50, 64 * kib..<65 * kib])
    }

    @Test("a run of an earlier boot is not joined, and is stamped when it was checked")
    func stamp() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        try await index.writer.close()
        let writer = try IndexWriter(path: index.path, boot: "boot 2")
        let reader = try index.reader(boot: "boot 2")
        try await writer.record([run(100..<200)], in: entry)
        #expect(try reader.presence(of: entry, at: 50, upTo: 150) == .unverified(run(0..<100)))
        let wrong = StoredRun(range: 0..<100, crc32c: 1)
        try await writer.done { $0.stampVerified(wrong, in: entry, completion: $1) } as Void
        #expect(try reader.presence(of: entry, at: 50, upTo: 150) == .unverified(run(0..<100)))
        try await writer.done { $0.stampVerified(run(0..<100), in: entry, completion: $1) } as Void
        #expect(
            try reader.runs(of: entry) == [RecordedRun(run: run(0..<200), isVerified: true)])
    }

    @Test("what does not hold any more when it is committed is neither stamped nor trusted")
    func doubt() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        try await index.writer.done { $0.distrust(entry, completion: $1) } as Void
        try await index.writer.done {
            $0.stampVerified(run(0..<100), in: entry, holds: { false }, completion: $1)
        } as Void
        #expect(try reader.presence(of: entry, at: 0, upTo: 10) == .unverified(run(0..<100)))
        try await index.writer.done {
            $0.record([run(100..<200)], in: entry, isTrusted: { false }, completion: $1)
        } as Void
        #expect(try reader.presence(of: entry, at: 100, upTo: 200) == .unverified(run(100..<200)))
    }

    private func isUnexcused(_ run: StoredRun, _ writer: IndexWriter) async throws -> Bool {
        try await writer.done { $0.dropDamaged(run, of: entry, completion: $1) }
    }

    @Test("damage is excused by another boot and by another hand, not by a disk that has failed")
    func excuses() async throws {
        let runs = [0, 64 * kib, 128 * kib].map { run($0..<$0 + 100) }
        try await index.writer.record(runs, in: entry)
        // Right in this boot, for all that is known.
        #expect(try await isUnexcused(runs[0], index.writer))
        // It is gone, so nothing is known of it.
        #expect(try await !isUnexcused(runs[0], index.writer))
        try await index.writer.done { $0.distrust(entry, completion: $1) } as Void
        #expect(try await !isUnexcused(runs[1], index.writer))
        try await index.writer.done {
            $0.distrust(entry, because: .failure, completion: $1)
        } as Void
        try await index.writer.close()
        let writer = try IndexWriter(path: index.path, boot: "boot 2")
        #expect(try await isUnexcused(runs[2], writer))
        try await writer.record(runs, in: entry)
        try await writer.close()
        let later = try IndexWriter(path: index.path, boot: "boot 3")
        #expect(try await !isUnexcused(runs[0], later))
        let reader = try index.reader(boot: "boot 3")
        #expect(try reader.runs(of: entry).map(\.run) == Array(runs[1...]))
    }

    @Test("bytes written again after a boot are trusted")
    func rewrittenAfterBoot() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        try await index.writer.close()
        let writer = try IndexWriter(path: index.path, boot: "boot 2")
        try await writer.record([run(0..<100)], in: entry)
        let reader = try index.reader(boot: "boot 2")
        #expect(try reader.presence(of: entry, at: 0, upTo: 100) == .present(0..<100))
    }

    @Test("after an I/O error every run is checked again")
    func distrust() async throws {
        try await index.writer.record([run(0..<100)], in: entry)
        try await index.writer.done { $0.distrust(entry, completion: $1) } as Void
        #expect(try reader.presence(of: entry, at: 0, upTo: 10) == .unverified(run(0..<100)))
    }
}
