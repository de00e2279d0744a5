import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PlatterAdmin

/// Asks the running daemon.
struct AdminClient {
    enum Failure: Error, CustomStringConvertible {
        case noDaemon(String)
        case refused(String)

        var description: String {
            switch self {
            case .noDaemon(let url):
                "no daemon answers at \(url); start one with `platter serve`"
            case .refused(let reason): reason
            }
        }
    }

    let base: String

    init(_ option: AdminOption) { base = option.admin.url }

    func get<Answer: Decodable>(_ path: String, as type: Answer.Type) async throws -> Answer {
        try await send(HTTPClientRequest(url: base + path), as: type)
    }

    /// The local URL of a remote one.
    func register(_ url: String, headers: [HeaderArgument]) async throws -> String {
        var request = HTTPClientRequest(url: base + "/streams")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        let message = AdminMessages.Stream(
            url: url, headers: headers.map { .init(name: $0.name, value: $0.value) })
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(message)))
        return try await send(request, as: AdminMessages.Registered.self).url
    }

    private func send<Answer: Decodable>(
        _ request: HTTPClientRequest, as type: Answer.Type
    ) async throws -> Answer {
        let (status, body) = try await answer(to: request)
        guard status == .ok else {
            let problem = try? JSONDecoder().decode(Problem.self, from: body)
            throw Failure.refused(problem?.error.message ?? "the daemon answered \(status)")
        }
        return try JSONDecoder().decode(type, from: body)
    }

    /// Where nobody listens this is known at once.
    private func answer(
        to request: HTTPClientRequest
    ) async throws -> (status: HTTPResponseStatus, body: Data) {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(3)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<(status: HTTPResponseStatus, body: Data), any Error>
        do {
            let response = try await client.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: 64 << 20)
            result = .success((response.status, Data(body.readableBytesView)))
        } catch {
            result = .failure(Failure.noDaemon(base))
        }
        try await client.shutdown()
        return try result.get()
    }

    private struct Problem: Decodable {
        struct Message: Decodable { let message: String }
        let error: Message
    }
}

extension CleanExit {
    /// A failure with its reason and nothing else: no usage, which would hide it.
    static func failure(_ reason: String) -> ExitCode {
        Output.error("platter: \(reason)")
        return ExitCode.failure
    }
}
