import Foundation
import Logging
import NIOCore
import NIOPosix
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterProxy
import PlatterStore

/// What is behind a connection: an empty cache in a folder of its own, on a disk and before an origin of
/// the test's choice.
final class House {
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let clock: any MonotonicClock
    let wallClock: @Sendable () -> Int64 = { 1_000 }
    let disk: any Disk
    let index: IndexWriter
    let table: EntryTable
    private let folder: String
    private let pool: NIOThreadPool
    private let executor: IOExecutor
    private let damage: DamageWatch
    private let evictor: Evictor
    private let admission: Admission
    private let settler: Settler

    /// - Parameters:
    ///   - clock: Of readers and what is passed through.
    ///   - pool: For what may wait for the disk.
    ///   - through: What the cache gets for a disk instead of a good one.
    init(
        clock: any MonotonicClock = SystemClock(), pool: NIOThreadPool,
        through wrap: (PosixDisk) -> any Disk = { $0 }
    ) throws {
        self.clock = clock
        self.pool = pool
        folder = NSTemporaryDirectory() + "platter-house-\(UUID().uuidString)"
        let posix = try PosixDisk(root: folder)
        disk = wrap(posix)
        index = try IndexWriter(path: posix.indexPath, boot: "boot")
        table = EntryTable(disk: disk)
        executor = IOExecutor(pool: pool)
        damage = DamageWatch(
            index: index, table: table, clock: clock, wallClock: wallClock, log: log)
        admission = Admission(damage: damage, clock: clock, log: log)
        evictor = Evictor(
            settings: .init(), recorded: 0, table: table, disk: disk, index: index,
            search: IndexSearch(reader: index.makeReader()), clock: clock, wallClock: wallClock,
            executor: executor, delay: { _, _ in }, log: log)
        settler = Settler(
            table: table, admission: admission, evictor: evictor, damage: damage,
            executor: executor, delay: { _, _ in }, log: log)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Puts all of an entry of the film on disk, where it is believed.
    func store(_ new: NewEntry) async throws {
        let record = try await index.openEntry(new)
        let whole = 0..<record.grid.completeLength
        let file = try disk.createFile(record.file)
        let bytes = FilmOrigin.bytes(whole)
        try bytes.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        let runs = record.grid.pieces(of: whole).map { range in
            let piece = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
            return StoredRun(
                range: range, crc32c: piece.withUnsafeBytes { Checksum.crc32c(of: $0) })
        }
        index.record(runs, in: record.id) { _ in }
        // So that nobody takes our own writing for a foreign change.
        index.note(file.stamp, of: record.id) { _ in }
        try await index.flush()
    }

    /// What fetches for it from an origin.
    func dispatcher(_ origin: any Origin, on group: any EventLoopGroup) -> FetchDispatcher {
        FetchDispatcher(
            limits: FetchLimits(), clock: clock, loop: group.any(), pilot: pilot(origin),
            jitter: { 0 })
    }

    /// Carries out what the scheduler orders.
    func pilot(_ origin: any Origin) -> FetchPilot {
        FetchPilot(
            services: FetchServices(
                origin: origin, disk: disk, index: index,
                search: IndexSearch(reader: index.makeReader()), table: table, evictor: evictor,
                admission: admission, damage: damage, settler: settler,
                bandwidth: BandwidthGate(BandwidthLimit(), clock: clock), clock: clock,
                wallClock: wallClock, delay: { _, _ in }, executor: executor,
                chunkLength: ChunkGrid.defaultChunkLength, log: log))
    }

    /// - Parameter passing: Where comes from what goes past the store.
    func services(
        queue: FetchDispatcher, passing: any Origin, loop: any EventLoop
    ) throws -> ProxyServices {
        let latency = DiskLatency(clock: SystemClock(), log: log)
        return ProxyServices(
            routes: Routes(
                origin: try OriginURL("http://origin.example"), named: [:],
                streams: StreamRegistry()),
            table: table, index: index,
            readers: ReaderServices(
                queue: queue,
                verifier: Verifier(index: index, damage: damage, executor: executor, log: log),
                spans: table.spans,
                accesses: AccessNotes(index: index, wallClock: wallClock, log: log), clock: clock,
                filler: nil),
            bypass: Bypass(
                origin: passing, queue: queue, gate: PassageGate(),
                bandwidth: BandwidthGate(BandwidthLimit(), clock: clock), clock: clock,
                wallClock: wallClock, loop: loop, log: log),
            damage: damage, evictor: evictor, settler: settler, latency: latency,
            disk: DiskWork(pool: pool, latency: latency), wallClock: wallClock, log: log)
    }
}
