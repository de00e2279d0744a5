import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import PlatterTesting
import Testing

@testable import PlatterCache

@Suite("A disk that others fill while nothing is stored", .timeLimit(.minutes(1)))
struct DiskShortageTests {
    @Test("the reserve is made free again by who looks, and by nobody where it is there")
    func reserve() async throws {
        let cellar = try Cellar()
        let old = try await cellar.fill("old", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30, reserve: 5)
        let total = 100 * Cellar.length
        let (punched, said) = AsyncStream<ByteRange>.makeStream()
        cellar.disk.beforePunching { said.yield($0) }
        cellar.disk.hasSpace(DiskSpace(free: total / 2, total: total))
        #expect(!evictor.lookAtDisk())
        // One chunk less than the reserve.
        cellar.disk.hasSpace(DiskSpace(free: 5 * Cellar.length - Cellar.chunk, total: total))
        #expect(evictor.lookAtDisk())
        var holes = punched.makeAsyncIterator()
        #expect(await holes.next() == 7 * Cellar.chunk..<Cellar.length)
        #expect(try !cellar.reader().hasRuns(of: old.id, in: 7 * Cellar.chunk..<Cellar.length))
    }
}
