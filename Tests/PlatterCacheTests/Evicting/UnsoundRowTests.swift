import Logging
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

/// What a flipped bit leaves in the index, where no rule of its tables sees it.
@Suite("Rows that say what cannot be")
struct UnsoundRowTests {
    private let cellar: Cellar
    private let chunk = Cellar.chunk
    private let film: EntryRecord

    init() async throws {
        cellar = try Cellar()
        film = try await cellar.fill("film", accessedAt: 1)
    }

    /// Chunks whose rows end much later from now on, by their numbers.
    private func damage(_ chunks: [Int64]) throws {
        ForeignHand.run("DROP TRIGGER cache_chunks_fixed", on: cellar.path + "/index.sqlite")
        for (number, chunk) in chunks.enumerated() {
            ForeignHand.run(
                """
                UPDATE cache_chunks SET "end" = \(Int64.max - Int64(number))
                WHERE entry = \(film.id.rawValue) AND start = \(chunk * self.chunk)
                """, on: cellar.path + "/index.sqlite")
        }
        let ends = try cellar.reader().runs(of: film.id).map(\.run.range.upperBound)
        try #require(ends.filter { $0 > Cellar.length }.count == chunks.count)
    }

    @Test("do not count, nor does their sum overflow")
    func sums() async throws {
        try damage([2, 5])
        #expect(try cellar.reader().totalRecordedBytes() == 6 * chunk)
        #expect(try cellar.reader().presentBytes(of: film.id) == 6 * chunk)
        #expect(try cellar.reader().entries(limit: 1).map(\.presentBytes) == [6 * chunk])
    }

    @Test("go when something is evicted, and with them nothing that is right")
    func evicted() async throws {
        try damage([2, 5])
        #expect(try await cellar.free(chunk) == 0)
        #expect(try cellar.chunks(of: film) == [0, 1, 3, 4, 6])
        #expect(try cellar.bytes(of: film) == [0, 1, 3, 4, 6])
        #expect(cellar.disk.dropped == chunk)
    }

    @Test("are found by a scrub and forgotten, and nothing that is right is")
    func scrubbed() async throws {
        try damage([2, 5])
        let scrub = Scrub(
            index: cellar.index, search: IndexSearch(reader: try cellar.reader()),
            disk: cellar.disk, evictor: try cellar.evictor(maximum: 1 << 30),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var last = Scrub.Progress()
        let report = try await scrub.run(repairs: true, progress: { last = $0 })
        #expect(report.damaged.map(\.range.lowerBound) == [2 * chunk, 5 * chunk])
        #expect(report.damaged.allSatisfy { !$0.isUnexplained })
        #expect(report.bytes == 6 * chunk)
        #expect(last.done == last.total)
        #expect(try cellar.chunks(of: film) == [0, 1, 3, 4, 6, 7])
        #expect(try await scrub.run(repairs: false).isClean)
    }
}
