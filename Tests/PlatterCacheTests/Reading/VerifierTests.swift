import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("Bytes that are compared before they are served")
struct VerifierTests {
    private let cellar: Cellar
    private let record: EntryRecord
    private let verifier: Verifier
    private let reader: IndexReader

    init() async throws {
        let cellar = try Cellar()
        let record = try await cellar.fill("film", accessedAt: Cellar.now)
        self.cellar = cellar
        self.record = record
        await withCheckedContinuation { continuation in
            cellar.index.distrust(record.id) { _ in continuation.resume() }
        }
        reader = try cellar.reader()
        let log = Logger(label: "test")
        let damage = DamageWatch(
            index: cellar.index, table: cellar.table, clock: SystemClock(),
            wallClock: { Cellar.now }, log: log)
        verifier = Verifier(
            index: cellar.index, damage: damage,
            executor: IOExecutor(pool: NIOThreadPool.singleton), log: log)
    }

    private var first: ByteRange { 0..<Cellar.chunk }

    private func presence() throws -> Presence {
        try reader.presence(of: record.id, at: 0, upTo: Cellar.chunk)
    }

    private func verify(_ file: any DataFile) async throws {
        guard case .unverified(let run) = try presence() else {
            Issue.record("the run is not there, or trusted")
            return
        }
        let opened = Entry.Opened(record: record, file: file)
        await withCheckedContinuation { continuation in
            verifier.verify(run, of: opened) { _ in continuation.resume() }
        }
    }

    private func open() throws -> any DataFile {
        let file = try cellar.disk.openFile(record.file, left: nil)
        if let change = try file.foreignChange() { file.accept(change) }
        return file
    }

    @Test("what is as it was is trusted")
    func intact() async throws {
        try await verify(try open())
        #expect(try presence() == .present(first))
    }

    @Test("what somebody changes while it is compared is not trusted")
    func changedMeanwhile() async throws {
        let path = cellar.path(of: record)
        let file = Tampered(try open()) { try flipByte(at: 7, of: path) }
        try await verify(file)
        guard case .unverified = try presence() else {
            Issue.record("\(try presence())")
            return
        }
        // Whoever comes next has it compared again, and it is found out.
        try await verify(file)
        #expect(try presence() == .absent(first))
    }

    @Test("what was changed before is found out")
    func changedBefore() async throws {
        let file = try open()
        try flipByte(at: 7, of: cellar.path(of: record))
        try await verify(file)
        #expect(try presence() == .absent(first))
    }
}

private func flipByte(at offset: UInt64, of path: String) throws {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: [0xFF])
    try handle.close()
}

/// A file that somebody changes right after it was first read.
private final class Tampered: DataFile {
    private let file: any DataFile
    private let tamper: @Sendable () throws -> Void
    private let isTampered = NIOLockedValueBox(false)

    init(_ file: any DataFile, _ tamper: @escaping @Sendable () throws -> Void) {
        self.file = file
        self.tamper = tamper
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        let count = try file.read(into: buffer, at: offset)
        let isFirst = isTampered.withLockedValue { isTampered in
            defer { isTampered = true }
            return !isTampered
        }
        do { if isFirst { try tamper() } } catch {
            throw DiskError(.other, "\(error)", path: path)
        }
        return count
    }

    var path: String { file.path }
    var fileDescriptor: Int32 { file.fileDescriptor }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try file.write(bytes, at: offset)
    }
    func isResident(_ range: ByteRange) -> Bool { file.isResident(range) }
    func allocate(_ range: ByteRange) throws(DiskError) { try file.allocate(range) }
    func punch(_ range: ByteRange) throws(DiskError) { try file.punch(range) }
    func status() throws(DiskError) -> FileStatus { try file.status() }
    func foreignChange() throws(DiskError) -> ForeignChange? { try file.foreignChange() }
    func accept(_ change: ForeignChange) { file.accept(change) }
    var foreignChangeCount: Int { file.foreignChangeCount }
    var stamp: FileStamp? { file.stamp }
}
