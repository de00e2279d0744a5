import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A version that another one follows")
struct SuccessionTests {
    private let cellar: Cellar
    private let clock = HandClock(now: .start)
    private let executor = HandExecutor()
    private let succession: Succession

    init() throws {
        cellar = try Cellar()
        let clock = clock
        succession = Succession(
            table: cellar.table, index: cellar.index, clock: clock, wallClock: { Cellar.now },
            delay: { _ = clock.add(after: $0, $1) }, log: Logger(label: "test"))
    }

    private func opened(_ name: String) async throws -> Entry.Opened {
        let record = try await cellar.fill(name, accessedAt: Cellar.now)
        return Entry.Opened(
            record: record, file: try cellar.disk.openFile(record.file, left: record.stamp))
    }

    private func pass(_ duration: Duration) {
        clock.advance(to: clock.now.advanced(by: duration))
        while clock.fire() {}
        while executor.count > 0 { executor.run { _ in 0 } }
    }

    @Test("is gone from the index when its end is told")
    func ended() async throws {
        let opened = try await opened("film")
        let key = opened.record.representation.key
        #expect(try cellar.reader().entry(for: key) != nil)
        await succession.end(opened.record.id, key: key)
        #expect(try cellar.reader().entry(for: key) == nil)
        #expect(!cellar.table.isBypassed(key, now: clock.now))
    }

    @Test("is passed by while the index hangs, which nobody waits for without end")
    func hanging() async throws {
        let opened = try await opened("film")
        let key = opened.record.representation.key
        let gate = WriterGate(cellar.index)
        gate.turn()
        defer { gate.release() }
        let isEnded = NIOLockedValueBox(false)
        let task = Task(executorPreference: executor) { [succession] in
            await succession.end(opened.record.id, key: key)
            isEnded.withLockedValue { $0 = true }
        }
        #expect(executor.await())
        pass(.zero)
        pass(.milliseconds(4999))
        #expect(!isEnded.withLockedValue { $0 })
        #expect(!cellar.table.isBypassed(key, now: clock.now))
        pass(.milliseconds(1))
        #expect(isEnded.withLockedValue { $0 })
        #expect(cellar.table.isBypassed(key, now: clock.now))
        withExtendedLifetime(task) {}
    }
}
