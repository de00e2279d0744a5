import Foundation
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("The probe for holes")
struct HoleProbeTests {
    let folder: TemporaryFolder
    private let files = FileManager.default

    init() throws { folder = try TemporaryFolder() }

    private var root: String { folder.path + "/cache" }
    private var probe: String { root + "/objects/" + HoleProbe.name }

    @Test("a disk says what its files can do, and nothing is left of the probe")
    func agrees() throws {
        let disk = try PosixDisk(root: root)
        #expect(try files.contentsOfDirectory(atPath: root + "/objects").isEmpty)
        let file = try disk.createFile(name)
        try write(to: file)
        let isPunched = (try? file.punch(0..<65_536)) != nil
        #expect(disk.punchesHoles == isPunched)
    }

    @Test("what a crash has left of a probe is not in the way")
    func leftover() throws {
        try PosixDisk(root: root).unlock()
        try Data("old".utf8).write(to: URL(fileURLWithPath: probe))
        let disk = try PosixDisk(root: root)
        #expect(!files.fileExists(atPath: probe))
        withExtendedLifetime(disk) {}
    }

    @Test("a symbolic link in its place is removed, and what it leads to stays as it is")
    func link() throws {
        let other = folder.path + "/other"
        try PosixDisk(root: root).unlock()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: other))
        try files.createSymbolicLink(atPath: probe, withDestinationPath: other)
        let disk = try PosixDisk(root: root)
        #expect(files.contents(atPath: other) == Data("mine".utf8))
        #expect(try files.contentsOfDirectory(atPath: root + "/objects").isEmpty)
        withExtendedLifetime(disk) {}
    }

    @Test("a probe that cannot be made says nothing against holes")
    func unknown() throws {
        try PosixDisk(root: root).unlock()
        try files.createDirectory(atPath: probe, withIntermediateDirectories: false)
        #expect(try PosixDisk(root: root).punchesHoles)
    }

    @Test("a file that cannot be punched after all speaks for all, until the folder is another")
    func atRunTime() throws {
        let disk = try PosixDisk(root: root)
        let before = disk.punchesHoles
        disk.holes.set(false)
        #expect(!disk.punchesHoles)
        let file = try disk.createFile(name)
        // What could not be given back is not taken.
        try file.allocate(0..<1 << 20)
        #expect(try file.status().allocatedBytes == 0)
        try files.removeItem(atPath: root)
        #expect(try disk.restore())
        #expect(disk.punchesHoles == before)
    }

    @Test(
        "what was found out is judged by the answer, the content and the blocks",
        arguments: [
            // Refused; refused is refused whatever the rest says.
            (true, true, 1 << 20, 0, false),
            // Done.
            (false, true, 1 << 20, 64 << 10, true),
            // Only zeros were written, as some do.
            (false, true, 1 << 20, 1 << 20, false),
            // Bytes stayed, or others were lost.
            (false, false, 1 << 20, 64 << 10, false),
            // Compressed, or counted later: then its word has to do.
            (false, true, 512, 512, true), (false, true, 0, 0, true),
        ] as [(Bool, Bool, Int64, Int64, Bool)])
    func verdict(
        isRefused: Bool, isContentRight: Bool, before: Int64, after: Int64, isThere: Bool
    ) {
        var probe = HoleProbe()
        probe.isRefused = isRefused
        probe.isContentRight = isContentRight
        (probe.before, probe.after) = (before, after)
        #expect(probe.isThere == isThere)
    }

    private let name = DataFileName(
        Representation(key: CacheKey("k"), validator: .absent, completeLength: 1), salt: 7)

    private func write(to file: any DataFile) throws {
        try [UInt8](repeating: 1, count: 131_072).withUnsafeBytes { (bytes) throws(any Error) in
            try file.write(bytes, at: 0)
        }
    }
}
