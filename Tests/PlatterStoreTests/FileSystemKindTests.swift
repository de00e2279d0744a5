import CPlatter
import Foundation
import Testing

@testable import PlatterStore

@Suite("Kinds of file systems")
struct FileSystemKindTests {
    @Test(
        "one of a network is no place for a cache",
        arguments: [
            (0x6969, "NFS"), (0x517B, "SMB"), (0xFF53_4D42, "SMB"), (0xFE53_4D42, "SMB"),
            (0x00C3_6400, "Ceph"), (0x5346_414F, "AFS"), (0x6B41_4653, "AFS"),
        ] as [(UInt32, String)])
    func network(type: UInt32, name: String) {
        let kind = FileSystemKind(type: type)
        #expect(kind == .network(name))
        #expect(kind.objection?.contains(" \(name), ") == true)
        #expect(kind.warning == nil)
    }

    @Test(
        "one that may be is worth a warning",
        arguments: [(0x6573_5546, "FUSE"), (0x0102_1997, "9p")] as [(UInt32, String)])
    func uncertain(type: UInt32, name: String) {
        let kind = FileSystemKind(type: type)
        #expect(kind == .uncertain(name))
        #expect(kind.objection == nil)
        #expect(kind.warning?.contains(" \(name): ") == true)
    }

    /// ext4, XFS, btrfs, tmpfs, overlay, F2FS, ZFS, and none.
    @Test(
        "any other is good",
        arguments: [
            0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1,
            0,
        ] as [UInt32])
    func local(type: UInt32) {
        let kind = FileSystemKind(type: type)
        #expect(kind == .local)
        #expect(kind.objection == nil && kind.warning == nil)
    }

    #if os(Linux)
        @Test("the system is asked for it")
        func asked() throws {
            let folder = try openDescriptor(AT_FDCWD, "/proc", flags: O_RDONLY | O_DIRECTORY)
            defer { close(folder) }
            var type: UInt32 = 0
            #expect(platter_filesystem_type(folder, &type) == 0)
            #expect(type == 0x9FA0)
        }
    #endif
}
