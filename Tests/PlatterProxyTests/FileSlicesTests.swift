import Foundation
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterStore
import PlatterTesting
import Testing

@testable import PlatterProxy

@Suite("Bytes of a file on their way to the socket")
struct FileSlicesTests {
    private static let length = 300_000

    /// A file of sevens.
    private func fill(
        _ disk: PosixDisk
    ) throws -> (file: any DataFile, name: DataFileName, bytes: [UInt8]) {
        let representation = Representation(
            key: CacheKey("film"), validator: .strong(tag: "\"1\""),
            completeLength: Int64(Self.length))
        let name = DataFileName(representation, salt: 1)
        let file = try disk.createFile(name)
        let bytes = [UInt8](repeating: 7, count: Self.length)
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        return (file, name, bytes)
    }

    @Test(
        "are copied while they may be lost on their way to the disk, and sent from the file after that"
    )
    func unsettled() throws {
        let folder = NSTemporaryDirectory() + "platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = try PosixDisk(root: folder)
        let (file, _, bytes) = try fill(disk)
        let slices = FileSlices(file: file, bodies: BodyBuffers())
        defer { slices.close() }

        guard
            case .bytes(.byteBuffer(let copy)) = try slices.slice(
                1000..<250_000, acceptedChanges: 0)
        else {
            Issue.record("a copy is wanted")
            return
        }
        #expect(copy.readableBytesView.elementsEqual(bytes[1000..<250_000]))
        guard case .short = try slices.slice(1000..<300_001, acceptedChanges: 0) else {
            Issue.record("the file is too short")
            return
        }

        try file.settle()
        guard
            case .bytes(.fileRegion(let region)) = try slices.slice(
                1000..<250_000, acceptedChanges: 0)
        else {
            Issue.record("the file itself is wanted")
            return
        }
        #expect(region.readableBytes == 249_000)
    }

    /// The place behind the last byte is counted too.
    @Test(
        "are sent from the file only where NIO, which counts places in 56 bits, finds them",
        arguments: [
            ((1 << 56) - 1, true), (1 << 56, false), ((1 << 56) + 1, false), (1 << 57, false),
            (.max, false),
        ] as [(Int64, Bool)])
    func far(end: Int64, isSent: Bool) {
        #expect(FileSlices.isWorthSending(end - FileSlices.longestLength..<end) == isSent)
        #expect(!FileSlices.isWorthSending(end - FileSlices.copyLength..<end))
    }

