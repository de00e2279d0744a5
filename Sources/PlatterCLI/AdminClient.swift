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
        /// Somebody else answers there.
        case noInterface(String)
        case refused(String)

        var description: String {
            switch self {
            case .noDaemon(let url):
                "no daemon answers at \(url); start one with `platter serve`"
            case .noInterface(let url):
                "there is no admin interface of Platter at \(url); name it with --admin"
            case .refused(let reason): reason
            }
        }

        /// Of a command that also does without the daemon.
        var descriptionWithFolder: String {
            guard case .noDaemon = self else { return description }
            return description + ", or name a cache folder with --cache-dir"
        }
    }

    let base: String

    init(_ option: AdminOption) { base = option.admin.url }

    func get<Answer: Decodable>(_ path: String, as type: Answer.Type) async throws -> Answer {
        try await send(HTTPClientRequest(url: base + path), as: type)
    }

    /// The local URL of a remote one.
    func register(_ url: String, headers: [HeaderArgument]) async throws -> String {
        var request = post("/streams")
        let message = AdminMessages.Stream(
            url: url, headers: headers.map { .init(name: $0.name, value: $0.value) })
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(message)))
        return try await send(request, as: AdminMessages.Registered.self).url
    }

    /// Compares everything on disk; `progress` is called for each step.
    func verify(
        repairs: Bool, progress: (AdminMessages.Verification) -> Void
    ) async throws -> AdminMessages.VerificationReport {
        let request = post("/verify" + (repairs ? "?repair=true" : ""))
        return try await ask(request, deadline: .distantFuture) { response in
            try await checkStatus(of: response)
            var lines = ByteBuffer()
            for try await buffer in response.body {
                lines.writeImmutableBuffer(buffer)
                while let step = try Self.nextStep(&lines) {
                    if let error = step.error { throw Failure.refused(error) }
                    if let report = step.report { return report }
                    progress(step)
                }
            }
            throw Failure.refused("the daemon ended before it was done")
        }
    }

    private static func nextStep(
        _ lines: inout ByteBuffer
    ) throws -> AdminMessages.Verification? {
        guard let end = lines.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
            let line = lines.readSlice(length: end - lines.readerIndex + 1)
        else { return nil }
        lines.discardReadBytes()
        return try JSONDecoder().decode(
            AdminMessages.Verification.self, from: Data(line.readableBytesView))
    }

    private func send<Answer: Decodable>(
        _ request: HTTPClientRequest, as type: Answer.Type
    ) async throws -> Answer {
        try await ask(request, deadline: .now() + .seconds(30)) { response in
            try await checkStatus(of: response)
            let body = Data(try await response.body.collect(upTo: 64 << 20).readableBytesView)
            return try JSONDecoder().decode(type, from: body)
        }
    }

    /// With or without a body: no page of a browser can ask so without asking first.
    private func post(_ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base + path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        return request
    }

    private func checkStatus(of response: HTTPClientResponse) async throws {
        guard response.status != .ok else { return }
        // What is longer, or no JSON, is not of ours.
        if let body = try? await response.body.collect(upTo: 64 << 10),
            let problem = try? JSONDecoder().decode(
                Problem.self, from: Data(body.readableBytesView))
        {
            throw Failure.refused(problem.error.message)
        }
        guard response.headers.first(name: "Server") == "Platter" else {
            throw Failure.noInterface(base)
        }
        throw Failure.refused("the daemon answered \(response.status)")
    }

    /// Where nobody listens this is known at once.
    private func ask<Answer>(
        _ request: HTTPClientRequest, deadline: NIODeadline,
        _ read: (HTTPClientResponse) async throws -> Answer
    ) async throws -> Answer {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(3)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Answer, any Error>
        var isPlatter = false
        do {
            let response = try await client.execute(request, deadline: deadline)
            isPlatter = response.headers.first(name: "Server") == "Platter"
            result = .success(try await read(response))
        } catch let error as Failure {
            result = .failure(error)
        } catch is DecodingError {
            result = .failure(
                isPlatter
                    ? Failure.refused("the daemon is of another version; restart it")
                    : Failure.noInterface(base))
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

    /// The same for an option whose value cannot be.
    static func misuse(_ reason: String) -> ExitCode {
        Output.error("platter: \(reason)")
        return ExitCode.validationFailure
    }
}
