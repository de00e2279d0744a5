/// The edge that faces people and their tools: a small JSON interface on a listener of its own.

import Foundation
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import PlatterCache
import PlatterHTTP
import PlatterStore

/// The admin interface, while it listens.
package final class AdminServer: Sendable {
    package let port: Int
    private let task: Task<Void, any Error>

    private init(port: Int, task: Task<Void, any Error>) {
        self.port = port
        self.task = task
    }

    package static func start(
        host: String, port: Int, services: AdminServices, log: Logger
    ) async throws -> AdminServer {
        let (ports, ready) = AsyncThrowingStream<Int, any Error>.makeStream()
        var quiet = log
        // Its only error is that it is stopped by cancellation, which is how it is stopped.
        quiet.logLevel = .critical
        let application = Application(
            responder: routes(services).buildResponder(),
            configuration: .init(address: .hostname(host, port: port), serverName: "Platter"),
            onServerRunning: { channel in
                ready.yield(channel.localAddress?.port ?? port)
                ready.finish()
            },
            logger: quiet)
        let task = Task {
            do {
                try await application.run()
            } catch {
                ready.finish(throwing: error)
                throw error
            }
        }
        for try await taken in ports { return AdminServer(port: taken, task: task) }
        throw CancellationError()
    }

    package func stop() async {
        task.cancel()
        // It ends with the cancellation, which is no news.
        _ = try? await task.value
    }

    private static func routes(
        _ services: AdminServices
    ) -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: LocalCallersOnly())
        router.add(middleware: IndexFailures())
        router.get("status") { _, _ in
            let activity = services.queue.activity
            return try json(
                AdminMessages.Status(
                    url: services.publicURL, connections: services.connections(),
                    fetches: activity.flights, demands: activity.demands,
                    waiting: activity.waiting))
        }
        router.get("entries") { request, _ in
            let after = request.uri.queryParameters["after"].flatMap { Int64(String($0)) } ?? 0
            return try json(
                try await services.search.read { (index) throws(IndexError) in
                    try EntryViews.page(of: index, after: after)
                })
        }
        router.get("entries/:id") { _, context in
            guard let id = context.parameters.get("id", as: Int64.self) else {
                throw problem(.badRequest, "the entry's id must be a number; `platter ls` shows it")
            }
            let map = try await services.search.read { (index) throws(IndexError) in
                try EntryViews.map(of: id, index: index)
            }
            guard let map else { throw problem(.notFound, "there is no entry \(id)") }
            return try json(map)
        }
        router.post("streams") { request, _ in
            let (url, fields) = try await stream(request)
            if OwnAddress(services.publicURL).holds(url) {
                // It is a local URL already; as an origin of its own its object would be stored twice.
                guard fields.isEmpty else { throw problem(.badRequest, ownURL) }
                return try json(AdminMessages.Registered(url: url.description))
            }
            let path = services.streams.register(url, fields: fields)
            return try json(AdminMessages.Registered(url: services.publicURL + path))
        }
        router.post("prefetch") { request, _ in
            let (url, fields) = try await stream(request)
            if OwnAddress(services.publicURL).holds(url) { throw problem(.badRequest, ownURL) }
            try await services.prefetcher.prefetch(Resource(url, fields: fields))
            return Response(status: .accepted)
        }
        router.post("verify") { request, _ in
            verify(services, repairs: request.uri.queryParameters["repair"] == "true")
        }
        return router
    }

    private static let ownURL =
        "this is a URL of Platter itself; pass the remote URL that it stands for"

    /// A line of JSON for each step, so that a person sees how far it has come.
    private static func verify(_ services: AdminServices, repairs: Bool) -> Response {
        let body = ResponseBody { writer in
            func write(_ line: AdminMessages.Verification) async throws {
                var data = try JSONEncoder().encode(line)
                data.append(UInt8(ascii: "\n"))
                try await writer.write(ByteBuffer(bytes: data))
            }
            do {
                let report = try await VerificationViews.run(
                    services.scrub, repairs: repairs, found: { services.damage.found($0) },
                    progress: { try await write($0) })
                if report.isClean { services.damage.foundClean() }
                try await write(.init(done: report.bytes, total: report.bytes, report: report))
            } catch let error as IndexError {
                try await write(.init(done: 0, total: 0, error: error.explanation))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    private static func stream(_ request: Request) async throws -> (OriginURL, HTTPFields) {
        let body = try await request.body.collect(upTo: 64 << 10)
        let message: AdminMessages.Stream
        do {
            message = try AdminMessages.Stream(json: Data(body.readableBytesView))
        } catch {
            throw problem(
                .badRequest, #"the body must be {"url": "...", "headers": [{"name", "value"}]}"#)
        }
        do {
            let fields = try RequestFields.parse(
                (message.headers ?? []).map { ($0.name, $0.value) })
            return (try OriginURL(message.url), fields)
        } catch {
            throw problem(.badRequest, "\(error)")
        }
    }

    private static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(value)
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }

    private static func problem(_ status: HTTPResponse.Status, _ text: String) -> HTTPError {
        HTTPError(status, message: text)
    }
}
