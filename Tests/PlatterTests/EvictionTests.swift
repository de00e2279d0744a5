import Foundation
import Platter
import PlatterCore
import PlatterTesting
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

@Suite("The size limit", .timeLimit(.minutes(2)))
struct EvictionTests {
    private static let limit: Int64 = 64 << 20
    private static let length: Int64 = 40 << 20
    private static let paths = ["/1.mp4", "/2.mp4", "/3.mp4", "/4.mp4"]

    @Test("more than fits is played right, and the least recently played goes, from index and disk")
    func moreThanFits() async throws {
        try await withFilms { stage in
            for (seed, path) in Self.paths.enumerated() {
                stage.expect(
                    try await stage.get(path: path).body, are: 0..<Self.length, of: film(seed))
            }
            // Its last bytes were sent before they were recorded.
            try await stage.untilPresent(Self.length, path: Self.paths[3])
            try await settle(stage, Self.paths)
            let present = try await presentBytes(stage, Self.paths)
            #expect(present[0] == 0)
            #expect(present[3] == Self.length)
            #expect(present.reduce(0, +) > Self.limit / 2)
        }
    }

    @Test("what was evicted is fetched again, and right")
    func again() async throws {
        try await withFilms { stage in
            for path in Self.paths { _ = try await stage.get(path: path) }
            try await settle(stage, Self.paths)
            for (seed, path) in Self.paths.enumerated() {
                stage.expect(
                    try await stage.get(path: path).body, are: 0..<Self.length, of: film(seed))
            }
            try await settle(stage, Self.paths)
        }
    }

    @Test("an object larger than the limit is played right, and only a part of it stays")
    func largerThanLimit() async throws {
        let length: Int64 = 150 << 20
        try await Stage.run(length: length, configure: Self.limited) { stage in
            stage.expect(try await stage.get().body, are: 0..<length)
            try await settle(stage, [Stage.path])
            #expect(try await presentBytes(stage, [Stage.path])[0] > Self.limit / 4)
        }
    }

    @Test("readers everywhere in objects that do not fit together get every byte right")
    func manyReaders() async throws {
        try await withFilms { stage in
            try await withThrowingTaskGroup(of: (Int, ByteRange, [UInt8]).self) { group in
                for number in 0..<16 {
                    let seed = number % Self.paths.count
                    let start = Int64(number / Self.paths.count) * 9_000_017
                    let range = start..<min(start + 12_345_678, Self.length)
                    group.addTask {
                        let text = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
                        return (seed, range, try await stage.get(text, path: Self.paths[seed]).body)
                    }
                }
                for try await (seed, range, body) in group {
                    stage.expect(body, are: range, of: film(seed))
                }
            }
            try await settle(stage, Self.paths)
        }
    }

    @Test("a limit that was lowered between two runs is kept from the start")
    func lowered() async throws {
        try await withScriptedOrigin { origin in
            let folder = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var configuration = PlatterConfiguration(directory: folder)
            configuration.origin = origin.baseURL
            for limit in [1 << 30, Self.limit] {
                configuration.maximumSize = limit
                let platter = try await Platter.start(configuration)
                let stage = Stage(
                    origin: origin, platter: platter, folder: folder, content: film(0),
                    configuration: configuration)
                if limit > Self.limit {
                    serveFilms(origin)
                    for path in Self.paths { _ = try await stage.get(path: path) }
                } else {
                    try await settle(stage, Self.paths)
                }
                await platter.stop()
            }
        }
    }

    // MARK: - Films

    private static func limited(_ configuration: inout PlatterConfiguration) {
        configuration.maximumSize = limit
    }

    private func film(_ seed: Int) -> RampContent { RampContent(length: Self.length, seed: seed) }

    private func serveFilms(_ origin: ScriptedOrigin) {
        for (seed, path) in Self.paths.enumerated() {
            origin.serve(.ramp(length: Self.length, seed: seed), at: path)
        }
    }

    private func withFilms(_ body: (Stage) async throws -> Void) async throws {
        try await Stage.run(configure: Self.limited) { stage in
            serveFilms(stage.origin)
            try await body(stage)
        }
    }

    /// Bytes in the index of each object.
    private func presentBytes(_ stage: Stage, _ paths: [String]) async throws -> [Int64] {
        var bytes: [Int64] = []
        for path in paths {
            let status = try await stage.platter.status(of: stage.origin.url(path))
            bytes.append(status?.presentBytes ?? 0)
        }
        return bytes
    }

    /// Waits until index and disk are below the limit; the time limit of the suite ends the wait.
    private func settle(_ stage: Stage, _ paths: [String]) async throws {
        while true {
            let present = try await presentBytes(stage, paths).reduce(0, +)
            if present <= Self.limit, allocatedBytes(stage.folder) <= Self.limit { return }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// What the data files really take.
    private func allocatedBytes(_ folder: String) -> Int64 {
        let files = FileManager.default.enumerator(atPath: folder + "/objects")
        let names = files?.compactMap { $0 as? String } ?? []
        return names.filter { $0.contains("-") }.reduce(0) { sum, name in
            var status = stat()
            // One that has just been removed takes nothing.
            guard stat(folder + "/objects/" + name, &status) == 0 else { return sum }
            return sum + Int64(status.st_blocks) * 512
        }
    }
}
