import PlatterCore
import Testing

@testable import PlatterStore

@Suite("Holes of an open file")
struct PunchedTests {
    @Test("are where bytes were given back and not written again")
    func holes() {
        var punched = Punched()
        #expect(!punched.overlaps(0..<Int64.max))
        punched.wrote(0..<10)
        punched.punches(100..<200)
        punched.punches(200..<300)
        #expect(!punched.overlaps(0..<100))
        #expect(punched.overlaps(99..<101))
        #expect(punched.overlaps(299..<1000))
        #expect(!punched.overlaps(300..<1000))
        punched.wrote(150..<250)
        #expect(!punched.overlaps(150..<250))
        #expect(punched.overlaps(149..<250))
        #expect(punched.overlaps(150..<251))
        punched.wrote(0..<1000)
        #expect(!punched.overlaps(0..<Int64.max))
    }

    @Test("nothing is a hole of no length, and none overlaps nothing")
    func empty() {
        var punched = Punched()
        punched.punches(5..<5)
        #expect(!punched.overlaps(0..<10))
        punched.punches(5..<6)
        #expect(!punched.overlaps(5..<5))
        punched.wrote(5..<5)
        #expect(punched.overlaps(5..<6))
    }

    @Test("have no checksum, until they were written again")
    func checksum() throws {
        let folder = try TemporaryFolder()
        let disk = try PosixDisk(root: folder.path + "/cache")
        defer { disk.unlock() }
        let file = try disk.createFile(try newEntry().file)
        let range: ByteRange = 0..<100_000
        try content(range).withUnsafeBytes { (bytes) throws in try file.write(bytes, at: 0) }
        #expect(try Checksum.crc32c(of: file, range: range) == run(range).crc32c)
        // Where the file system has no holes it is noted all the same.
        try? file.punch(50_000..<60_000)
        #expect(file.wasPunched(in: range))
        let error = #expect(throws: DiskError.self) {
            try Checksum.crc32c(of: file, range: range)
        }
        #expect(error?.code == .truncated)
        #expect(
            try Checksum.crc32c(of: file, range: 0..<50_000) == run(0..<50_000).crc32c)
        try content(range).withUnsafeBytes { (bytes) throws in try file.write(bytes, at: 0) }
        #expect(try Checksum.crc32c(of: file, range: range) == run(range).crc32c)
    }
}
