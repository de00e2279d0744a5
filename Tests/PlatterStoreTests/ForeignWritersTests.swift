import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite(
    "Writes of another process beside our own",
    .enabled(if: ForeignWriters.shared != nil, "this system does not tell"))
struct ForeignWritersTests {
    let folder: TemporaryFolder
    let file: any DataFile

    init() throws {
        folder = try TemporaryFolder()
        let disk = try PosixDisk(root: folder.path + "/cache")
        let representation = Representation(
            key: CacheKey("k"), validator: .absent, completeLength: 1)
        file = try disk.createFile(DataFileName(representation, salt: 1))
        try write()
    }

    private func write() throws { try Self.write(to: file) }

    private static func write(to file: any DataFile) throws {
        try content(0..<100_000).withUnsafeBytes { (bytes) throws in
            try file.write(bytes, at: 0)
        }
    }

    /// Another program writes a byte to the file, and has ended when this returns.
    private func somebodyWrites() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "printf x 1<>\"$0\"", file.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("they are told of another process, once, and not of ourselves")
    func told() throws {
        let all = try #require(ForeignWriters.shared)
        var writers = try #require(all.watch(file.fileDescriptor))
        defer { writers.end(file.fileDescriptor) }
        try write()
        let own = writers.haveWritten()
        try somebodyWrites()
        try write()
        let others = writers.haveWritten()
        let again = writers.haveWritten()
        #expect([own, others, again] == [false, true, false])
    }

    @Test("one that falls into the midst of our own is seen before the next use")
    func midst() async throws {
        let isOver = NIOLockedValueBox(false)
        let writing = Task { [file] in
            while !isOver.withLockedValue({ $0 }) { try Self.write(to: file) }
        }
        for _ in 0..<20 {
            try somebodyWrites()
            let change = try file.foreignChange()
            #expect(change != nil)
            change.map { file.accept($0) }
        }
        isOver.withLockedValue { $0 = true }
        try await writing.value
    }
}
