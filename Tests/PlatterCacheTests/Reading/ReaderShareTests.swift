import HTTPTypes
import Logging
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("What readers keep from being evicted")
struct ReaderShareTests {
    private static let mib: Int64 = 1 << 20

    private func share(room: Int64, readers: Int) -> ReaderShare {
        ReaderShare(
            room: room, readers: readers, keptBehind: 16 * Self.mib, mostAhead: 200 * Self.mib)
    }

    @Test("where there is room each gets all")
    func large() {
        let all = share(room: 10 << 30, readers: 1)
        #expect(all.behind == 16 * Self.mib)
        #expect(all.ahead == 200 * Self.mib)
        #expect(share(room: 10 << 30, readers: 19) == all)
        #expect(share(room: .max, readers: 1000) == all)
    }

    @Test("all together keep a half of a small cache at most", arguments: [2, 3, 6, 24])
    func small(readers: Int) {
        let room = 64 * Self.mib
        let share = share(room: room, readers: readers)
        #expect((share.behind + share.ahead) * Int64(readers) <= room / 2)
        #expect(share.ahead >= Self.mib)
    }

    @Test("no numbers trap, and each may fetch a little ahead")
    func extremes() {
        for room in [Int64.min, -1, 0, 1, .max] {
            for readers in [Int.min, -1, 0, 1, .max] {
                let share = share(room: room, readers: readers)
                #expect(share.behind >= 0)
                #expect(share.ahead >= Self.mib)
            }
        }
    }

    @Test("what a reader of a small cache has passed makes way, and is not fetched again for it")
    func passed() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("http://origin/film", accessedAt: 1)
        let other = try await cellar.fill("http://origin/other", accessedAt: 2)
        let resource = Resource(try OriginURL("http://origin/film"), fields: [:])
        let entry = try cellar.table.entry(of: record, resource: resource)
        let clock = HandClock(now: .start)
        let queue = FetchDispatcher(
            limits: FetchLimits(), clock: clock, loop: clock, pilot: IdlePilot())
        let log = Logger(label: "test")
        // For two readers one chunk each is kept behind.
        let services = ReaderServices(
            queue: queue,
            verifier: Verifier(
                index: cellar.index,
                damage: DamageWatch(
                    index: cellar.index, table: cellar.table, clock: clock,
                    wallClock: { Cellar.now }, log: log),
                executor: HandExecutor(), log: log),
            spans: cellar.table.spans,
            accesses: AccessNotes(index: cellar.index, wallClock: { Cellar.now }, log: log),
            clock: clock, room: 2 * 8 * Cellar.chunk, filler: nil)
        let reader = Reader(
            entry: entry, opened: try #require(entry.opened), range: 0..<Cellar.length,
            client: ClientID("player"), demand: queue.nextDemand(), isRegistered: false,
            services: services, wake: { _ in })
        let rival = cellar.table.spans.hold(0..<Cellar.length, of: other.file, as: .reader)
        let index = try cellar.reader()
        let position = 6 * Cellar.chunk
        reader.handedOn(upTo: position)
        reader.taken(upTo: position, index: index)
        // All of the other one, and three of this one, are needed.
        #expect(try await cellar.free(16 * Cellar.chunk) == 11 * Cellar.chunk)
        #expect(try cellar.chunks(of: record) == [5, 6, 7])
        #expect(try cellar.bytes(of: record) == [5, 6, 7])
        reader.handedOn(upTo: Cellar.length)
        reader.taken(upTo: Cellar.length, index: index)
        #expect(queue.activity.demands == 0)
        withExtendedLifetime(rival) {}
        reader.close()
    }
}
