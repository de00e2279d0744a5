import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import Testing

@testable import PlatterCache
@testable import PlatterStore

@Suite("Bytes that did not reach the disk")
struct SettlerTests {
    private let cellar: Cellar
    private let clock = HandClock(now: .start)
    private let executor = HandExecutor()
    private let admission: Admission
    private let settler: Settler
    private let reader: IndexReader

    init() throws {
        cellar = try Cellar()
        reader = try cellar.reader()
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let damage = DamageWatch(
            index: cellar.index, table: cellar.table, clock: clock, wallClock: { Cellar.now },
            log: log)
        admission = Admission(damage: damage, clock: clock, log: log)
        let delay: Delay = { [clock] in _ = clock.add(after: $0, $1) }
        let search = IndexSearch(reader: try cellar.reader())
        let evictor = Evictor(
            settings: EvictionPolicy.Settings(), recorded: 0, table: cellar.table,
            disk: cellar.disk, index: cellar.index, search: search, clock: clock,
            wallClock: { Cellar.now }, executor: executor, delay: delay, log: log)
        settler = Settler(
            table: cellar.table, admission: admission, evictor: evictor, damage: damage,
            executor: executor, delay: delay, log: log)
    }

    /// A full entry that another program cannot tell from a good one, in a file that has lost a byte.
    private func lossy(
        _ name: String, answer: Int32
    ) async throws -> (Entry.Opened, asked: NIOLockedValueBox<Int>) {
        let record = try await cellar.fill(name, accessedAt: Cellar.now)
        let asked = NIOLockedValueBox(0)
        let path = cellar.path(of: record)
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        let file = PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: false, reservesRoom: false,
            holes: HoleSupport(isThere: true),
            left: FileStamp(try fileStatus(descriptor, path: path))
        ) { _ in
            // It says so once, and is asked until it has nothing more to say.
            asked.withLockedValue { asked in
                asked += 1
                return asked == 1 ? answer : 0
            }
        }
        try [UInt8(answer == 0 ? 1 : 0)].withUnsafeBytes { (bytes) throws(any Error) in
            try file.write(bytes, at: 7)
        }
        return (Entry.Opened(record: record, file: file), asked)
    }

    private func presence(_ opened: Entry.Opened) async throws -> Presence {
        try await cellar.index.flush()
        return try reader.presence(of: opened.record.id, at: 0, upTo: Cellar.chunk)
    }

    private func pass(_ duration: Duration) {
        clock.advance(to: clock.now.advanced(by: duration))
        while clock.fire() {}
        while executor.count > 0 { executor.run { _ in 0 } }
    }

    @Test("are compared before they are served again", arguments: [EIO, ENOSPC, EDQUOT])
    func lost(answer: Int32) async throws {
        let (opened, asked) = try await lossy("film", answer: answer)
        settler.landed(opened)
        pass(Settler.pause)
        #expect(asked.withLockedValue { $0 } == 2)
        guard case .unverified = try await presence(opened) else {
            Issue.record("\(try await presence(opened))")
            return
        }
        // What is known to be uncertain is no news.
        #expect(try opened.file.foreignChange() == nil)
        #expect(opened.file.foreignChangeCount == 1)
        #expect(!admission.admits())
    }

    @Test("cost nothing when there are none: a file is asked once, after a while")
    func kept() async throws {
        let (opened, asked) = try await lossy("film", answer: 0)
        for _ in 0..<3 { settler.landed(opened) }
        pass(.milliseconds(4999))
        #expect(asked.withLockedValue { $0 } == 0)
        pass(.milliseconds(1))
        settler.landed(opened)
        pass(Settler.pause)
        #expect(asked.withLockedValue { $0 } == 1)
        #expect(try await presence(opened) == .present(0..<Cellar.chunk))
        #expect(admission.admits())
    }

    @Test("are found out before a range is read that memory does not have any more")
    func evicted() async throws {
        let (opened, asked) = try await lossy("film", answer: EIO)
        settler.settle(opened, for: 100..<200)
        #expect(asked.withLockedValue { $0 } == 0)
        settler.settle(opened, for: 0..<100)
        #expect(asked.withLockedValue { $0 } == 2)
        #expect(opened.file.foreignChangeCount == 1)
        guard case .unverified = try await presence(opened) else {
            Issue.record("\(try await presence(opened))")
            return
        }
    }

    @Test("are found out at the end of the program, and by whoever comes later at once")
    func stopped() async throws {
        let (first, firstAsked) = try await lossy("first", answer: EIO)
        settler.landed(first)
        let stopping = settler
        async let stopped: Void = stopping.stop()
        while !(executor.await()) {}
        while executor.count > 0 { executor.run { _ in 0 } }
        await stopped
        #expect(firstAsked.withLockedValue { $0 } == 2)
        let (second, secondAsked) = try await lossy("second", answer: EIO)
        settler.landed(second)
        #expect(secondAsked.withLockedValue { $0 } == 2)
    }

    @Test("do not matter once the entry is deleted, and its file is not kept open for them")
    func deleted() async throws {
        let asked: NIOLockedValueBox<Int>
        weak var file: (any DataFile)?
        do {
            let (opened, count) = try await lossy("film", answer: EIO)
            (asked, file) = (count, opened.file)
            settler.landed(opened)
            #expect(file != nil)
            cellar.table.forget(opened.record)
        }
        #expect(file == nil)
        pass(Settler.pause)
        #expect(asked.withLockedValue { $0 } == 0)
    }

    @Test("of more files than are kept open are found out at once")
    func many() async throws {
        var asked: [NIOLockedValueBox<Int>] = []
        for number in 0...Settler.mostWaiting {
            let (opened, count) = try await lossy("film \(number)", answer: 0)
            settler.landed(opened)
            asked.append(count)
        }
        #expect(asked.map { $0.withLockedValue { $0 } }.reduce(0, +) == 1)
        pass(Settler.pause)
        #expect(asked.allSatisfy { $0.withLockedValue { $0 } == 1 })
    }
}
