import Testing

@testable import PlatterStore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite("Room for the index")
struct IndexRoomTests {
    /// A disk with blocks of 4 KiB.
    private func disk(free: Int, available: Int) -> statvfs {
        var status = statvfs()
        status.f_frsize = 4096
        status.f_blocks = 100_000
        status.f_bfree = .init(free)
        status.f_bavail = .init(available)
        return status
    }

    @Test(
        "root opens it on a disk without a free block with what the ballast gave back"
    )
    func keptForRoot() {
        let full = disk(free: 1024, available: 0)
        #expect(IndexPlace.hasRoom(full, keepsBlocksForRoot: true, user: 0))
        #expect(!IndexPlace.hasRoom(full, keepsBlocksForRoot: true, user: 1000))
        #expect(!IndexPlace.hasRoom(full, keepsBlocksForRoot: false, user: 0))
    }

    @Test(
        "the memory that connections share must find room, whoever asks",
        arguments: [UInt32(0), 1000])
    func shared(user: UInt32) {
        let full = disk(free: 384, available: 384)
        #expect(!IndexPlace.hasRoom(full, keepsBlocksForRoot: true, user: user))
        let enough = disk(free: 385, available: 385)
        #expect(IndexPlace.hasRoom(enough, keepsBlocksForRoot: true, user: user))
        #expect(IndexPlace.hasRoom(enough, keepsBlocksForRoot: false, user: user))
    }

    @Test("a file system that does not say how large it is has room")
    func silent() {
        #expect(IndexPlace.hasRoom(statvfs(), keepsBlocksForRoot: false, user: 1000))
    }
}
