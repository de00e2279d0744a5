import Foundation
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

@testable import PlatterCache

/// One run of the program, from its start until it is killed: the real parts, wired up as `Caching`
/// does it, over a simulated disk, origin and clock. The index is a real file.
final class Life {
    struct Settings {
        var limits = FetchLimits()
        var maximum: Int64 = 32 << 20
        var readAhead = ReadAhead.Settings()
        var keptBehind: Int64 = 256 << 10
        var fills = false
        var chunkLength: Int64 = 256 << 10
    }

    let folder: String
    let boot: String
    let clock: HandClock
    let executor: HandExecutor
    let disk: MemoryDisk
    let origin = ModelOrigin()
    let index: IndexWriter
    let gate: WriterGate
    let table: EntryTable
    let queue: FetchDispatcher
    let evictor: Evictor
    let readers: ReaderServices
    let bypass: Bypass
    let passages = PassageGate()
    let sweep: OrphanSweep
    let damage: DamageWatch
    let settler: Settler
    /// The index as players ask it, and as the checks do.
    let reader: IndexReader
    let auditor: IndexReader
    private let recovery: IndexRecovery
    private let search: IndexSearch
    private let log: Logger
    /// A new index is being made.
    private let isRecovering: NIOLockedValueBox<Bool>
    private let foreign: NIOLockedValueBox<Bool>
    /// Another file lies in the place of the index, or none, and that was not noticed yet. What other
    /// people's programs do to it then cannot be done from here: POSIX locks do not keep a process from
    /// itself, so SQLite would take the log of the index in use for one that nobody uses.
    var isIndexForeign: Bool {
        get { foreign.withLockedValue { $0 } }
        set { foreign.withLockedValue { $0 = newValue } }
    }

    init(
        folder: String, boot: String, platters: Platters, now: Moment,
        wallClock: @escaping @Sendable () -> Int64, settings: Settings,
        jitter: @escaping @Sendable () -> Double, log: Logger
    ) {
        self.folder = folder
        self.boot = boot
        let clock = HandClock(now: now)
        let executor = HandExecutor()
        let disk = MemoryDisk(platters)
        let path = folder + "/index.sqlite"
        let index: IndexWriter
        do throws(IndexError) {
            index = try IndexWriter(path: path, boot: boot)
        } catch {
            index = IndexWriter(path: path, boot: boot, without: error)
        }
        let isRecovering = NIOLockedValueBox(false)
        let foreign = NIOLockedValueBox(false)
        let delay: Delay = { duration, action in
            // A renewal that has to wait; the look comes every second.
            if duration != .seconds(1) { isRecovering.withLockedValue { $0 = false } }
            clock.add(after: duration, action)
        }
        let table = EntryTable(disk: disk)
        let reader = index.makeReader()
        let evictor = Self.makeEvictor(
            settings, index: index, table: table, disk: disk, clock: clock, wallClock: wallClock,
            executor: executor, delay: delay, log: log)
        let damage = DamageWatch(
            index: index, table: table, clock: clock, wallClock: wallClock, log: log)
        let admission = Admission(damage: damage, clock: clock, log: log)
        let settler = Settler(
            table: table, admission: admission, evictor: evictor, damage: damage,
            executor: executor,
            delay: { _ = clock.add(after: $0, $1) }, log: log)
        let services = FetchServices(
            origin: origin, disk: disk, index: index,
            search: IndexSearch(reader: index.makeReader()), table: table, evictor: evictor,
            admission: admission, damage: damage, settler: settler,
            bandwidth: BandwidthGate(BandwidthLimit(), clock: clock), clock: clock,
            wallClock: wallClock, delay: { _ = clock.add(after: $0, $1) }, executor: executor,
            chunkLength: settings.chunkLength, log: log)
        let queue = FetchDispatcher(
            limits: settings.limits, clock: clock, loop: clock,
            pilot: FetchPilot(services: services), jitter: jitter)
        let sweep = OrphanSweep(
            disk: disk, search: IndexSearch(reader: index.makeReader()), evictor: evictor,
            table: table, pause: .zero, log: log)
        readers = ReaderServices(
            queue: queue,
            verifier: Verifier(index: index, damage: damage, executor: executor, log: log),
            spans: table.spans,
            accesses: AccessNotes(index: index, wallClock: wallClock, log: log), clock: clock,
            readAhead: settings.readAhead, keptBehind: settings.keptBehind,
            fillThreshold: 512 << 10,
            filler: settings.fills ? Filler(queue: queue, clock: clock) : nil)
        recovery = IndexRecovery(
            index: index, disk: disk, executor: executor,
            delay: { duration, action in
                delay(duration) {
                    if duration != .seconds(1) { isRecovering.withLockedValue { $0 = true } }
                    action()
                }
            }, clock: clock, log: log,
            lost: {
                isRecovering.withLockedValue { $0 = true }
                table.forgetAll()
            },
            renewed: {
                isRecovering.withLockedValue { $0 = false }
                admission.reopen()
                foreign.withLockedValue { $0 = false }
                await evictor.restart()
                await sweep.run()
            })
        bypass = Bypass(
            origin: origin, queue: queue, gate: passages,
            bandwidth: BandwidthGate(BandwidthLimit(), clock: clock), waits: readers.waits,
            clock: clock, wallClock: wallClock, loop: clock, succession: services.succession,
            log: log)
        auditor = index.makeReader()
        search = IndexSearch(reader: index.makeReader())
        self.log = log
        gate = WriterGate(index)
        (self.clock, self.executor, self.disk, self.index) = (clock, executor, disk, index)
        (self.table, self.queue, self.evictor, self.sweep) = (table, queue, evictor, sweep)
        (self.reader, self.damage, self.settler) = (reader, damage, settler)
        (self.isRecovering, self.foreign) = (isRecovering, foreign)
    }

