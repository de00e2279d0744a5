import CPlatter
import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("Whether what was written reached the disk")
struct SettlingTests {
    private let folder: TemporaryFolder
    /// What the system says when it is asked, one after the other, and how often it was. The last
    /// answer is that to all later questions.
    private let answer = NIOLockedValueBox<(numbers: [Int32], asked: Int)>(([0], 0))
    /// What it has to say of bytes that were lost before; it says so once.
    private let loss = NIOLockedValueBox<(number: Int32, asked: Int)>((0, 0))

    init() throws { folder = try TemporaryFolder() }

    private func makeFile(during: @escaping @Sendable () -> Void = {}) throws -> PosixFile {
        let path = folder.path + "/film"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        return PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: false, reservesRoom: false,
            holes: HoleSupport(isThere: true),
            left: FileStamp(try fileStatus(descriptor, path: path)),
            sync: { [answer] _ in
                during()
                return answer.withLockedValue { answer in
                    answer.asked += 1
                    return answer.numbers.count > 1
                        ? answer.numbers.removeFirst() : answer.numbers[0]
                }
            },
            lost: { [loss] _ in
                loss.withLockedValue { loss in
                    defer { loss = (0, loss.asked + 1) }
                    return loss.number
                }
            })
    }

    private func write(_ range: ByteRange, to file: PosixFile) throws {
        try content(range).withUnsafeBytes { (bytes) throws in
            try file.write(bytes, at: range.lowerBound)
        }
    }

    private var asked: Int { answer.withLockedValue { $0.asked } }

    @Test("what is written is not settled until the system was asked, which is once")
    func settled() throws {
        let file = try makeFile()
        #expect(file.isSettled(0..<Int64.max))
        try write(1000..<2000, to: file)
        #expect(!file.isSettled(0..<Int64.max))
        #expect(!file.isSettled(1999..<3000))
        #expect(file.isSettled(0..<1000))
        #expect(file.isSettled(2000..<3000))
        try file.settle()
        try file.settle()
        #expect(file.isSettled(0..<Int64.max))
        #expect(asked == 1)
        #expect(try file.foreignChange() == nil)
    }

    @Test("an error is told once, and makes what is known of the file uncertain")
    func failed() throws {
        let file = try makeFile()
        try write(0..<5000, to: file)
        answer.withLockedValue { $0.numbers = [EIO, 0] }
        #expect(throws: DiskError.self) { try file.settle() }
        // The same question would get a better answer, and a wrong one.
        try file.settle()
        #expect(asked == 2)
        #expect(file.isSettled(0..<5000))
        #expect(file.stamp == nil)
        #expect(file.foreignChangeCount == 1)
        let change = try #require(try file.foreignChange())
        file.accept(change)
        #expect(try file.foreignChange() == nil)
    }

    @Test("after an error it is asked until nothing is on its way any more, which may be lost too")
    func onItsWay() throws {
        let file = try makeFile()
        try write(0..<5000, to: file)
        answer.withLockedValue { $0.numbers = [ENOSPC, EIO, 0, EIO] }
        let error = #expect(throws: DiskError.self) { try file.settle() }
        #expect(error?.code == .noSpace)
        #expect(asked == 3)
        #expect(file.isSettled(0..<5000))
    }

    @Test("an error is known to all before the next question, which may take long")
    func atOnce() throws {
        let known = NIOLockedValueBox<[Int]>([])
        let asking = NIOLockedValueBox<PosixFile?>(nil)
        let file = try makeFile(during: {
            let count = asking.withLockedValue { $0?.foreignChangeCount ?? -1 }
            known.withLockedValue { $0.append(count) }
        })
        asking.withLockedValue { $0 = file }
        defer { asking.withLockedValue { $0 = nil } }
        try write(0..<5000, to: file)
        answer.withLockedValue { $0.numbers = [EIO, 0] }
        #expect(throws: DiskError.self) { try file.settle() }
        #expect(known.withLockedValue { $0 } == [0, 1])
    }

    @Test("a system that says the same for ever is not asked for ever")
    func shutDown() throws {
        let file = try makeFile()
        try write(0..<5000, to: file)
        answer.withLockedValue { $0.numbers = [EIO] }
        #expect(throws: DiskError.self) { try file.settle() }
        #expect(asked == 4)
        #expect(file.isSettled(0..<5000))
    }

    @Test(
        "what was lost before anybody asked is noticed by whoever looks, and told when it is asked")
    func noticed() throws {
        let file = try makeFile()
        try write(0..<5000, to: file)
        #expect(try file.foreignChange() == nil)
        loss.withLockedValue { $0.number = ENOSPC }
        let change = try #require(try file.foreignChange())
        file.accept(change)
        #expect(try file.foreignChange() == nil)
        #expect(!file.isSettled(0..<5000))
        let error = #expect(throws: DiskError.self) { try file.settle() }
        #expect(error?.code == .noSpace)
        #expect(try file.foreignChange() != nil)
        try file.settle()
        #expect(asked == 1)
    }

    @Test("nothing is asked about a file that we have not written to, or that is settled")
    func unasked() throws {
        let file = try makeFile()
        #expect(try file.foreignChange() == nil)
        try write(0..<5000, to: file)
        try file.settle()
        #expect(try file.foreignChange() == nil)
        #expect(loss.withLockedValue { $0.asked } == 0)
    }

    @Test(
        "what is read from the disk itself is the same, from any byte on",
        arguments: [0..<1, 0..<4096, 1..<4096, 4095..<4097, 5000..<300_001, 999_000..<1_000_000])
    func direct(range: ByteRange) throws {
        let file = try makeFile()
        try write(0..<1_000_000, to: file)
        var bytes = [UInt8](repeating: 0, count: Int(range.length))
        let count = try bytes.withUnsafeMutableBytes {
            try file.readFromDisk(into: $0, at: range.lowerBound)
        }
        #expect(count == bytes.count)
        #expect(bytes == content(range))
    }

    @Test(
        "behind the end of the file there is nothing to read",
        arguments: [990_000, 1_000_000, 2_000_000])
    func directBehindEnd(start: Int64) throws {
        let file = try makeFile()
        try write(0..<1_000_000, to: file)
        var bytes = [UInt8](repeating: 0, count: 100_000)
        let count = try bytes.withUnsafeMutableBytes {
            try file.readFromDisk(into: $0, at: start)
        }
        #expect(count == max(0, 1_000_000 - Int(start)))
    }

    @Test("where the system cannot pass by memory, memory forgets first")
    func forgotten() throws {
        let file = try makeFile()
        try write(0..<1_000_000, to: file)
        // The kernel can only forget what is written back; that it was is what the test knows.
        #expect(fsync(file.fileDescriptor) == 0)
        try #require(file.isResident(0..<1_000_000))
        file.forget(700_001..<700_002)
        #if os(Linux)
            var isInMemory: Int32 = 0
            #expect(platter_filesystem_is_memory(file.fileDescriptor, &isInMemory) == 0)
            // Such a file system has no other place for it.
            #expect(isInMemory != 0 || !file.isResident(700_001..<700_002))
        #endif
    }

    @Test("what is written while the system is asked is not settled, even in the same place")
    func meanwhile() throws {
        let hook = NIOLockedValueBox<@Sendable () -> Void>({})
        let file = try makeFile { hook.withLockedValue { $0 }() }
        try write(0..<5000, to: file)
        let problems = NIOLockedValueBox<[String]>([])
        hook.withLockedValue { hook in
            hook = { [weak file] in
                guard let file else { return }
                if file.isSettled(4999..<5000) { problems.withLockedValue { $0.append("early") } }
                content(0..<100).withUnsafeBytes { bytes in
                    do throws(DiskError) {
                        try file.write(bytes, at: 0)
                    } catch {
                        problems.withLockedValue { $0.append("\(error)") }
                    }
                }
            }
        }
        try file.settle()
        #expect(problems.withLockedValue { $0 } == [])
        #expect(!file.isSettled(0..<1))
        #expect(file.isSettled(100..<5000))
    }

    @Test("a real file system takes what it is asked to take")
    func real() throws {
        let disk = try PosixDisk(root: folder.path + "/cache")
        let representation = Representation(
            key: CacheKey("k"), validator: .absent, completeLength: 1)
        let file = try disk.createFile(DataFileName(representation, salt: 1))
        try content(0..<100_000).withUnsafeBytes { (bytes) throws in try file.write(bytes, at: 7) }
        #expect(!file.isSettled(7..<8))
        try file.settle()
        #expect(file.isSettled(0..<Int64.max))
        #expect(try file.foreignChange() == nil)
    }
}
