import CPlatter
import Foundation
import GRDB
import GRDBSQLite
import NIOConcurrencyHelpers
import PlatterCore
import Testing

@testable import PlatterStore

/// Makes SQLite's reads of one file fail, as a disk does: one of them, or all that touch a part of it.
enum FailingReads {
    private struct Plan {
        var file: ino_t = 0
        var left = 0
    }

    private static let plan = NIOLockedValueBox(Plan())
    /// What cannot be read of which file.
    private static let spoiled = NIOLockedValueBox<(file: ino_t, range: Range<Int>)>((0, 0..<0))

    private static let isInstalled: Bool = {
        guard let vfs = sqlite3_vfs_find(nil) else { return false }
        let call: @convention(c) (Int32, UnsafeMutableRawPointer?, Int, off_t) -> Int = {
            FailingReads.isNext($0) || FailingReads.isSpoiled($0, Int($3), $2)
                ? FailingReads.fail() : pread($0, $1, $2, $3)
        }
        let pointer = unsafeBitCast(call, to: sqlite3_syscall_ptr.self)
        let codes = ["pread", "pread64"].map { (name: String) in
            vfs.pointee.xSetSystemCall(vfs, name, pointer)
        }
        return codes.contains(SQLITE_OK)
    }()

    /// The n-th read of the file from now on fails, and none after it.
    static func arm(_ number: Int, of path: String) throws {
        try #require(isInstalled)
        var status = stat()
        try #require(lstat(path, &status) == 0)
        plan.withLockedValue { $0 = Plan(file: status.st_ino, left: number) }
    }

    /// - Returns: Whether there was such a read.
    static func disarm() -> Bool {
        plan.withLockedValue { plan in
            defer { plan = Plan() }
            return plan.file != 0 && plan.left == 0
        }
    }

    /// From now on nothing of this range of the file can be read. For one test at a time.
    static func spoil(_ range: Range<Int>, of path: String) throws {
        try #require(isInstalled)
        var status = stat()
        try #require(lstat(path, &status) == 0)
        spoiled.withLockedValue { $0 = (status.st_ino, range) }
    }

    static func mend() { spoiled.withLockedValue { $0 = (0, 0..<0) } }

    private static func isSpoiled(_ descriptor: Int32, _ offset: Int, _ length: Int) -> Bool {
        let (file, range) = spoiled.withLockedValue { $0 }
        guard range.overlaps(offset..<offset + length) else { return false }
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_ino == file
    }

    private static func isNext(_ descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return plan.withLockedValue { plan in
            guard plan.file == status.st_ino, plan.left > 0 else { return false }
            plan.left -= 1
            return plan.left == 0
        }
    }

    private static func fail() -> Int {
        errno = EIO
        return -1
    }
}

/// Makes SQLite's next opening of one file fail.
enum FailingOpens {
    private static let path = NIOLockedValueBox<String?>(nil)
    /// What cannot be opened for writing.
    private static let denied = NIOLockedValueBox<String?>(nil)

    private static let isInstalled: Bool = {
        guard let vfs = sqlite3_vfs_find(nil) else { return false }
        let call: @convention(c) (UnsafePointer<CChar>, Int32, mode_t) -> Int32 = {
            let path = String(cString: $0)
            let isDenied = $1 & O_RDWR != 0 && FailingOpens.denied.withLockedValue { $0 == path }
            guard isDenied || FailingOpens.isNext(path) else { return open($0, $1, $2) }
            errno = EACCES
            return -1
        }
        let pointer = unsafeBitCast(call, to: sqlite3_syscall_ptr.self)
        return vfs.pointee.xSetSystemCall(vfs, "open", pointer) == SQLITE_OK
    }()

    static func arm(_ path: String) throws {
        try #require(isInstalled)
        self.path.withLockedValue { $0 = path }
    }

    static func deny(_ path: String?) throws {
        try #require(isInstalled)
        denied.withLockedValue { $0 = path }
    }

