import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PlatterAdmin
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterProxy
import PlatterStore

/// The wiring diagram: makes each part and hands it those it needs. Nothing else.
final class Engine: Sendable {
    private let configuration: PlatterConfiguration
    private let group: MultiThreadedEventLoopGroup
    private let pools: [NIOThreadPool]
    private let store: Store
    private let origins: Origins
    private let caching: Caching
    private let proxy: ProxyServer
    private let admin: AdminServer?
    private let isStopped = NIOLockedValueBox(false)

    private init(
        configuration: PlatterConfiguration, group: MultiThreadedEventLoopGroup,
        pools: [NIOThreadPool], store: Store, origins: Origins, caching: Caching,
        proxy: ProxyServer, admin: AdminServer?
    ) {
        self.configuration = configuration
        self.group = group
        self.pools = pools
        self.store = store
        self.origins = origins
        self.caching = caching
        self.proxy = proxy
        self.admin = admin
    }

    static func start(_ configuration: PlatterConfiguration) async throws -> Engine {
        let log = makeLog()
        // Before the folder is made.
        let authorities = try Origins.authorities(configuration)
        let store = try Store(configuration, log: log)
        let loops = configuration.eventLoops == 0 ? System.coreCount : configuration.eventLoops
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let pool = NIOThreadPool(numberOfThreads: 8)
        pool.start()
        // Its own, so that reads do not wait for writes that hang.
        let readingPool = NIOThreadPool(numberOfThreads: 4)
        readingPool.start()
        let origins = Origins(
            group: group, authorities: authorities, stall: configuration.timing.stall, log: log)
        let caching = Caching(
            configuration, store: store, origins: origins, loop: group.next(),
            executor: IOExecutor(pool: pool), log: log)
        let disk = DiskWork(pool: readingPool, latency: store.latency)
        do {
            let endpoint: ProxyServer.Endpoint =
                configuration.inheritedSocket.map { .inherited(descriptor: $0) }
                ?? .address(host: configuration.host, port: configuration.port)
            let proxy = try await listening(.endpoint, configuration.host, configuration.port) {
                try await ProxyServer.start(
                    on: endpoint, group: group,
                    services: caching.proxyServices(configuration, disk: disk, log: log),
                    index: { [store] in store.makeReader() })
            }
            let admin = try await startAdmin(
                configuration, caching: caching, proxy: proxy, log: log)
            let engine = Engine(
                configuration: configuration, group: group, pools: [pool, readingPool],
                store: store,
                origins: origins, caching: caching, proxy: proxy, admin: admin)
            let warnings = configuration.warnings + [store.disk.warning].compactMap(\.self)
            for warning in warnings { log.warning("\(warning)") }
            if let warning = IndexWriter.libraryWarning { log.notice("\(warning)") }
            await caching.start()
            return engine
        } catch {
            await origins.shutdown()
            await store.close()
            try? await pool.shutdownGracefully()
            try? await readingPool.shutdownGracefully()
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func makeLog() -> Logger {
        var log = Logger(label: "platter")
        log.handler = PacedLogHandler(log.handler)
        return log
    }

    /// Says for which of the two addresses it did not work, and why.
    private static func listening<Server>(
        _ setting: PlatterConfiguration.Setting, _ host: String, _ port: Int,
        _ start: () async throws -> Server
    ) async throws -> Server {
        do {
            return try await start()
        } catch {
            throw PlatterError(
                .listening,
                "cannot listen on \(authority(host, port)): \(System.reason(notToListen: error))",
                setting: setting)
        }
    }

    private static func startAdmin(
        _ configuration: PlatterConfiguration, caching: Caching, proxy: ProxyServer, log: Logger
    ) async throws -> AdminServer? {
        guard let endpoint = configuration.admin else { return nil }
        let base = Self.baseURL(configuration, proxy)
        let services = AdminServices(
            search: caching.makeSearch(), streams: caching.streams, queue: caching.queue,
            prefetcher: caching.prefetcher, scrub: caching.upkeep.scrub,
            damage: caching.upkeep.damage, publicURL: base,
            connections: { proxy.connectionCount })
        return try await listening(.admin, endpoint.host, endpoint.port) {
            try await AdminServer.start(
                host: endpoint.host, port: endpoint.port, services: services, log: log)
        }
    }

    // MARK: - What the front door offers

    var baseURL: String { Self.baseURL(configuration, proxy) }

    private static func baseURL(
        _ configuration: PlatterConfiguration, _ proxy: ProxyServer
    ) -> String {
        // Of an inherited socket only its own address is known.
        let host =
            configuration.inheritedSocket == nil ? configuration.host : proxy.address.ipAddress
        return "http://"
            + authority(host ?? configuration.host, proxy.address.port ?? configuration.port)
    }

    var adminURL: String? {
        guard let admin, let endpoint = configuration.admin else { return nil }
        return "http://\(Self.authority(endpoint.host, admin.port))"
    }

    func localURL(
        for url: String, headers: [(name: String, value: String)]
    ) throws(PlatterError) -> String {
        let (url, fields) = try Self.parse(url, headers)
        return baseURL + caching.streams.register(url, fields: fields)
    }

    func prefetch(_ url: String, headers: [(name: String, value: String)]) async throws {
        let (url, fields) = try Self.parse(url, headers)
        try await caching.prefetcher.prefetch(Resource(url, fields: fields))
    }

    func status(
        of url: String, headers: [(name: String, value: String)]
    ) async throws -> ObjectStatus? {
        let (url, fields) = try Self.parse(url, headers)
        let key = Resource(url, fields: fields).key
        guard let summary = try await caching.search.summary(of: key),
            let state = ObjectStatus.State(rawValue: summary.state.rawValue)
        else { return nil }
        return ObjectStatus(
            state: state, completeLength: summary.completeLength,
            presentBytes: summary.presentBytes)
    }

    var responseCount: Int { proxy.responseCount }

    func stop(drain: Duration) async {
        let isFirst = isStopped.withLockedValue { isStopped in
            defer { isStopped = true }
            return !isStopped
        }
        guard isFirst else { return }
        await proxy.stop(drain: drain)
        await admin?.stop()
        await caching.stop()
        await origins.shutdown()
        await store.close()
        // Both only fail when they were shut down before.
        for pool in pools { try? await pool.shutdownGracefully() }
        try? await group.shutdownGracefully()
    }

    // MARK: - Input

    static func problem(ofOrigin text: String) -> String? {
        do throws(OriginURL.Flaw) {
            let url = try OriginURL(text)
            if text.contains("#") {
                return "an origin has no fragment; leave out what follows the #"
            }
            return url.query == nil ? nil : "an origin has no query; leave out what follows the ?"
        } catch .userInformation {
            return """
                an origin must not hold a user name or password; register its URLs with an Authorization \
                header of their own (platter url --header)
                """
        } catch {
            return "\(error), as in https://media.example"
        }
    }

    private static func parse(
        _ text: String, _ headers: [(name: String, value: String)]
    ) throws(PlatterError) -> (OriginURL, HTTPFields) {
        let url: OriginURL
        do throws(OriginURL.Flaw) {
            url = try OriginURL(text)
        } catch {
            throw PlatterError(.invalidRequest, error.description)
        }
        do throws(RequestFields.Flaw) {
            return (url, try RequestFields.parse(headers.map { ($0.name, $0.value) }))
        } catch {
            throw PlatterError(.invalidRequest, error.description)
        }
    }

    private static func authority(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
