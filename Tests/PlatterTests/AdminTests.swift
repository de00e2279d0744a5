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

    private func configure(_ configuration: inout PlatterConfiguration) {
        configuration.admin = .init(host: "127.0.0.1", port: 0)
    }

    @Test(
        "an object whose file was deleted is listed once after it was fetched again, and is not stale"
    )
    func deletedFile() async throws {
        try await Stage.run(configure: configure) { stage in
            stage.expect(try await stage.get().body, are: 0..<Stage.length)
            try await stage.untilPresent(Stage.length)
            await stage.platter.stop()
            try files.removeItem(at: try stage.dataFile())
            try await stage.restarted { again in
                again.expect(try await again.get().body, are: 0..<Stage.length)
                try await again.untilPresent(Stage.length)
                let (status, body) = try await ask("/entries", again)
                #expect(status == 200)
                #expect(body.components(separatedBy: "\"id\":").count == 2)
                #expect(body.contains("\"state\":\"complete\""))
            }
        }
    }

    private func post(
        _ target: String, _ json: String, _ stage: Stage
    ) async throws -> (status: Int, body: String) {
        let port = try #require(
            stage.platter.adminURL?.split(separator: ":").last.flatMap { Int($0) })
        let client = try await RawClient.connect(port: port)
        let head = [
            "POST \(target) HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
            "Content-Length: \(json.utf8.count)",
        ]
        try await client.send(head.joined(separator: "\r\n") + "\r\n\r\n" + json)
        let answer = try await client.head()
        let body = try await client.read(answer["content-length"].flatMap { Int($0) } ?? 0)
        try await client.close()
        return (answer.status, String(decoding: body, as: UTF8.self))
    }

    @Test(
        "a URL of our own is its own local URL, and no origin",
        arguments: ["127.0.0.1", "localhost"])
    func ownURL(host: String) async throws {
        try await Stage.run(configure: configure) { stage in
            let url = "http://\(host):\(stage.port)\(Stage.path)"
            let (status, body) = try await post("/streams", #"{"url": "\#(url)"}"#, stage)
            #expect(status == 200)
            #expect(body.contains("\"\(url)\""))
            let fields = #""headers": [{"name": "X-Token", "value": "a"}]"#
            for (target, json) in [
                ("/streams", #"{"url": "\#(url)", \#(fields)}"#),
                ("/prefetch", #"{"url": "\#(url)"}"#),
            ] {
                let (status, body) = try await post(target, json, stage)
                #expect(status == 400)
                #expect(body.contains("pass the remote URL"))
            }
        }
    }
}
