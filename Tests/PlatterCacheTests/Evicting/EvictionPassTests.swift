import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A round of eviction")
struct EvictionPassTests {
    private let chunk = Cellar.chunk

    @Test("one entry is removed for the sake of its file, the least valuable that has one")
    func removeOne() async throws {
        let cellar = try Cellar()
        _ = try await cellar.empty("ghost", accessedAt: 1)
        let old = try await cellar.fill("old", accessedAt: 2)
        let new = try await cellar.fill("new", accessedAt: 3)
        #expect(try await cellar.removeOne())
        #expect(!cellar.hasFile(old))
        #expect(cellar.hasFile(new))
        #expect(try await cellar.removeOne())
        #expect(!cellar.hasFile(new))
        #expect(try await cellar.removeOne() == false)
    }

    @Test(
        "an entry whose time no clock has shown is evicted like any other",
        arguments: [
            Int64.min, Int64.max,
        ])
    func absurdTime(accessedAt: Int64) async throws {
        let cellar = try Cellar()
        let film = try await cellar.fill("absurd", accessedAt: accessedAt)
        #expect(try await cellar.free(Cellar.length) == 0)
        #expect(try cellar.chunks(of: film).isEmpty)
    }

    @Test("the end of the least recently used entry goes, rows and bytes, and nothing else")
    func partly() async throws {
        let cellar = try Cellar()
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        #expect(try await cellar.free(2 * chunk + 1) == 0)
        #expect(try cellar.chunks(of: old) == [0, 1, 2, 3, 4])
        #expect(try cellar.bytes(of: old) == [0, 1, 2, 3, 4])
        #expect(try cellar.chunks(of: new) == Array(0..<8))
        #expect(try cellar.bytes(of: new) == Array(0..<8))
        #expect(cellar.disk.dropped == 3 * chunk)
    }

