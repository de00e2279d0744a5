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
        let response: HTTPClientResponse
        do {
            response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        } catch {
            throw Failure.noDaemon(base)
        }
        let body = Data(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        guard response.status == .ok else {
            let problem = try? JSONDecoder().decode(Problem.self, from: body)
            throw Failure.refused(
                problem?.error.message ?? "the daemon answered \(response.status)")
        }
        return try JSONDecoder().decode(type, from: body)
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
