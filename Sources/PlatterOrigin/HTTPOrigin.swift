import AsyncHTTPClient
import HTTPTypes
import NIOConcurrencyHelpers
package import NIOCore
import NIOHTTP1
import NIOPosix
import PlatterCore
import PlatterHTTP

/// Origins over HTTP/1.1, with and without TLS.
package final class HTTPOrigin: Origin {
    /// Limits and names.
    package struct Settings: Sendable {
        /// For the connection, TLS included [10 s].
        package var connectTimeout = Duration.seconds(10)
        /// A connection that brings nothing for so long counts as broken [15 s]; nil: never, for
        /// bodies that are taken as slowly as a player likes.
        package var stallTimeout: Duration? = .seconds(15)
        /// Idle connections are kept for so long [60 s].
        package var keepAlive = Duration.seconds(60)
        /// Redirects followed for one request [5].
        package var redirects = 5
        /// Connections to one origin at most [256]: the scheduler has limits of its own, and what is
        /// passed through must not stand in its way.
        package var connectionsPerOrigin = 256
        /// Bytes read from a socket at once [256 KiB]: four times the usual, for half the CPU.
        package var receiveBuffer = 256 << 10
        /// Bodies of redirects and refusals are read to their end up to this size [16 KiB]; beyond it a
        /// new connection is cheaper.
        package var discardedBody: Int64 = 16 << 10
        /// And for so long [250 ms]: nobody is to wait for what is thrown away.
        package var discardTime = Duration.milliseconds(250)
        /// Who is given up after so many seconds without an answer is told of as failing [5].
        package var patience: Int64 = 5
        package var userAgent = "Platter"
        /// Trusted for TLS beside those of the system [none].
        package var authorities = CertificateAuthorities()

        package init() {}
    }

    private let client: HTTPClient
    private let settings: Settings
    private let wallClock: @Sendable () -> Int64
    private let log: OriginLog?
    private let hints = NIOLockedValueBox(RedirectHints())

    /// - Parameters:
    ///   - log: Told which hosts answer and which do not.
    ///   - wallClock: Seconds since 1970.
    package init(
        group: any EventLoopGroup, settings: Settings = Settings(), log: OriginLog? = nil,
        wallClock: @escaping @Sendable () -> Int64 = WallClock.now
    ) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .nanoseconds(settings.connectTimeout.nanosecondsClamped),
                read: settings.stallTimeout.map { .nanoseconds($0.nanosecondsClamped) }),
            decompression: .disabled)
        // Over HTTP/2 a status below 0 traps in the library, where nothing can be put before it
        // (swift-nio-http2 with swift-nio 2.101).
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .nanoseconds(
            settings.keepAlive.nanosecondsClamped)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            settings.connectionsPerOrigin
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.tlsConfiguration = settings.authorities.clientConfiguration
        let size = settings.receiveBuffer
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.eventLoop.makeCompletedFuture {
                try StatusGuard.add(to: channel)
                try RequestTarget.add(to: channel)
            }.flatMap {
                channel.setOption(
                    .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: size))
            }
        }
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        self.settings = settings
        self.log = log
        self.wallClock = wallClock
    }

    package func shutdown() async {
        // Closing twice, or while a request ends, is the only failure, and harmless.
        try? await client.shutdown()
    }

    package func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse {
        let source = RedirectHints.Source(url: request.url, fields: request.fields)
        var refused: RedirectHints.Target?
        // Twice: while one target refused this fetch, another fetch may have found a new one.
        for _ in 0..<2 {
            let hint = hints.withLockedValue { $0.target(of: source, now: wallClock()) }
            guard let target = hint, target != refused else { break }
            if let response = try await ask(target, of: source, request) {
                return response
            }
            refused = target
        }
        return try await resolve(source, range: request.range)
    }

    /// Asks where a redirect has led before.
    ///
    /// - Returns: nil when the source is to be asked again.
    private func ask(
        _ target: RedirectHints.Target, of source: RedirectHints.Source, _ request: OriginRequest
    ) async throws(OriginError) -> OriginResponse? {
        let response: OriginResponse
        let askedAt = wallClock()
        hints.withLockedValue { $0.asked(target, of: source, now: askedAt) }
        do {
            response = try await send(target.url, fields: target.fields, range: request.range)
        } catch .cancelled {
            let now = wallClock()
            hints.withLockedValue {
                $0.cancelled(target, of: source, askedAt: askedAt, now: now)
            }
            throw .cancelled
        } catch {
            hints.withLockedValue { $0.drop(target, of: source) }
            return nil
        }
        hints.withLockedValue { $0.answered(target, of: source, askedAt: askedAt) }
        var trust = RedirectHints.trust(status: response.status, fields: response.fields)
        if trust == .keep, !request.isHopedFor(response.status, response.fields) {
            trust = .refused
        }
        if trust != .keep { hints.withLockedValue { $0.drop(target, of: source) } }
        guard trust == .refused else { return response }
        await discard(response)
        return nil
    }

    /// Asks the source, and follows where it leads.
    private func resolve(
        _ source: RedirectHints.Source, range: AskedRange?
    ) async throws(OriginError) -> OriginResponse {
        var (url, fields) = (source.url, source.fields)
        var visited: Set<OriginURL> = [url]
        var lifetime: Int64?
        for _ in 0...settings.redirects {
            let response = try await send(url, fields: fields, range: range)
            guard Redirect.statuses.contains(response.status) else {
                let target = RedirectHints.Target(url: url, fields: fields)
                note(target, of: source, response, lifetime: lifetime)
                log?.led(by: visited, to: url)
                return response
            }
            await discard(response)
            guard let (next, kept) = follow(response, from: url, fields: fields) else {
                throw misled(by: url, "it redirects to nowhere, or to what is no https any more")
            }
            guard visited.insert(next).inserted else {
                throw misled(by: url, "it redirects in a circle")
            }
            let stated = RedirectHints.lifetime(
                of: response.fields, to: next, now: wallClock())
            lifetime = [lifetime, stated].compactMap(\.self).min()
            (url, fields) = (next, kept)
        }
        throw misled(by: source.url, "it redirects more than \(settings.redirects) times")
    }

    private func follow(
        _ response: OriginResponse, from url: OriginURL, fields: HTTPFields
    ) -> (OriginURL, HTTPFields)? {
        let locations = response.fields[values: .location]
        guard locations.count == 1, let location = locations.first else { return nil }
        return try? Redirect.follow(location, from: url, fields: fields)
    }

    private func misled(by url: OriginURL, _ reason: String) -> OriginError {
        log?.failed(url, because: reason)
        return .badRedirect
    }

    /// What the end of a chain of redirects says about where to ask next time.
    private func note(
        _ target: RedirectHints.Target, of source: RedirectHints.Source,
        _ response: OriginResponse, lifetime: Int64?
    ) {
        let isGood = RedirectHints.isWorthKeeping(
            status: response.status, fields: response.fields)
        hints.withLockedValue { hints in
            switch response.status {
            case _ where isGood && target.url != source.url:
                hints.learn(target, of: source, lifetime: lifetime, now: wallClock())
            // These pass; an older target may still serve.
            case 408, 425, 429, 500...599: break
            default: hints.forget(source)
            }
        }
    }

    /// Reads an answer of no use to its end, so that its connection can be used again, unless that
    /// takes too long.
    private func discard(_ response: OriginResponse) async {
        guard let length = response.fields[.contentLength].flatMap({ Int64($0) }),
            length <= settings.discardedBody
        else { return }
        let body = response.body
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Where it breaks off, only the connection is lost.
                do { for try await _ in body {} } catch {}
            }
            group.addTask { [time = settings.discardTime] in
                // Ends early when the body has.
                try? await Task.sleep(for: time)
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func send(
        _ url: OriginURL, fields: HTTPFields, range: AskedRange?
    ) async throws(OriginError) -> OriginResponse {
        let named = fields.map { ($0.name.rawName, $0.value) }
        var request = HTTPClientRequest(url, fields: HTTPHeaders(named))
        // What a player accepts says nothing here: offsets count the bytes as they are stored.
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        if !request.headers.contains(name: "User-Agent") {
            request.headers.add(name: "User-Agent", value: settings.userAgent)
        }
        if let range { request.headers.replaceOrAdd(name: "Range", value: range.fieldValue) }
        let askedAt = wallClock()
        let response: OriginResponse
        do {
            let answer = try await client.execute(request, deadline: .distantFuture)
            response = Self.response(answer) { [log] ending in
                // Others are not what was asked for.
                if [200, 206].contains(answer.status.code) { log?.ended(url, ending) }
            }
        } catch {
            throw told(error, of: url, askedAt: askedAt)
        }
        // Nobody undoes these: the body would be taken for something that it is not.
        guard response.fields.areUncodedInTransfer else {
            log?.failed(url, because: "its answer is in a transfer coding")
            throw .invalid
        }
        switch response.status {
        case 500...599: log?.failed(url, because: "it answers \(response.status)")
        // Their bodies speak for it, and where it leads.
        case 200, 206: break
        case _ where Redirect.statuses.contains(response.status): break
        default: log?.answered(url)
        }
        return response
    }

    /// What the failure is to those who asked; people are told why.
    private func told(_ error: any Error, of url: OriginURL, askedAt: Int64) -> OriginError {
        let failure = OriginError(error)
        guard failure == .cancelled else {
            log?.failed(
                url, because: FailureReason.text(error),
                isOfCertificate: failure == .badCertificate)
            return failure
        }
        // Who asked has lost patience, or has gone.
        if askedAt.addingClamped(settings.patience) <= wallClock() {
            log?.failed(url, because: "no answer in time")
        }
        return failure
    }

    private static func response(
        _ response: HTTPClientResponse, report: @escaping @Sendable (BodyReport.Ending) -> Void
    ) -> OriginResponse {
        var fields = HTTPFields()
        fields.reserveCapacity(response.headers.count)
        for (name, value) in response.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return OriginResponse(
            status: Int(response.status.code), fields: fields, body: response.body,
            report: report)
    }
}
