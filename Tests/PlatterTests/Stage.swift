import Foundation
import Platter
import PlatterCore
import PlatterTesting
import Testing

/// A scripted origin with one ramp, a cache in front of it in a folder of its own, and clients.
struct Stage {
    static let length: Int64 = 5_000_000
    static let path = "/film.mp4"

    let origin: ScriptedOrigin
    let platter: Platter
    let folder: String
    let content: RampContent

    /// Runs `body` on a stage, which is taken down whatever happens.
    static func run<Result>(
        length: Int64 = Stage.length, resource: Resource? = nil,
        configure: (inout PlatterConfiguration) -> Void = { _ in },
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        try await withScriptedOrigin { origin in
            let content = RampContent(length: length)
            origin.serve(
                resource ?? .ramp(length: length, entityTag: "\"v1\""), at: Stage.path)
            let folder = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var configuration = PlatterConfiguration(directory: folder)
            configuration.origin = origin.baseURL
            configuration.fillsInBackground = false
            configuration.chunkLength = 1 << 20
            configure(&configuration)
            let platter = try await Platter.start(configuration)
            let stage = Stage(
                origin: origin, platter: platter, folder: folder, content: content)
            do {
                let result = try await body(stage)
                await platter.stop()
                return result
            } catch {
                await platter.stop()
                throw error
            }
        }
    }

    var port: Int { platter.baseURL.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// One request on a connection of its own.
    ///
    /// - Returns: The head, and the body as long as Content-Length says.
    func get(
        _ range: String? = nil, path: String = Stage.path, method: String = "GET",
        fields: [String] = []
    ) async throws -> (head: RawClient.Head, body: [UInt8]) {
        let client = try await RawClient.connect(port: port)
        let lines = (range.map { ["Range: \($0)"] } ?? []) + fields
        let text = (["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1"] + lines)
            .joined(separator: "\r\n")
        try await client.send(text + "\r\n\r\n")
        let head = try await client.head()
        let length = head["content-length"].flatMap { Int($0) } ?? 0
        let hasBody = method != "HEAD" && head.status != 304
        let body = hasBody ? try await client.read(length) : []
        try await client.close()
        return (head, body)
    }

    /// Expects exactly these bytes of the ramp.
    func expect(
        _ body: [UInt8], are range: ByteRange, of content: RampContent? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(Int64(body.count) == range.length, sourceLocation: location)
        let mismatch = (content ?? self.content).firstMismatch(in: body, at: range.lowerBound)
        #expect(mismatch == nil, sourceLocation: location)
    }
}
