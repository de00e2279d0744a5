import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import PlatterCore

/// A real HTTP/1.1 server on loopback that is right by default and wrong on demand. Serves
/// resources set by path, counts what it does, and can be slow, broken or away.
package final class ScriptedOrigin: Sendable {
    let state = NIOLockedValueBox(OriginState())
    let find: @Sendable (_ path: String) -> Resource?
    let hasControl: Bool
    private let sendBuffer: Int?
    let started = Moment.uptime()
    private let boundPort = NIOLockedValueBox(0)
    private let host: String
    private let shown: NIOLockedValueBox<TestCertificate?>

    private init(
        host: String, hasControl: Bool, sendBuffer: Int?, certificate: TestCertificate?,
        find: @escaping @Sendable (_ path: String) -> Resource?
    ) {
        self.host = host
        self.hasControl = hasControl
        self.sendBuffer = sendBuffer
        shown = NIOLockedValueBox(certificate)
        self.find = find
    }

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - hasControl: Whether `/-/...` is the control interface, for programs in other processes.
    ///   - sendBuffer: SO_SNDBUF in bytes, so that little is in the kernel that counts as written;
    ///     nil leaves it to the kernel, which takes megabytes.
    ///   - certificate: nil: without TLS.
    ///   - find: What paths have where nothing was set. May block for the time of a stat.
    /// - Throws: An `IOError` when the port is taken.
    package static func start(
        port: Int = 0, host: String = "127.0.0.1", hasControl: Bool = false,
        sendBuffer: Int? = nil, certificate: TestCertificate? = nil,
        find: @escaping @Sendable (_ path: String) -> Resource? = { _ in nil }
    ) async throws -> ScriptedOrigin {
        let origin = ScriptedOrigin(
            host: host, hasControl: hasControl, sendBuffer: sendBuffer, certificate: certificate,
            find: find)
        origin.boundPort.withLockedValue { $0 = port }
        try await origin.resumeListening()
        return origin
    }

    /// Stops listening and resets every connection. Returns when all are closed.
    package func stop() async throws {
        try await stopListening(closing: .reset)
    }

    package var port: Int { boundPort.withLockedValue { $0 } }

    /// Without a slash at its end.
    package var baseURL: String { "\(certificate == nil ? "http" : "https")://\(host):\(port)" }

    /// What it shows on connections from now on; nil: it does not speak TLS.
    package var certificate: TestCertificate? {
        get { shown.withLockedValue { $0 } }
        set { shown.withLockedValue { $0 = newValue } }
    }

    package func url(_ path: String) -> String { baseURL + path }

    /// An address of loopback that nobody else uses, where the system has more than one: a port of an origin that is
    /// away is not taken by another one meanwhile.
    package static func ownAddress() -> String {
        #if os(Linux)
            "127.\(Int.random(in: 16...250)).\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
        #else
            "127.0.0.1"
        #endif
    }

    // MARK: Listening

    /// The origin goes down: new connections are refused by the kernel.
    ///
    /// - Parameter ending: How the open connections end; nil or `keepAlive` leaves them open.
    package func stopListening(closing ending: Ending?) async throws {
        let (listener, connections) = state.withLockedValue { state in
            (state.listener.take(), Array(state.connections.values))
        }
        try await listener?.close()
        guard let ending, ending != .keepAlive else { return }
        for connection in connections { connection.close(ending) }
        for connection in connections { try await connection.closeFuture.get() }
    }

    /// The origin comes back, on the same port.
    ///
    /// - Throws: An `IOError` when the port was taken meanwhile.
    package func resumeListening() async throws {
        guard state.withLockedValue({ $0.listener == nil }) else { return }
        let listener = try await bootstrap.bind(host: host, port: port).get()
        boundPort.withLockedValue { $0 = listener.localAddress?.port ?? $0 }
        state.withLockedValue { state in
            state.listener = listener
            state.notify()
        }
    }

    private var bootstrap: ServerBootstrap {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let certificate { try pipeline.addHandler(certificate.handler()) }
                    try pipeline.addHandlers([
                        ByteToMessageHandler(HTTPRequestDecoder()), OriginConnection(origin: self),
                    ])
                }
            }
        guard let sendBuffer else { return bootstrap }
        return bootstrap.childChannelOption(.socketOption(.so_sndbuf), value: sendBuffer)
    }

    /// Down for a while, then up again. Returns at once.
    package func pauseListening(for duration: Duration, closing ending: Ending?) {
        Task {
            try await stopListening(closing: ending)
            let delay = TimeAmount.nanoseconds(max(0, duration.nanosecondsClamped))
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            try await loop.scheduleTask(in: delay) {}.futureResult.get()
            // If someone took the port in between there is nobody to tell: the origin stays down.
            try await resumeListening()
        }
    }
}