    private static func makeEvictor(
        _ settings: Settings, index: IndexWriter, table: EntryTable, disk: MemoryDisk,
        clock: HandClock, wallClock: @escaping @Sendable () -> Int64, executor: HandExecutor,
        delay: @escaping Delay, log: Logger
    ) -> Evictor {
        var limits = EvictionPolicy.Settings()
        limits.maximum = settings.maximum
        // Its films are small, and nobody is sent pages of its disk.
        limits.block = 64 << 10
        let recorded = (try? index.makeReader().totalRecordedBytes()) ?? 0
        return Evictor(
            settings: limits, recorded: recorded, table: table, disk: disk, index: index,
            search: IndexSearch(reader: index.makeReader()), clock: clock, wallClock: wallClock,
            executor: executor, delay: delay, log: log)
    }

    func start() {
        recovery.start()
        disk.takeBallast()
        evictor.look()
        sweepNow()
        turn()
    }

    func sweepNow() { Task(executorPreference: executor) { [sweep] in await sweep.run() } }

    /// A person has everything compared with its checksums.
    func scrub() {
        let scrub = Scrub(
            index: index, search: search, disk: disk, evictor: evictor, log: log)
        Task(executorPreference: executor) { _ = try? await scrub.run(repairs: true) }
    }

    // MARK: - Turning the crank

    var hasIndex: Bool { index.loss == nil }

    /// Runs one job. While there is no index its writer is not held back: what makes another one waits
    /// for it.
    func runJob(_ pick: (Int) -> Int) {
        if !hasIndex { gate.release() }
        executor.run(pick)
        awaitRecovery()
    }

    /// What makes the index anew is under way on the writer's thread.
    func awaitRecovery() {
        guard isRecovering.withLockedValue({ $0 }), executor.count == 0 else { return }
        gate.release()
        _ = executor.await()
    }

    /// All that was asked of the index is done and told.
    func turn() {
        if hasIndex { gate.turn() } else { gate.release() }
    }

    // MARK: - The end

    /// The program is killed: nothing of it reaches the disk from now on.
    func die() {
        recovery.stop()
        disk.die()
        clock.stop()
        origin.die()
        gate.release()
        Task(executorPreference: executor) { [queue] in await queue.stop() }
        var quietRounds = 0
        while quietRounds < 3 {
            quietRounds = executor.count == 0 ? quietRounds + 1 : 0
            while executor.count > 0 { runJob { _ in 0 } }
            gate.turn()
            gate.release()
        }
    }
}
