import Logging
import NIOCore
import NIOPosix
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterProxy
import PlatterStore

/// The parts that decide, wired up.
struct Caching: Sendable {
    let table: EntryTable
    let search: IndexSearch
    let queue: FetchDispatcher
    let streams = StreamRegistry()
    let prefetcher: Prefetcher
    private let origin: HTTPOrigin
    private let store: Store
    private let executor: IOExecutor
    private let clock = SystemClock()

    init(
        _ configuration: PlatterConfiguration, store: Store, origin: HTTPOrigin,
        loop: any EventLoop, executor: IOExecutor, log: Logger
    ) throws(PlatterError) {
        self.origin = origin
        self.store = store
        self.executor = executor
        table = EntryTable(disk: store.disk)
        do throws(IndexError) {
            search = IndexSearch(reader: try store.makeReader())
        } catch {
            throw PlatterError(.storage, error.description)
        }
        let services = FetchServices(
            origin: origin, disk: store.disk, index: store.index, search: search, table: table,
            clock: clock, wallClock: System.wallClock, executor: executor,
            chunkLength: configuration.chunkLength, log: log)
        var limits = FetchLimits()
        limits.total = configuration.fetches
        limits.perOrigin = configuration.fetchesPerOrigin
        queue = FetchDispatcher(
            limits: limits, clock: clock, loop: loop, pilot: FetchPilot(services: services))
        prefetcher = Prefetcher(
            queue: queue, table: table, index: store.index, search: search,
            wallClock: System.wallClock, log: log)
    }

    func proxyServices(_ configuration: PlatterConfiguration, log: Logger) -> ProxyServices {
        var readAhead = ReadAhead.Settings()
        readAhead.seconds = configuration.readAheadSeconds
        let readers = ReaderServices(
            queue: queue,
            verifier: Verifier(index: store.index, executor: executor, log: log),
            clock: clock, readAhead: readAhead,
            filler: configuration.fillsInBackground ? Filler(queue: queue) : nil)
        return ProxyServices(
            routes: Routes(
                origin: configuration.origin.flatMap { try? OriginURL($0) }, streams: streams),
            table: table, index: store.index, readers: readers,
            bypass: Bypass(origin: origin, wallClock: System.wallClock),
            wallClock: System.wallClock, log: log)
    }
}
