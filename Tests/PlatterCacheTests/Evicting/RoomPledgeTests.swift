import Logging
import PlatterCore
import PlatterStore
import PlatterTesting
import Testing

@testable import PlatterCache

@Suite("Room that flights were promised")
struct RoomPledgeTests {
    private let cellar: Cellar
    private let evictor: Evictor

    /// A disk with 20 bytes more than its reserve.
    init() throws {
        cellar = try Cellar()
        evictor = try cellar.evictor(maximum: 1 << 30, reserve: 5)
        cellar.disk.hasSpace(DiskSpace(free: 70, total: 1000))
    }

    @Test("is promised to nobody else, so that all together leave the disk its reserve")
    func once() async throws {
        let first = await evictor.pledge(of: 15)
        #expect(first != nil)
        #expect(await evictor.pledge(of: 6) == nil)
        let second = await evictor.pledge(of: 5)
        #expect(second != nil)
        #expect(await evictor.pledge(of: 1) == nil)
        withExtendedLifetime((first, second)) {}
    }

    @Test("is the disk's matter once it is written, and not counted twice")
    func spent() async throws {
        let first = try #require(await evictor.pledge(of: 15))
        cellar.disk.hasSpace(DiskSpace(free: 60, total: 1000))
        #expect(await evictor.pledge(of: 5) == nil)
        first.spend(10)
        let second = await evictor.pledge(of: 5)
        #expect(second != nil)
        #expect(await evictor.pledge(of: 1) == nil)
        // More than was promised gives nothing back.
        first.spend(100)
        let third = await evictor.pledge(of: 5)
        #expect(third != nil)
        #expect(await evictor.pledge(of: 1) == nil)
        withExtendedLifetime((first, second, third)) {}
    }

    @Test("is free again when its flight has ended")
    func released() async throws {
        var first = await evictor.pledge(of: 20)
        #expect(first != nil)
        #expect(await evictor.pledge(of: 20) == nil)
        first = nil
        #expect(await evictor.pledge(of: 20) != nil)
    }

    @Test("makes others go where it is needed beside what was promised before")
    func makesRoom() async throws {
        let cellar = try Cellar()
        let old = try await cellar.fill("old", accessedAt: 1)
        let recorder = LogRecorder()
        let evictor = try cellar.evictor(maximum: 1 << 30, reserve: 5, log: recorder.logger)
        let reserve = Cellar.length
        cellar.disk.hasSpace(DiskSpace(free: reserve + 20, total: 20 * reserve))
        let first = await evictor.pledge(of: 15)
        #expect(try cellar.chunks(of: old) == Array(0..<8))
        // The disk of this test never becomes emptier, so there is no room; but it was tried.
        #expect(await evictor.pledge(of: 10) == nil)
        #expect(try cellar.chunks(of: old) == [])
        // Whoever owns the disk is told, once.
        let told = "notice: The disk is short of room: what was used least recently is given up"
        #expect(recorder.events.map { "\($0.level): \($0.message)" } == [told])
        withExtendedLifetime(first) {}
    }
}