// MARK: What it serves, and how

extension ScriptedOrigin {
    package func serve(_ resource: Resource, at path: String) {
        state.withLockedValue { $0.resources[path] = resource }
    }

    package func remove(_ path: String) {
        state.withLockedValue { $0.resources[path] = nil }
    }

    /// From the next request on. More than one at a path are all in force.
    ///
    /// - Parameter path: nil is every path.
    package func behave(_ behaviour: Behaviour, at path: String? = nil) {
        state.withLockedValue {
            $0.behaviours[path ?? OriginState.everyPath, default: []].append(behaviour)
        }
    }

    /// The same for a vice that stays until it is cleared, or for so many requests.
    package func behave(_ vice: Vice, at path: String? = nil, times: Int? = nil) {
        behave(Behaviour(vice, times: times), at: path)
    }

    /// The path redirects to signed targets, which have its resource until they stop working; nil
    /// serves it directly again.
    package func sign(_ path: String, with rule: SigningRule?) {
        state.withLockedValue { $0.signed.set(rule, at: path) }
    }

    /// Good again, at all paths.
    package func clearBehaviours() {
        state.withLockedValue { $0.behaviours = [:] }
    }

    package var pace: Pace {
        get { state.withLockedValue { $0.pace } }
        set { state.withLockedValue { $0.set(newValue) } }
    }

    /// Connections are accepted and closed at once; nil serves them again.
    package func refuseConnections(with ending: Ending?) {
        state.withLockedValue { $0.refusal = ending == .keepAlive ? nil : ending }
    }

    /// A copy of the counters and the log.
    package var ledger: Ledger { state.withLockedValue { $0.ledger } }

    package func resetLedger() { state.withLockedValue { $0.ledger.reset() } }

    /// Returns the ledger as soon as it meets the condition, which is asked after every change.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func wait(until isMet: @Sendable (Ledger) -> Bool) async throws -> Ledger {
        try await wait(for: { state in isMet(state.ledger) ? state.ledger : nil })
    }

    /// Returns as soon as the origin listens.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func waitUntilListening() async throws {
        try await wait(for: { state in state.listener.map { _ in } })
    }

    private func wait<Value: Sendable>(for value: (OriginState) -> Value?) async throws -> Value {
        let (number, changes) = state.withLockedValue { $0.watch() }
        defer { state.withLockedValue { $0.unwatch(number) } }
        for await _ in changes {
            if let found = value(state.withLockedValue { $0 }) { return found }
        }
        throw CancellationError()
    }
}

/// Runs `body` with an origin of its own, and stops that whatever happens. One that goes away and comes
/// back needs an address of its own, else another test may take its port meanwhile.
package func withScriptedOrigin<Result>(
    host: String = "127.0.0.1", hasControl: Bool = false, certificate: TestCertificate? = nil,
    _ body: (ScriptedOrigin) async throws -> Result
) async throws -> Result {
    let origin = try await ScriptedOrigin.start(
        host: host, hasControl: hasControl, certificate: certificate)
    do {
        let result = try await body(origin)
        try await origin.stop()
        return result
    } catch {
        try await origin.stop()
        throw error
    }
}