    /// - Returns: Whether it was opened.
    static func disarm() -> Bool {
        path.withLockedValue { path in
            defer { path = nil }
            return path == nil
        }
    }

    private static func isNext(_ opened: String) -> Bool {
        path.withLockedValue { path in
            guard path == opened else { return false }
            path = nil
            return true
        }
    }
}

@Suite("An index on a disk that fails once", .serialized)
struct IndexFaultTests {
    let index: TestIndex
    let entry: EntryRecord
    private let losses = NIOLockedValueBox<[IndexError.Code]>([])

    init() async throws {
        index = try TestIndex()
        entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        try await index.writer.checkpoint()
        index.writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
    }

    private var lossesSoFar: [IndexError.Code] { losses.withLockedValue { $0 } }

    @Test("is not given up by a reader, whichever of its reads fails")
    func reading() throws {
        for number in 1... {
            let reader = index.writer.makeReader()
            try FailingReads.arm(number, of: index.path)
            let answer = Result { try reader.presence(of: entry.id, at: 0, upTo: 100) }
            let hasFailed = FailingReads.disarm()
            #expect(lossesSoFar == [], "read \(number)")
            if case .success(let presence) = answer { #expect(presence == .present(0..<100)) }
            #expect(try reader.entry(for: entry.representation.key) == entry)
            guard hasFailed else {
                #expect(number > 3)
                return
            }
        }
    }

    @Test("is not given up by the writer, whichever of its reads fails")
    func writing() async throws {
        try await index.writer.close()
        for number in 1... {
            let writer = try IndexWriter(path: index.path, boot: "boot 1")
            writer.whenLost { [losses] error in losses.withLockedValue { $0.append(error.code) } }
            try FailingReads.arm(number, of: index.path)
            _ = try? await writer.openEntry(newEntry())
            let hasFailed = FailingReads.disarm()
            #expect(lossesSoFar == [], "read \(number)")
            #expect(try await writer.openEntry(newEntry()).file == entry.file)
            try await writer.close()
            guard hasFailed else {
                #expect(number > 1)
                return
            }
        }
    }

    @Test("is not called corrupt when it is opened, whichever read fails")
    func opening() async throws {
        try await index.writer.close()
        for number in 1... {
            try FailingReads.arm(number, of: index.path)
            let opened = Result { try IndexWriter(path: index.path, boot: "boot 1") }
            let hasFailed = FailingReads.disarm()
            switch opened {
            case .success(let writer):
                #expect(try await writer.openEntry(newEntry()).file == entry.file)
                try await writer.close()
            case .failure(let error): #expect((error as? IndexError)?.code != .corrupt)
            }
            guard hasFailed else {
                #expect(number > 3)
                return
            }
        }
    }

    @Test("can be written, whichever file did not open once", arguments: ["", "-wal", "-shm"])
    func denied(suffix: String) async throws {
        // A crash leaves them behind.
        let copy = try TemporaryFolder()
        for other in ["", "-wal", "-shm"] {
            try FileManager.default.copyItem(
                atPath: index.path + other, toPath: copy.path + "/index.sqlite" + other)
        }
        try FailingOpens.arm(copy.path + "/index.sqlite" + suffix)
        let writer = try IndexWriter(path: copy.path + "/index.sqlite", boot: "boot 1")
        #expect(FailingOpens.disarm())
        try await writer.record([run(100..<200)], in: entry.id)
        try await writer.close()
    }

    @Test("can be written once it may be, though readers have found it read-only")
    func foundReadOnly() async throws {
        let copy = try TemporaryFolder()
        let path = copy.path + "/index.sqlite"
        for other in ["", "-wal", "-shm"] {
            try FileManager.default.copyItem(atPath: index.path + other, toPath: path + other)
        }
        // Another program has the copy open: what is in the memory is to be believed.
        let other = open(path + "-shm", O_RDWR)
        defer { close(other) }
        #expect(platter_lock_byte(other, 128, 0) == 0)
        try FailingOpens.deny(path + "-shm")
        let writer = try IndexWriter(path: path, boot: "boot 1")
        let holder = Holder(writer.makeReader())
        #expect(try await holder.ask(entry.id) == .present(0..<100))
        try FailingOpens.deny(nil)
        let error = await #expect(throws: IndexError.self) {
            try await writer.record([run(100..<200)], in: entry.id)
        }
        #expect(error?.code == .readOnly)
        writer.look()
        #expect(writer.loss?.code == .readOnly)
        try await writer.renew()
        let current = try #require(try writer.makeReader().entry(for: entry.representation.key))
        try await writer.record([run(100..<200)], in: current.id)
        #expect(try await holder.ask(current.id) == .present(0..<200))
        try await writer.close()
    }

