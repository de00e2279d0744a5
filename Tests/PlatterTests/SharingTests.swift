import Foundation
import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Many readers, restarts and damage")
struct SharingTests {
    /// On a busy machine an origin may look as if it hung, and then other connections are worth their bytes.
    private static func isPatient(_ configuration: inout PlatterConfiguration) {
        configuration.timing.hedge = .seconds(60)
        configuration.timing.silence = .seconds(60)
    }

    private func expectSentOnce(
        _ stage: Stage, _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            stage.origin.ledger.bodyBytes <= Stage.length * 101 / 100, "\(stage.requests)",
            sourceLocation: location)
    }

    @Test("thirty readers of one cold object cost one download")
    func crowd() async throws {
        try await Stage.run(configure: Self.isPatient) { stage in
            stage.origin.pace = Pace(bandwidth: 10_000_000)
            try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<30 { group.addTask { try await stage.get().body } }
                for try await body in group { stage.expect(body, are: 0..<5_000_000) }
            }
            expectSentOnce(stage)
        }
    }

    @Test("overlapping ranges cost every byte once")
    func overlapping() async throws {
        try await Stage.run(configure: Self.isPatient) { stage in
            stage.origin.pace = Pace(bandwidth: 10_000_000)
            try await withThrowingTaskGroup(of: (ByteRange, [UInt8]).self) { group in
                for number in 0..<30 as Range<Int64> {
                    let range = number * 137_000..<(number * 137_000 + 900_000)
                    group.addTask {
                        let text = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
                        return (range, try await stage.get(text).body)
                    }
                }
                for try await (range, body) in group { stage.expect(body, are: range) }
            }
            expectSentOnce(stage)
        }
    }

    @Test("what was fetched survives a restart and needs no origin")
    func restart() async throws {
        try await withScriptedOrigin { origin in
            origin.serve(.ramp(length: 3_000_000, entityTag: "\"v1\""), at: "/film.mp4")
            let folder = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var configuration = PlatterConfiguration(directory: folder)
            configuration.origin = origin.baseURL
            for round in 0..<2 {
                let platter = try await Platter.start(configuration)
                let stage = Stage(
                    origin: origin, platter: platter, folder: folder,
                    content: RampContent(length: 3_000_000), configuration: configuration)
                stage.expect(try await stage.get().body, are: 0..<3_000_000)
                await platter.stop()
                if round == 0 { try await origin.stopListening(closing: .reset) }
            }
        }
    }

    @Test("a second process on one folder is refused and told why")
    func twoProcesses() async throws {
        try await Stage.run { stage in
            let error = await #expect(throws: PlatterError.self) {
                _ = try await Platter.start(PlatterConfiguration(directory: stage.folder))
            }
            #expect(error?.code == .folderInUse)
        }
    }

    @Test("a file cut short behind the server's back is fetched again")
    func truncated() async throws {
        try await Stage.run { stage in
            _ = try await stage.get()
            for file in try dataFiles(stage.folder) { #expect(truncate(file, 1_500_000) == 0) }
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
        }
    }

    @Test("a file cut short while a slow player is being sent it is fetched again for that player")
    func truncatedUnderWay() async throws {
        try await Stage.run { stage in
            _ = try await stage.get()
            let client = try await RawClient.connect(port: stage.port, isLazy: true)
            try await client.request("GET", Stage.path)
            _ = try await client.head()
            // The sockets are full, and the server in the midst of it.
            for file in try dataFiles(stage.folder) { #expect(truncate(file, 200_000) == 0) }
            stage.expect(try await client.read(5_000_000), are: 0..<5_000_000)
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
        }
    }

    @Test("bits flipped while a slow player is being sent the file never reach it")
    func flippedUnderWay() async throws {
        try await Stage.run { stage in
            _ = try await stage.get()
            try await stage.untilPresent(5_000_000)
            let client = try await RawClient.connect(port: stage.port, isLazy: true)
            try await client.request("GET", Stage.path)
            _ = try await client.head()
            try stage.damage { file in
                let zeros = Data(repeating: 0, count: 1)
                for offset in stride(from: UInt64(0), to: 5_000_000, by: 1_000) {
                    try file.seek(toOffset: offset)
                    try file.write(contentsOf: zeros)
                }
            }
            stage.expect(try await client.read(5_000_000), are: 0..<5_000_000)
        }
    }

    @Test("a file deleted behind the server's back is fetched again")
    func deleted() async throws {
        try await Stage.run { stage in
            _ = try await stage.get()
            for file in try dataFiles(stage.folder) {
                try FileManager.default.removeItem(atPath: file)
            }
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
        }
    }

    @Test("a prefetch brings the whole object without a player")
    func prefetch() async throws {
        try await Stage.run { stage in
            let url = stage.origin.url(Stage.path)
            try await stage.platter.prefetch(url)
            _ = try await stage.origin.wait { $0.bodyBytes >= 5_000_000 }
            // The last row may be on its way: a reader waits for it as for any byte.
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.bodyBytes == 5_000_000)
        }
    }

    private func dataFiles(_ folder: String) throws -> [String] {
        let files = FileManager.default.enumerator(atPath: folder + "/objects")
        let names = files?.compactMap { $0 as? String } ?? []
        let paths = names.filter { $0.contains("-") }.map { folder + "/objects/" + $0 }
        try #require(!paths.isEmpty)
        return paths
    }
}
