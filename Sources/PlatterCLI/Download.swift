import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import PlatterAdmin
import PlatterHTTP
import PlatterOrigin

/// One file on its way from the cache to where a person wants it.
struct Download {
    enum Failure: Error, CustomStringConvertible {
        case refused(Refusal)
        case brokenOff(Int64, DownloadTarget.Resumption)
        /// The daemon through which it went, after so many bytes.
        case daemonEnded(Int64, DownloadTarget.Resumption)

        var description: String {
            switch self {
            case .refused(let refusal): refusal.description
            case .brokenOff(let bytes, let resumption):
                "the origin broke off after \(Output.bytes(bytes)); \(resumption)"
            case .daemonEnded(let bytes, let resumption):
                "the daemon ended after \(Output.bytes(bytes)); \(resumption)"
            }
        }
    }

    let url: OriginURL
    let output: String
    /// As the person calls it.
    let name: String
    /// nil where the cache is in this very process.
    let daemon: AdminClient?

    func run() async throws {
        let target = try DownloadTarget(output)
        defer { target.close() }
        // What the origin has compressed is kept so: its length and its entity tag are about that.
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(90))
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.eventLoop.makeCompletedFuture { try RequestTarget.add(to: channel) }
        }
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Void, any Error>
        do {
            try await fetch(client, target)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        try result.get()
        try target.finish()
    }

    /// Once more from the start where it breaks off because the origin has another version by now.
    private func fetch(_ client: HTTPClient, _ target: DownloadTarget) async throws {
        do {
            if target.resumption == .goesOn, let (size, etag) = target.begun {
                try await goOn(client, from: size, of: etag, into: target)
            } else {
                try await beginAnew(client, target)
            }
        } catch let failure as Failure {
            guard case .brokenOff(let bytes, _) = failure, let (_, etag) = target.begun,
                await isReplaced(client, bytes, of: etag, target)
            else { throw failure }
            Output.error(Self.isReplacedText)
            try await beginAnew(client, target)
        }
    }

    /// Whether the origin has another version than this one. Where it does not answer it is not known to.
    private func isReplaced(
        _ client: HTTPClient, _ bytes: Int64, of etag: String, _ target: DownloadTarget
    ) async -> Bool {
        guard let response = try? await head(client, begun: bytes, target), response.status == .ok,
            let current = response.headers.first(name: "ETag")
        else { return false }
        return current != etag
    }

    private func goOn(
        _ client: HTTPClient, from offset: Int64, of etag: String, into target: DownloadTarget
    ) async throws {
        var request = HTTPClientRequest(url)
        request.headers.add(name: "Range", value: "bytes=\(offset)-")
        request.headers.add(name: "If-Range", value: etag)
        let response = try await ask(client, request, begun: offset, target)
        switch response.status {
        case .ok: try await receive(response, into: target, from: 0)
        // Not every origin honours `If-Range`.
        case .partialContent where isRest(response, from: offset, of: etag):
            try await receive(response, into: target, from: offset)
        case .partialContent:
            Output.error(Self.isReplacedText)
            try await beginAnew(client, target)
        case .rangeNotSatisfiable:
            // All of it was there already when the last try ended, or it is another file by now.
            if try await !isWhole(client, offset, of: etag, target) {
                try await beginAnew(client, target)
            }
        default: throw Failure.refused(Refusal(response))
        }
    }

    private static let isReplacedText =
        "platter: the origin has another version by now; it is fetched from its start"

    /// Whether a 206 is what lies behind the bytes that are there, and of their version.
    private func isRest(
        _ response: HTTPClientResponse, from offset: Int64, of etag: String
    ) -> Bool {
        guard response.headers["ETag"] == [etag], response.headers["Content-Range"].count == 1,
            let field = response.headers.first(name: "Content-Range"),
            case .range(let range, _)? = ContentRange.parse(field)
        else { return false }
        return range.lowerBound == offset
    }

    private func beginAnew(_ client: HTTPClient, _ target: DownloadTarget) async throws {
        let response = try await ask(client, HTTPClientRequest(url), begun: 0, target)
        guard response.status == .ok else {
            target.discard()
            throw Failure.refused(Refusal(response))
        }
        try await receive(response, into: target, from: 0)
    }

    /// Whether so many bytes are all of the version that has this tag.
    private func isWhole(
        _ client: HTTPClient, _ length: Int64, of etag: String, _ target: DownloadTarget
    ) async throws -> Bool {
        let response = try await head(client, begun: length, target)
        guard response.status == .ok else { throw Failure.refused(Refusal(response)) }
        return response.headers.first(name: "ETag") == etag
            && response.headers.first(name: "Content-Length") == "\(length)"
    }

    /// What the daemon, or the origin, says of the file now.
    private func head(
        _ client: HTTPClient, begun: Int64, _ target: DownloadTarget
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url)
        request.method = .HEAD
        return try await ask(client, request, begun: begun, target)
    }

    /// - Parameter begun: Bytes that are there already.
    private func ask(
        _ client: HTTPClient, _ request: HTTPClientRequest, begun: Int64, _ target: DownloadTarget
    ) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch {
            throw await brokenOff(after: begun, target)
        }
    }

    private func receive(
        _ response: HTTPClientResponse, into target: DownloadTarget, from offset: Int64
    ) async throws {
        try target.begin(at: offset, etag: response.headers.first(name: "ETag"))
        let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        // An origin may claim a length that ends behind the largest number.
        let total = length.map { $0 > .max - offset ? .max : $0 + offset }
        var bar = ProgressBar(name: name, start: offset, total: total)
        var position = offset
        do {
            for try await buffer in response.body {
                try target.write(Data(buffer.readableBytesView))
                position += Int64(buffer.readableBytes)
                bar.show(position)
            }
        } catch let error as DownloadTarget.Flaw {
            bar.end()
            throw error
        } catch {
            bar.end()
            throw await brokenOff(after: position, target)
        }
        bar.end()
        if let total, position < total { throw await brokenOff(after: position, target) }
    }

    /// Whoever it was: a daemon that is gone does not answer.
    private func brokenOff(after bytes: Int64, _ target: DownloadTarget) async -> Failure {
        let resumption = target.resumption
        guard let daemon else { return .brokenOff(bytes, resumption) }
        do {
            _ = try await daemon.get("/status", as: AdminMessages.Status.self)
        } catch AdminClient.Failure.noDaemon {
            return .daemonEnded(bytes, resumption)
        } catch {}
        return .brokenOff(bytes, resumption)
    }
}

