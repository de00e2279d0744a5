import Logging
import NIOCore
import NIOPosix
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterProxy
import PlatterStore

/// The parts that decide, wired up.
struct Caching: Sendable {
    let table: EntryTable
    let search: IndexSearch
    let queue: FetchDispatcher
    let streams = StreamRegistry()
    let prefetcher: Prefetcher
    private let origins: Origins
    private let store: Store
    private let evictor: Evictor
    private let settler: Settler
    private let succession: Succession
    let upkeep: Upkeep
    private let executor: IOExecutor
    private let clock = SystemClock()
    /// Of all bytes from origins, stored or not.
    private let bandwidth: BandwidthGate
    private let passages = PassageGate()
    private let loop: any EventLoop

    init(
        _ configuration: PlatterConfiguration, store: Store, origins: Origins,
        loop: any EventLoop, executor: IOExecutor, log: Logger
    ) {
        self.origins = origins
        self.store = store
        self.executor = executor
        self.loop = loop
        bandwidth = BandwidthGate(
            BandwidthLimit(
                bytesPerSecond: configuration.bandwidth,
                background: configuration.backgroundBandwidth), clock: clock)
        table = EntryTable(disk: store.disk)
        let delay = { @Sendable (duration: Duration, action: @escaping @Sendable () -> Void) in
            _ = loop.scheduleTask(in: .nanoseconds(duration.nanosecondsClamped), action)
        }
        search = IndexSearch(reader: store.makeReader())
        let evictor = Self.makeEvictor(
            configuration, store: store, table: table, clock: clock, delay: delay,
            executor: executor, log: log)
        let damage = DamageWatch(
            index: store.index, table: table, clock: clock, wallClock: System.wallClock, log: log)
        let admission = Admission(
            damage: damage, latency: store.latency, clock: clock, log: log)
        settler = Settler(
            table: table, admission: admission, evictor: evictor, damage: damage,
            executor: executor,
            delay: delay, log: log)
        for origin in configuration.trustedOrigins {
            log.notice(
                "Versions that only a weak validator tells apart are taken for one: bytes of two may be mixed",
                metadata: ["origin": "\(origin)"])
        }
        let services = FetchServices(
            origin: origins.fetching, disk: store.disk, index: store.index, search: search,
            table: table,
            evictor: evictor, admission: admission, damage: damage, settler: settler,
            bandwidth: bandwidth,
            minimumRate: configuration.timing.minimumRate,
            trustedOrigins: Set(
                configuration.trustedOrigins.compactMap { try? OriginURL($0).origin }),
            clock: clock,
            wallClock: System.wallClock, delay: delay, executor: executor,
            chunkLength: configuration.lengthOfChunks, log: log)
        var limits = FetchLimits()
        limits.total = BandwidthLimit.mostTakers(
            configuration.mostFetches.total, bytesPerSecond: configuration.bandwidth)
        limits.perOrigin = configuration.mostFetches.perOrigin
        limits.silence = configuration.timing.silence
        queue = FetchDispatcher(
            limits: limits, clock: clock, loop: loop, pilot: FetchPilot(services: services))
        prefetcher = Prefetcher(
            queue: queue, table: table, index: store.index, search: search, evictor: evictor,
            wallClock: System.wallClock, executor: executor, delay: delay, log: log)
        self.evictor = evictor
        succession = services.succession
        upkeep = Upkeep(
            configuration, store: store, table: table, evictor: evictor, prefetcher: prefetcher,
            damage: damage, admission: admission, delay: delay, executor: executor, log: log)
    }

    /// What goes on by itself from now on.
    func start() async {
        upkeep.start()
        // The limit may be lower than it was when the server last ran. Without an index the look is for
        // the next one.
        store.index.recall(to: System.wallClock()) { [evictor] _ in evictor.look() }
        await prefetcher.resume()
    }

    func stop() async {
        upkeep.stop()
        await queue.stop()
        await settler.stop()
    }

    private static func makeEvictor(
        _ configuration: PlatterConfiguration, store: Store, table: EntryTable,
        clock: SystemClock, delay: @escaping Delay, executor: IOExecutor, log: Logger
    ) -> Evictor {
        var settings = EvictionPolicy.Settings()
        settings.maximum = configuration.maximumSize
        let reader = store.index.makeReader()
        // Without an index there is nothing to evict; with another one it begins anew.
        let recorded = (try? reader.totalRecordedBytes()) ?? 0
        return Evictor(
            settings: settings, recorded: recorded, table: table, disk: store.disk,
            index: store.index, search: IndexSearch(reader: reader), clock: clock,
            wallClock: System.wallClock, executor: executor, delay: delay, log: log)
    }

    /// Another way to read the index: who adds up many rows does not keep flights waiting.
    func makeSearch() -> IndexSearch { IndexSearch(reader: store.index.makeReader()) }

    func proxyServices(
        _ configuration: PlatterConfiguration, disk: DiskWork, log: Logger
    ) -> ProxyServices {
        var readAhead = ReadAhead.Settings()
        readAhead.seconds = configuration.readAheadSeconds
        // What is around a reader is not evicted: it may take a part of the cache, not all of it.
        let room = evictor.limit
        readAhead.most = min(readAhead.most, max(room / 8, 1 << 20))
        let readers = ReaderServices(
            queue: queue,
            verifier: Verifier(
                index: store.index, damage: upkeep.damage, executor: executor, log: log),
            spans: table.spans,
            accesses: AccessNotes(index: store.index, wallClock: System.wallClock, log: log),
            clock: clock, readAhead: readAhead, waits: configuration.timing.waits,
            keptBehind: min(16 << 20, room / 16), room: room,
            filler: configuration.fillsInBackground ? Filler(queue: queue, clock: clock) : nil)
        return ProxyServices(
            routes: Routes(
                origin: configuration.origin.flatMap { try? OriginURL($0) },
                named: configuration.namedOrigins.compactMapValues { try? OriginURL($0) },
                streams: streams),
            table: table, index: store.index, readers: readers,
            bypass: Bypass(
                origin: origins.passing, queue: queue, gate: passages, bandwidth: bandwidth,
                waits: readers.waits, clock: clock, wallClock: System.wallClock, loop: loop,
                succession: succession, log: log),
            damage: upkeep.damage, evictor: evictor, settler: settler, latency: store.latency,
            disk: disk, wallClock: System.wallClock, log: log)
    }
}
