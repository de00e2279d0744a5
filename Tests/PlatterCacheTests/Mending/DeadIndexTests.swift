import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

/// A pipe lies in the place of the database: it can be opened, and each read of it is an I/O error.
@Suite("An index that never can be read")
struct DeadIndexTests {
    private enum Event: Sendable {
        /// Another try is to come after so long.
        case later(Duration, @Sendable () -> Void)
        case renewed
    }

    private let cellar: Cellar
    private let clock = HandClock(now: .start)
    private let recovery: IndexRecovery
    private let index: IndexWriter
    private let events: AsyncStream<Event>

    init() async throws {
        cellar = try Cellar()
        try await cellar.index.close()
        let path = cellar.path + "/index.sqlite"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
        try #require(mkfifo(path, 0o600) == 0)
        index = IndexWriter(
            path: path, boot: "boot", without: IndexError(.io, "it could not be read"))
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        self.events = events
        recovery = IndexRecovery(
            index: index, disk: cellar.disk, executor: IOExecutor(pool: NIOThreadPool.singleton),
            delay: { duration, action in
                // The look for other losses.
                guard duration != .seconds(1) else { return }
                continuation.yield(.later(duration, action))
            }, clock: clock, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lost: {}, renewed: { continuation.yield(.renewed) })
    }

    private var path: String { cellar.path + "/index.sqlite" }
    private var isSetAside: Bool { FileManager.default.fileExists(atPath: path + ".lost") }

    /// - Returns: For how long it was tried; nil when there is no index after so many tries.
    private func tries(atMost limit: Int) async -> Duration? {
        var waited = Duration.zero
        var count = 0
        for await event in events {
            guard case .later(let duration, let action) = event else { return waited }
            count += 1
            // The next try does not begin.
            if count > limit { return nil }
            waited += duration
            clock.advance(to: clock.now.advanced(by: duration))
            action()
        }
        return nil
    }

    @Test("is set aside after half a minute, and another one takes its place")
    func replaced() async throws {
        recovery.start()
        let waited = try #require(await tries(atMost: 100))
        #expect(waited >= .seconds(30))
        #expect(waited < .seconds(60))
        #expect(isSetAside)
        #expect(index.loss == nil)
        try await index.flush()
        recovery.stop()
        try await index.close()
    }

    @Test("stays where it is while the disk takes nothing else either")
    func whole() async throws {
        cellar.disk.failCreating(DiskError(.io, "it takes nothing", path: path))
        recovery.start()
        #expect(await tries(atMost: 50) == nil)
        #expect(!isSetAside)
        recovery.stop()
    }

    @Test("is used again when it can be read before that")
    func transient() async throws {
        recovery.start()
        #expect(await tries(atMost: 5) == nil)
        #expect(unlink(path) == 0)
        try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
        // The one that did not begin above.
        try await index.renew()
        #expect(index.loss == nil)
        #expect(!isSetAside)
        recovery.stop()
        try await index.close()
    }
}
