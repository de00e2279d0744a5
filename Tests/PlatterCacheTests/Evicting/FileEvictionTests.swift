import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("Eviction where no holes can be punched")
struct FileEvictionTests {
    private let chunk = Cellar.chunk

    // MARK: - Rounds

    @Test("the least recently used entry goes whole, and only it", arguments: [true, false])
    func wholeFile(isKnown: Bool) async throws {
        let cellar = try Cellar(canPunch: false, isKnown: isKnown)
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        #expect(try await cellar.free(chunk) == 0)
        #expect(try cellar.reader().entry(old.id) == nil)
        #expect(!cellar.hasFile(old))
        #expect(try cellar.chunks(of: new) == Array(0..<8))
        #expect(try cellar.bytes(of: new) == Array(0..<8))
        #expect(cellar.disk.dropped == Cellar.length)
        #expect(!cellar.disk.punchesHoles)
    }

    @Test("what was dropped and could not be punched out comes back with its file")
    func unpunched() async throws {
        let cellar = try Cellar(canPunch: false)
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        _ = try await cellar.index.dropRuns(0..<7 * chunk, of: old.id)
        #expect(try await cellar.unrecordedBytes() >= 7 * chunk)
        // What is recorded of it would not be enough.
        #expect(try await cellar.free(8 * chunk) == 0)
        #expect(!cellar.hasFile(old))
        #expect(cellar.hasFile(new))
        #expect(try await cellar.unrecordedBytes() < chunk)
    }

    @Test("an entry that is read or written stays, and what is missing is said")
    func inUse() async throws {
        let cellar = try Cellar(canPunch: false)
        let read = try await cellar.fill("read", accessedAt: 1)
        let written = try await cellar.fill("written", accessedAt: 2)
        let holds = [
            cellar.table.spans.hold(0..<1, of: read.file, as: .reader),
            cellar.table.spans.hold(7 * chunk..<8 * chunk, of: written.file, as: .flight),
        ]
        #expect(try await cellar.free(chunk) == chunk)
        for record in [read, written] {
            #expect(try cellar.chunks(of: record) == Array(0..<8))
            #expect(try cellar.bytes(of: record) == Array(0..<8))
        }
        withExtendedLifetime(holds) {}
    }

    @Test("a superseded entry goes first, unless somebody reads it")
    func superseded() async throws {
        let cellar = try Cellar(canPunch: false)
        let others = [
            try await cellar.fill("first", accessedAt: 1),
            try await cellar.fill("second", accessedAt: 2),
        ]
        let old = try await cellar.fill("film", accessedAt: 5)
        cellar.index.supersede(old.id, at: 6) { _ in }
        try await cellar.index.flush()
        var hold = cellar.table.spans.hold(0..<1, of: old.file, as: .reader)
        #expect(try await cellar.free(chunk) == 0)
        #expect(hold != nil)
        #expect(cellar.hasFile(old))
        #expect(others.map(cellar.hasFile) == [false, true])
        hold = nil
        #expect(try await cellar.free(chunk) == 0)
        #expect(!cellar.hasFile(old))
        #expect(others.map(cellar.hasFile) == [false, true])
    }

    @Test("a pinned entry stays")
    func pinned() async throws {
        let cellar = try Cellar(canPunch: false)
        let record = try await cellar.fill("film", accessedAt: 1)
        try await cellar.pin(record)
        #expect(try await cellar.free(chunk) == chunk)
        #expect(try cellar.chunks(of: record) == Array(0..<8))
    }

