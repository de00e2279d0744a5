import Foundation
import Platter
import PlatterTesting
import Testing

/// What the admin interface answers while something is broken.
@Suite("The admin interface", .timeLimit(.minutes(2)))
struct AdminTests {
    private let files = FileManager.default

    private func ask(
        _ target: String, _ stage: Stage
    ) async throws -> (status: Int, body: String) {
        let port = try #require(
            stage.platter.adminURL?.split(separator: ":").last.flatMap { Int($0) })
        let client = try await RawClient.connect(port: port)
        try await client.request("GET", target)
        let head = try await client.head()
        let length = head["content-length"].flatMap { Int($0) } ?? 0
        let body = try await client.read(length)
        try await client.close()
        return (head.status, String(decoding: body, as: UTF8.self))
    }

    @Test("while the index cannot be asked it is told why, and is no fault of the program")
    func withoutIndex() async throws {
        func configure(_ configuration: inout PlatterConfiguration) {
            configuration.admin = .init(host: "127.0.0.1", port: 0)
        }
        try await Stage.run(configure: configure) { stage in
            let away = stage.folder + ".away"
            defer { try? files.removeItem(atPath: away) }
            _ = try await stage.get("bytes=0-99999")
            #expect(try await ask("/entries", stage).status == 200)
            try files.moveItem(atPath: stage.folder, toPath: away)
            // At one stroke: an empty folder would be taken into use.
            let other = stage.folder + ".other"
            try files.createDirectory(atPath: other, withIntermediateDirectories: false)
            try Data().write(to: URL(fileURLWithPath: other + "/holiday.mov"))
            try files.moveItem(atPath: other, toPath: stage.folder)
            try await stage.until { try await ask("/entries", stage).status != 200 }
            for target in ["/entries", "/entries/1"] {
                let (status, body) = try await ask(target, stage)
                #expect(status == 503)
                #expect(body.contains("the index cannot be used: "))
            }
        }
    }
}
