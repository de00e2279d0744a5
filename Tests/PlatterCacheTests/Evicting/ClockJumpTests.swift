import Logging
import NIOConcurrencyHelpers
import PlatterStore
import Testing

@testable import PlatterCache

private let tenYears: Int64 = 10 * 365 * 86_400

@Suite("A clock on the wall that jumps")
struct ClockJumpTests {
    private let cellar: Cellar

    init() throws { cellar = try Cellar() }

    @Test("each use is noted by what it says then, before and after")
    func notes() async throws {
        let film = try await cellar.fill("film", accessedAt: Cellar.now - 1000)
        let clock = NIOLockedValueBox(Cellar.now)
        let notes = AccessNotes(
            index: cellar.index, wallClock: { clock.withLockedValue { $0 } },
            log: Logger(label: "test"))
        for now in [Cellar.now, Cellar.now + tenYears, Cellar.now + 1, Cellar.now + 100] {
            clock.withLockedValue { $0 = now }
            notes.note(film.id)
            try await cellar.index.flush()
            #expect(try cellar.reader().entry(film.id)?.accessedAt == now)
        }
    }

    @Test("nothing goes but what is used least, and no more of it", arguments: [-1, 1] as [Int64])
    func eviction(jump: Int64) async throws {
        let recent = try await cellar.fill("recent", accessedAt: Cellar.now - 10)
        let old = try await cellar.fill("old", accessedAt: Cellar.now - 100)
        let now = Cellar.now + jump * tenYears
        #expect(try await cellar.free(0, at: now) == 0)
        #expect(try cellar.chunks(of: old).count == 8)
        #expect(try await cellar.free(Cellar.chunk, at: now) == 0)
        #expect(try cellar.chunks(of: recent).count == 8)
        let left = try cellar.chunks(of: old).count
        #expect(left < 8)
        // The same as without a jump.
        let other = try Cellar()
        let same = try await other.fill("old", accessedAt: Cellar.now - 100)
        #expect(try await other.free(Cellar.chunk) == 0)
        #expect(try other.chunks(of: same).count == left)
    }
}
