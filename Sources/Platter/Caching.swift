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
    private let executor: IOExecutor
    private let clock = SystemClock()

    init(
        _ configuration: PlatterConfiguration, store: Store, origins: Origins,
        loop: any EventLoop, executor: IOExecutor, log: Logger
    ) throws(PlatterError) {
        self.origins = origins
        self.store = store
        self.executor = executor
        table = EntryTable(disk: store.disk)
        let delay = { @Sendable (duration: Duration, action: @escaping @Sendable () -> Void) in
            _ = loop.scheduleTask(in: .nanoseconds(duration.nanosecondsClamped), action)
        }
        let evictor: Evictor
        do throws(IndexError) {
            search = IndexSearch(reader: try store.makeReader())
            evictor = try Self.makeEvictor(
                configuration, store: store, table: table, clock: clock, delay: delay,
                executor: executor, log: log)
        } catch {
            throw PlatterError(.storage, error.description)
        }
        let services = FetchServices(
            origin: origins.fetching, disk: store.disk, index: store.index, search: search,
            table: table,
            evictor: evictor, clock: clock, wallClock: System.wallClock, executor: executor,
            chunkLength: configuration.chunkLength, log: log)
        var limits = FetchLimits()
        limits.total = configuration.fetches
        limits.perOrigin = configuration.fetchesPerOrigin
        queue = FetchDispatcher(
            limits: limits, clock: clock, loop: loop, pilot: FetchPilot(services: services))
        prefetcher = Prefetcher(
            queue: queue, table: table, index: store.index, search: search,
            wallClock: System.wallClock, delay: delay, log: log)
        // The limit may be lower than it was when the server last ran.
        evictor.look()
    }

    private static func makeEvictor(
        _ configuration: PlatterConfiguration, store: Store, table: EntryTable,
        clock: SystemClock, delay: @escaping Delay, executor: IOExecutor, log: Logger
    ) throws(IndexError) -> Evictor {
        var settings = EvictionPolicy.Settings()
        settings.maximum = configuration.maximumSize
        let reader = try store.makeReader()
        let recorded = try reader.totalRecordedBytes()
        return Evictor(
            settings: settings, recorded: recorded, table: table, disk: store.disk,
            index: store.index, search: IndexSearch(reader: reader), clock: clock,
            wallClock: System.wallClock, executor: executor, delay: delay, log: log)
    }

    /// Another way to read the index: who adds up many rows does not keep flights waiting.
    func makeSearch() throws(IndexError) -> IndexSearch {
        IndexSearch(reader: try store.makeReader())
    }

    func proxyServices(_ configuration: PlatterConfiguration, log: Logger) -> ProxyServices {
        var readAhead = ReadAhead.Settings()
        readAhead.seconds = configuration.readAheadSeconds
        // What is fetched ahead is not evicted: it may take a part of the cache, not all of it.
        readAhead.most = min(readAhead.most, configuration.maximumSize / 4)
        let readers = ReaderServices(
            queue: queue,
            verifier: Verifier(index: store.index, executor: executor, log: log),
            spans: table.spans,
            accesses: AccessNotes(index: store.index, wallClock: System.wallClock, log: log),
            clock: clock, readAhead: readAhead,
            filler: configuration.fillsInBackground ? Filler(queue: queue) : nil)
        return ProxyServices(
            routes: Routes(
                origin: configuration.origin.flatMap { try? OriginURL($0) },
                named: configuration.namedOrigins.compactMapValues { try? OriginURL($0) },
                streams: streams),
            table: table, index: store.index, readers: readers,
            bypass: Bypass(origin: origins.passing, wallClock: System.wallClock),
            wallClock: System.wallClock, log: log)
    }
}