    /// Only in memory a file may be so long.
    @Test(
        "are the right ones, however far from the beginning",
        .enabled(if: access("/dev/shm", W_OK) == 0))
    func farInAFile() throws {
        let folder = "/dev/shm/platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let start: Int64 = 1 << 57
        let representation = Representation(
            key: CacheKey("film"), validator: .strong(tag: "\"1\""), completeLength: start + 100_000
        )
        let disk = try PosixDisk(root: folder)
        let file = try disk.createFile(DataFileName(representation, salt: 1))
        let bytes = [UInt8](repeating: 7, count: 100_000)
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: start) }
        try file.settle()
        let slices = FileSlices(file: file, bodies: BodyBuffers())
        defer { slices.close() }
        guard
            case .bytes(.byteBuffer(let copy)) = try slices.slice(
                .starting(at: start, length: 100_000), acceptedChanges: 0)
        else {
            Issue.record("a copy is wanted")
            return
        }
        #expect(copy.readableBytesView.elementsEqual(bytes))
    }

    @Test("are not waited for, unless that is allowed", arguments: [1000, 250_000])
    func cold(length: Int64) throws {
        let folder = NSTemporaryDirectory() + "platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, _, bytes) = try fill(try PosixDisk(root: folder))
        try file.settle()
        let cold = ColdFile(file)
        let slices = FileSlices(file: cold, bodies: BodyBuffers())
        defer { slices.close() }
        guard case .cold = try slices.slice(0..<length, acceptedChanges: 0, mayWait: false) else {
            Issue.record("the disk would have to be waited for")
            return
        }
        #expect(cold.readCount == 0)
        switch try slices.slice(0..<length, acceptedChanges: 0, mayWait: true) {
        case .bytes(.byteBuffer(let copy)):
            #expect(copy.readableBytesView.elementsEqual(bytes[..<Int(length)]))
        case .bytes(.fileRegion(let region)): #expect(region.readableBytes == Int(length))
        case .short, .cold, .changed, .outdated: Issue.record("there they are")
        }
    }

    @Test("are not those of a hole, whatever the index says", arguments: [50_000, 150_000])
    func punched(length: Int64) throws {
        let folder = NSTemporaryDirectory() + "platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = try PosixDisk(root: folder)
        let representation = Representation(
            key: CacheKey("film"), validator: .strong(tag: "\"1\""), completeLength: 300_000)
        let file = try disk.createFile(DataFileName(representation, salt: 1))
        let bytes = [UInt8](repeating: 7, count: 300_000)
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        try file.settle()
        let slices = FileSlices(file: file, bodies: BodyBuffers())
        defer { slices.close() }
        // Where the file system has no holes it is noted all the same.
        try? file.punch(100_000..<120_000)

        guard
            case .bytes = try slices.slice(
                .starting(at: 120_000, length: length), acceptedChanges: 0),
            case .short = try slices.slice(
                .starting(at: 119_999, length: length), acceptedChanges: 0)
        else {
            Issue.record("what is behind the hole is wanted, and nothing of it")
            return
        }
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        guard
            case .bytes = try slices.slice(
                .starting(at: 119_999, length: length), acceptedChanges: 0)
        else {
            Issue.record("it was written again")
            return
        }
    }

    @Test(
        "are known to be of a file without a name, whether they are copied or not",
        arguments: [Int64(1000), FileSlices.copyLength + 1])
    func unlinked(length: Int64) throws {
        let folder = NSTemporaryDirectory() + "platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = try PosixDisk(root: folder)
        let (file, name, _) = try fill(disk)
        let slices = FileSlices(file: file, bodies: BodyBuffers())
        defer { slices.close() }
        _ = try slices.slice(0..<length, acceptedChanges: 0)
        #expect(!slices.isUnlinked)
        try disk.removeFile(name)
        _ = try slices.slice(0..<length, acceptedChanges: 0)
        #expect(slices.isUnlinked)
    }

    @Test(
        "are asked for anew when somebody's change was accepted since the index was asked",
        arguments: [Int64(1000), FileSlices.copyLength + 1])
    func outdated(length: Int64) throws {
        let folder = NSTemporaryDirectory() + "platter-slices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, name, _) = try fill(try PosixDisk(root: folder))
        try file.settle()
        let slices = FileSlices(file: file, bodies: BodyBuffers())
        defer { slices.close() }
        let asked = file.acceptedChangeCount
        guard case .bytes = try slices.slice(0..<length, acceptedChanges: asked) else {
            Issue.record("nobody has changed it")
            return
        }

        let path = "\(folder)/objects/\(name.folder)/\(name.text)"
        try Data(count: Self.length).write(to: URL(fileURLWithPath: path), options: [])
        guard case .changed = try slices.slice(0..<length, acceptedChanges: asked) else {
            Issue.record("somebody has changed it")
            return
        }
        file.accept(try #require(try file.foreignChange()))
        guard case .outdated = try slices.slice(0..<length, acceptedChanges: asked) else {
            Issue.record("what the index said was of the file before")
            return
        }
        guard case .bytes = try slices.slice(0..<length, acceptedChanges: file.acceptedChangeCount)
        else {
            Issue.record("what it says now is of the file as it is")
            return
        }
    }
}

/// A file of which nothing is in memory.
private final class ColdFile: HandingOnFile {
    let file: any DataFile
    private let reads = NIOLockedValueBox(0)

    init(_ file: any DataFile) { self.file = file }

    var readCount: Int { reads.withLockedValue { $0 } }

    func isResident(_ range: ByteRange) -> Bool { false }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        reads.withLockedValue { $0 += 1 }
        return try file.read(into: buffer, at: offset)
    }
}