    @Test("room that is given back is free on the disk")
    func blocks() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let file = try cellar.disk.openFile(record.file, left: record.stamp)
        let before = try file.status().allocatedBytes
        #expect(try await cellar.free(4 * chunk) == 0)
        #expect(try file.status().allocatedBytes <= before - 4 * chunk)
    }

    @Test("an entry without a byte left loses its row and its file, and the next one its end")
    func whole() async throws {
        let cellar = try Cellar()
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        #expect(try await cellar.free(9 * chunk) == 0)
        #expect(try cellar.reader().entry(old.id) == nil)
        #expect(!cellar.hasFile(old))
        #expect(try cellar.chunks(of: new) == Array(0..<7))
    }

    @Test("a row is gone before its bytes are")
    func order() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let path = cellar.path + "/index.sqlite"
        let found = NIOLockedValueBox<[Bool]>([])
        cellar.disk.beforePunching { hole in
            let reader = try? IndexReader(path: path, boot: "boot")
            let hasRuns = try? reader?.hasRuns(of: record.id, in: hole)
            found.withLockedValue { $0.append(hasRuns ?? true) }
        }
        #expect(try await cellar.free(3 * chunk) == 0)
        #expect(found.withLockedValue { $0 } == [false, false, false])
    }

    @Test("a reader that comes between the row and the bytes keeps the bytes")
    func lateReader() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let holds = NIOLockedValueBox<[Hold?]>([])
        cellar.disk.beforeOpening { [table = cellar.table] in
            let hold = table.spans.hold(0..<Cellar.length, of: record.file, as: .reader)
            holds.withLockedValue { $0.append(hold) }
        }
        #expect(try await cellar.free(1) == 0)
        cellar.disk.beforeOpening {}
        #expect(holds.withLockedValue { $0.count } == 1)
        #expect(try cellar.chunks(of: record) == Array(0..<7))
        #expect(try cellar.bytes(of: record) == Array(0..<8))
    }

    @Test("a flight that came and went between the row and the bytes keeps the bytes")
    func lateFlight() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        cellar.disk.beforeOpening { [index = cellar.index] in
            let run = StoredRun(range: 7 * Cellar.chunk..<Cellar.length, crc32c: 0)
            let committed = ConditionLock(value: false)
            index.record([run], in: record.id) { _ in
                committed.lock()
                committed.unlock(withValue: true)
            }
            committed.lock(whenValue: true)
            committed.unlock()
        }
        #expect(try await cellar.free(1) == 0)
        cellar.disk.beforeOpening {}
        #expect(try cellar.chunks(of: record) == Array(0..<8))
        #expect(try cellar.bytes(of: record) == Array(0..<8))
    }

    @Test("what is being read stays, and so does its file")
    func beingRead() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let hold = cellar.table.spans.hold(3 * chunk..<5 * chunk, of: record.file, as: .reader)
        #expect(try await cellar.free(8 * chunk) == 2 * chunk)
        #expect(try cellar.chunks(of: record) == [3, 4])
        #expect(try cellar.bytes(of: record) == [3, 4])
        withExtendedLifetime(hold) {}
    }

    @Test("an entry that is read is left alone while another has enough")
    func readLast() async throws {
        let cellar = try Cellar()
        let read = try await cellar.fill("read", accessedAt: 1)
        let other = try await cellar.fill("other", accessedAt: 2)
        let hold = cellar.table.spans.hold(0..<1, of: read.file, as: .reader)
        #expect(try await cellar.free(8 * chunk) == 0)
        #expect(try cellar.chunks(of: read) == Array(0..<8))
        #expect(!cellar.hasFile(other))
        withExtendedLifetime(hold) {}
    }

    @Test("what a flight is bringing stays")
    func flying() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let hold = cellar.table.spans.hold(6 * chunk..<8 * chunk, of: record.file, as: .flight)
        #expect(try await cellar.free(chunk) == 0)
        #expect(try cellar.chunks(of: record) == [0, 1, 2, 3, 4, 6, 7])
        withExtendedLifetime(hold) {}
    }

    @Test("a pinned entry stays, and what is missing is said")
    func pinned() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        _ = try await cellar.index.enqueue(
            NewDownload(
                key: record.representation.key, url: "http://origin/film", isPinned: true,
                createdAt: 1))
        #expect(try await cellar.free(3 * chunk) == 3 * chunk)
        #expect(try cellar.chunks(of: record) == Array(0..<8))
    }

    @Test("a superseded entry goes first, though it was used last and its key is pinned")
    func superseded() async throws {
        let cellar = try Cellar()
        let other = try await cellar.fill("other", accessedAt: 1)
        let old = try await cellar.fill("film", accessedAt: 5)
        _ = try await cellar.index.enqueue(
            NewDownload(
                key: old.representation.key, url: "http://origin/film", isPinned: true,
                createdAt: 1))
        cellar.index.supersede(old.id, at: 6) { _ in }
        try await cellar.index.flush()
        #expect(try await cellar.free(8 * chunk) == 0)
        #expect(!cellar.hasFile(old))
        #expect(try cellar.chunks(of: other) == Array(0..<8))
    }

    @Test("an entry whose file has gone loses its rows all the same")
    func noFile() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        try cellar.disk.removeFile(record.file)
        #expect(try await cellar.free(8 * chunk) == 0)
        #expect(try cellar.reader().entry(record.id) == nil)
    }

    @Test("an empty entry goes when it was not used for a minute")
    func empties() async throws {
        let cellar = try Cellar()
        let young = try await cellar.empty("young", accessedAt: Cellar.now - 59)
        let old = try await cellar.empty("old", accessedAt: Cellar.now - 60)
        #expect(try await cellar.free(1) == 1)
        #expect(try cellar.reader().entry(old.id) == nil)
        #expect(try cellar.reader().entry(young.id) == young)
    }

    @Test("more entries than one page are walked through")
    func pages() async throws {
        let cellar = try Cellar()
        for number in 0..<130 {
            _ = try await cellar.empty("empty \(number)", accessedAt: Cellar.now)
        }
        let last = try await cellar.fill("last", accessedAt: Cellar.now + 1)
        #expect(try await cellar.free(chunk) == 0)
        #expect(try cellar.chunks(of: last) == Array(0..<7))
    }

    @Test("whoever asks for an entry that is about to be deleted gets one to be opened anew")
    func condemned() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        let resource = Resource(
            key: record.representation.key, url: try OriginURL("http://origin/film"))
        #expect(try cellar.table.entry(of: record, resource: resource).opened != nil)
        #expect(cellar.table.spans.condemn(record.file))
        #expect(try cellar.table.entry(of: record, resource: resource).opened == nil)
    }

    @Test("the index knows what a file was left like after its last hole, not after its first")
    func stamps() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        try await cellar.noteStamp(of: record)
        #expect(try await cellar.free(3 * chunk) == 0)
        try await cellar.index.flush()
        let left = try #require(try cellar.reader().entry(record.id))
        let file = try cellar.disk.openFile(left.file, left: left.stamp)
        #expect(try file.foreignChange() == nil)
    }

    @Test("a file that takes no hole loses one row, and the next entry gives the room")
    func refused() async throws {
        let cellar = try Cellar()
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        cellar.disk.refuseHoles(in: old.file, DiskError(.permission, "test", path: "old"))
        #expect(try await cellar.free(3 * chunk) == 0)
        #expect(try cellar.chunks(of: old) == Array(0..<7))
        #expect(try cellar.chunks(of: new) == Array(0..<5))
        #expect(cellar.disk.dropped == 4 * chunk)
    }

    @Test("room that no file gives is not said to be free")
    func allRefused() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: 1)
        cellar.disk.refuseHoles(in: record.file, DiskError(.io, "test", path: "film"))
        #expect(try await cellar.free(3 * chunk) == 3 * chunk)
        #expect(try cellar.chunks(of: record) == Array(0..<7))
    }
}