/// An answer that is no file, as people are told of it.
struct Refusal: CustomStringConvertible {
    let code: UInt
    /// The word of the cache for why; see README. nil: it is the origin's own answer.
    let detail: String?

    init(_ response: HTTPClientResponse) {
        code = response.status.code
        // The last member is of the cache that was asked.
        let parameters = response.headers["Cache-Status"].last?.split(separator: ";") ?? []
        detail = parameters.lazy.map { $0.drop { $0 == " " } }
            .last { $0.hasPrefix("detail=") }.map { String($0.dropFirst("detail=".count)) }
    }

    var description: String {
        switch (code, detail) {
        case (_, "origin-unreachable"):
            "the origin cannot be reached (\(code)): no connection, or it ended without an answer; \(again)"
        case (_, "origin-timeout"):
            "the origin cannot be reached, or does not answer in time (\(code)); \(again)"
        case (_, "origin-error"): "the origin answers with a fault (\(code)); \(again)"
        case (_, "origin-invalid"):
            "what the origin answers cannot be used (\(code)): redirects without end, or a response that contradicts itself"
        case (_, "origin-certificate"):
            "the certificate of the origin is not trusted (\(code)); the log says what to do"
        case (_, "stopping"): "the daemon is being stopped (\(code)); \(again)"
        case (404, _): "the origin does not have it (404)"
        case (401, _), (403, _):
            "the origin refuses (\(code)); pass credentials with --header 'Authorization: …'"
        case (503, _): "the origin cannot be reached, or fails (503); \(again)"
        default: "the answer was \(code)"
        }
    }

    private var again: String { "try again, nothing is lost" }
}
