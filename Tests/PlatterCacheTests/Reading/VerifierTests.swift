import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import PlatterStore
import PlatterTesting
import Testing

@testable import PlatterCache

@Suite("Bytes that are compared before they are served")
struct VerifierTests {
    /// As long as what counts as one place of a disk.
    private static let chunk: Int64 = 1 << 20

    private let cellar: Cellar
    private let record: EntryRecord
    private let verifier: Verifier
    private let reader: IndexReader

    init() async throws {
        let cellar = try Cellar(chunkLength: Self.chunk, length: 8 * Self.chunk)
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

    private var first: ByteRange { 0..<Self.chunk }

    private func presence() throws -> Presence {
        try reader.presence(of: record.id, at: 0, upTo: Self.chunk)
    }

    private func verify(_ file: any DataFile, at position: Int64 = 0) async throws {
        let presence = try reader.presence(
            of: record.id, at: position, upTo: position + Self.chunk)
        guard case .unverified(let run) = presence else {
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
        while let change = try file.foreignChange() { file.accept(change) }
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

    /// Whether the object is given up once three places of it were found to be others.
    private func isGivenUp(after file: any DataFile) async throws -> Bool {
        for chunk in 0..<3 {
            try flipByte(at: UInt64(Int64(chunk) * Self.chunk), of: cellar.path(of: record))
        }
        while let change = try file.foreignChange() { file.accept(change) }
        for chunk in 0..<3 { try await verify(file, at: Int64(chunk) * Self.chunk) }
        try await cellar.index.flush()
        return try reader.entry(record.id)?.supersededAt != nil
    }

    private func distrust(because doubt: Doubt) async {
        await withCheckedContinuation { continuation in
            cellar.index.distrust(record.id, because: doubt) { _ in continuation.resume() }
        }
    }

    @Test("three places that differ after the disk has failed are too many")
    func unexcused() async throws {
        await distrust(because: .failure)
        #expect(try await isGivenUp(after: try open()))
        #expect(try reader.runs(of: record.id).isEmpty)
    }

    @Test("what somebody else has changed does not speak against the disk")
    func excused() async throws {
        await distrust(because: .excused)
        #expect(try await !isGivenUp(after: try open()))
    }

    @Test("nor does what differs while somebody changes the file")
    func changedNow() async throws {
        await distrust(because: .failure)
        let path = cellar.path(of: record)
        for chunk in 0..<3 {
            let position = Int64(chunk) * Self.chunk
            try flipByte(at: UInt64(position), of: path)
            try await verify(try cellar.disk.openFile(record.file, left: nil), at: position)
        }
        try await cellar.index.flush()
        #expect(try reader.entry(record.id)?.supersededAt == nil)
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
private final class Tampered: HandingOnFile {
    let file: any DataFile
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
}
