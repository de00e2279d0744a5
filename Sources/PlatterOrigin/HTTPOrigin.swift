import AsyncHTTPClient
import HTTPTypes
package import NIOCore
import NIOHTTP1
import PlatterCore
import PlatterHTTP

/// Origins over HTTP/1.1 and HTTP/2, with and without TLS.
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
        package var userAgent = "Platter"

        package init() {}
    }

    private let client: HTTPClient
    private let settings: Settings

    package init(group: any EventLoopGroup, settings: Settings = Settings()) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .nanoseconds(settings.connectTimeout.nanosecondsClamped),
                read: settings.stallTimeout.map { .nanoseconds($0.nanosecondsClamped) }),
            decompression: .disabled)
        configuration.connectionPool.idleTimeout = .nanoseconds(
            settings.keepAlive.nanosecondsClamped)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            settings.connectionsPerOrigin
        configuration.connectionPool.retryConnectionEstablishment = false
        let size = settings.receiveBuffer
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.setOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: size))
        }
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        self.settings = settings
    }

    package func shutdown() async {
        // Closing twice, or while a request ends, is the only failure, and harmless.
        try? await client.shutdown()
    }

    package func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse {
        var url = request.url
        var fields = request.fields
        var visited: Set<OriginURL> = [url]
        for _ in 0...settings.redirects {
            let response = try await send(url, fields: fields, range: request.range)
            guard Redirect.statuses.contains(Int(response.status.code)),
                let location = response.headers.first(name: "Location")
            else { return Self.response(response) }
            let (next, kept) = try Redirect.follow(location, from: url, fields: fields)
            guard visited.insert(next).inserted else { throw .badRedirect }
            (url, fields) = (next, kept)
        }
        throw .badRedirect
    }

    private func send(
        _ url: OriginURL, fields: HTTPFields, range: AskedRange?
    ) async throws(OriginError) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url.description)
        for field in fields {
            request.headers.add(name: field.name.rawName, value: field.value)
        }
        // What a player accepts says nothing here: offsets count the bytes as they are stored.
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        if !request.headers.contains(name: "User-Agent") {
            request.headers.add(name: "User-Agent", value: settings.userAgent)
        }
        if let range { request.headers.replaceOrAdd(name: "Range", value: range.fieldValue) }
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch {
            throw OriginError(error)
        }
    }

    private static func response(_ response: HTTPClientResponse) -> OriginResponse {
        var fields = HTTPFields()
        fields.reserveCapacity(response.headers.count)
        for (name, value) in response.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return OriginResponse(
            status: Int(response.status.code), fields: fields, body: response.body)
    }
}

extension OriginError {
    init(_ error: any Error) {
        switch error {
        case let error as OriginError: self = error
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError
        where error == .readTimeout || error == .connectTimeout || error == .deadlineExceeded:
            self = .timedOut
        case let error as HTTPClientError where error == .cancelled: self = .cancelled
        default: self = .unreachable
        }
    }
}