    @Test("is let go when it is lost, also by readers nobody asks", .timeLimit(.minutes(1)))
    func letGo() async throws {
        let holder = Holder(index.writer.makeReader())
        #expect(try await holder.ask(entry.id) == .present(0..<100))
        for suffix in ["", "-wal", "-shm"] {
            try FileManager.default.removeItem(atPath: index.path + suffix)
        }
        let before = index.writer.life.leases.openCount
        #expect(before > 0)
        index.writer.look()
        try await index.writer.renew()
        while index.writer.life.leases.openCount >= before { await Task.yield() }
    }

    /// A reader on a thread of its own.
    private actor Holder {
        private let reader: IndexReader

        init(_ reader: sending IndexReader) {
            self.reader = reader
            reader.whenToLetGo { [weak self] in
                Task { await self?.letGo() }
            }
        }

        private func letGo() { reader.letGo() }

        func ask(_ entry: EntryID) throws(IndexError) -> Presence {
            try reader.presence(of: entry, at: 0, upTo: 300)
        }
    }

    @Test("is still in place for a look that fails")
    func looking() throws {
        let (folder, aside) = (index.folder.path, index.folder.path + ".aside")
        try FileManager.default.moveItem(atPath: folder, toPath: aside)
        #expect(symlink(folder, folder) == 0)
        index.writer.look()
        #expect(lossesSoFar == [])
        #expect(unlink(folder) == 0)
        try FileManager.default.moveItem(atPath: aside, toPath: folder)
        index.writer.look()
        #expect(lossesSoFar == [])
    }

    @Test("is not mixed with another in its place by a reader that opens before that is noticed")
    func replaced() async throws {
        let other = try TestIndex()
        let foreign = try await other.entry(key: "http://origin/foreign")
        try await other.writer.close()
        #expect(rename(other.path, index.path) == 0)
        let error = #expect(throws: IndexError.self) {
            try index.writer.makeReader().entry(for: foreign.representation.key)
        }
        #expect(error?.code == .replaced)
        #expect(lossesSoFar == [.replaced])
    }

    @Test("tells whoever asks while it is given up that it is lost, not that the program ends")
    func givenUp() throws {
        let commits = GroupCommit(try DatabaseQueue()) { _ in }
        #expect(commits.close(failing: IndexError(.lost, "the index was lost")))
        let told = NIOLockedValueBox<IndexError.Code?>(nil)
        commits.append(
            IndexCommand({ _ in }) { result in
                if case .failure(let error) = result { told.withLockedValue { $0 = error.code } }
            })
        #expect(told.withLockedValue { $0 } == .lost)
    }

    @Test("is told of a full disk where a quota is used up, in each build of SQLite")
    func quota() { #expect(IndexQuota.isTold) }

    @Test("keeps what a person wants kept from being evicted, however late that is said")
    func pinned() async throws {
        let wish = NewDownload(
            key: entry.representation.key, url: "http://origin/a", isPinned: true, createdAt: 1)
        _ = try await index.writer.enqueue(wish)
        #expect(try await index.writer.evictRuns(0..<100, of: entry.id) == [])
        #expect(try index.reader().ranges(of: entry.id) == [0..<100])
        try await index.writer.done { $0.supersede(entry.id, at: 2, completion: $1) }
        #expect(try await index.writer.evictRuns(0..<100, of: entry.id) == [0..<100])
    }
}