    @Test("an entry that is pinned while its turn comes stays")
    func pinnedMeanwhile() async throws {
        let cellar = try Cellar(canPunch: false)
        let record = try await cellar.fill("film", accessedAt: 1)
        let isPinned = NIOLockedValueBox(false)
        // The pass holds up one of Swift's few threads meanwhile.
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let executor = IOExecutor(pool: pool)
        // The file is looked at between the choice of the page and the end of the rows.
        cellar.disk.beforeOpening {
            let isFirst = isPinned.withLockedValue { isPinned in
                defer { isPinned = true }
                return !isPinned
            }
            guard isFirst else { return }
            let done = ConditionLock(value: false)
            Task(executorPreference: executor) {
                try? await cellar.pin(record)
                done.lock()
                done.unlock(withValue: true)
            }
            done.lock(whenValue: true)
            done.unlock()
        }
        #expect(try await cellar.free(chunk) == chunk)
        cellar.disk.beforeOpening {}
        #expect(try cellar.chunks(of: record) == Array(0..<8))
        #expect(cellar.hasFile(record))
        #expect(!cellar.table.spans.isCondemned(record.file))
        try await pool.shutdownGracefully()
    }

    @Test("who has the file open reads on")
    func openReader() async throws {
        let cellar = try Cellar(canPunch: false)
        let record = try await cellar.fill("film", accessedAt: 1)
        let file = try cellar.disk.openFile(record.file, left: record.stamp)
        #expect(try await cellar.free(chunk) == 0)
        var bytes = [UInt8](repeating: 0, count: Int(Cellar.length))
        let count = try bytes.withUnsafeMutableBytes { (bytes) throws(any Error) in
            try file.read(into: bytes, at: 0)
        }
        #expect(count == bytes.count)
        #expect(bytes.allSatisfy { $0 == 1 })
    }

    @Test("a disk that lets go of no file costs one entry, not all of them")
    func keepsFiles() async throws {
        let cellar = try Cellar(canPunch: false)
        _ = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        cellar.disk.keepFiles()
        #expect(try await cellar.free(chunk) == chunk)
        #expect(try cellar.chunks(of: new) == Array(0..<8))
    }

    @Test("an entry that somebody has just made stays, an empty one of a minute ago goes")
    func empties() async throws {
        let cellar = try Cellar(canPunch: false)
        let young = try await cellar.empty("young", accessedAt: Cellar.now - 59)
        let old = try await cellar.empty("old", accessedAt: Cellar.now - 60)
        #expect(try await cellar.free(1) == 1)
        #expect(try cellar.reader().entry(old.id) == nil)
        #expect(try cellar.reader().entry(young.id) == young)
    }

    @Test("neither what a fetch left nor a whole file is punched")
    func noPunch() async throws {
        let cellar = try Cellar(canPunch: false)
        let record = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        _ = try await cellar.index.dropRuns(0..<Cellar.length, of: record.id)
        await evictor.giveBack(0..<Cellar.length, of: record)
        await evictor.trim(record)
        #expect(try cellar.bytes(of: record) == Array(0..<8))
    }

    // MARK: - Admission

    @Test("a new film makes the oldest go, and has room then")
    func makesWay() async throws {
        let cellar = try Cellar(canPunch: false)
        let old = try await cellar.fill("old", accessedAt: 1)
        let new = try await cellar.fill("new", accessedAt: 2)
        let evictor = try cellar.evictor(maximum: 2 * Cellar.length)
        #expect(await evictor.pledge(of: chunk) != nil)
        #expect(!cellar.hasFile(old))
        #expect(cellar.hasFile(new))
    }

    @Test("nothing is added to a film that fills the cache and is always being read")
    func stuck() async throws {
        let cellar = try Cellar(canPunch: false)
        let record = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: Cellar.length)
        let hold = cellar.table.spans.hold(0..<1, of: record.file, as: .reader)
        #expect(await evictor.pledge(of: chunk) == nil)
        #expect(await evictor.pledge(of: 1) == nil)
        #expect(try cellar.chunks(of: record) == Array(0..<8))
        withExtendedLifetime(hold) {}
    }

    @Test("with holes the limit keeps nobody from writing: what lies behind makes way")
    func withHoles() async throws {
        let cellar = try Cellar()
        _ = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: Cellar.length)
        #expect(await evictor.pledge(of: chunk) != nil)
    }
}
