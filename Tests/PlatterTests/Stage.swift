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
    let configuration: PlatterConfiguration

    /// Runs `body` on a stage, which is taken down whatever happens.
    static func run<Result>(
        length: Int64 = Stage.length, resource: Resource? = nil,
        certificate: TestCertificate? = nil,
        configure: (inout PlatterConfiguration) -> Void = { _ in },
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        // A certificate is of names that are known.
        let host = certificate == nil ? ScriptedOrigin.ownAddress() : "127.0.0.1"
        return try await withScriptedOrigin(host: host, certificate: certificate) { origin in
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
                origin: origin, platter: platter, folder: folder, content: content,
                configuration: configuration)
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

    /// The same folder with a server of its own; the one before must have been stopped.
    func restarted(_ body: (Stage) async throws -> Void) async throws {
        let platter = try await Platter.start(configuration)
        let again = Stage(
            origin: origin, platter: platter, folder: folder, content: content,
            configuration: configuration)
        do {
            try await body(again)
            await platter.stop()
        } catch {
            await platter.stop()
            throw error
        }
    }

    /// What the origin was asked for, and what it sent, for people.
    var requests: [String] {
        origin.ledger.log.map {
            "\($0.at) ms: \($0.method) \($0.range ?? "all"), \($0.bodyBytes) sent"
        }
    }

    // MARK: - Waiting

    /// Returns when the condition is true; the time limit of the test ends the wait otherwise.
    func until(_ condition: () async throws -> Bool) async throws {
        while !(try await condition()) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Waits until so many bytes of the object are recorded.
    func untilPresent(_ bytes: Int64, path: String = Stage.path) async throws {
        try await until {
            try await platter.status(of: origin.url(path))?.presentBytes == bytes
        }
    }

    // MARK: - The disk

    /// Whether the index can be asked.
    var hasIndex: Bool {
        get async {
            do {
                _ = try await platter.status(of: origin.url(Stage.path))
                return true
            } catch {
                return false
            }
        }
    }

    func dataFiles() throws -> [URL] {
        let objects = URL(fileURLWithPath: folder + "/objects")
        let found = FileManager.default.enumerator(at: objects, includingPropertiesForKeys: nil)
        return (found?.compactMap { $0 as? URL } ?? []).filter {
            $0.lastPathComponent.contains("-")
        }
    }

    /// The only data file.
    func dataFile() throws -> URL {
        let files = try dataFiles()
        #expect(files.count == 1)
        return try #require(files.first)
    }

    /// Does something to the only data file, as another program would.
    func damage(_ action: (FileHandle) throws -> Void) throws {
        let file = try FileHandle(forUpdating: try dataFile())
        try action(file)
        try file.close()
    }

    // MARK: - Clients

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
