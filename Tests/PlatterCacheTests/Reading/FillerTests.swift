import HTTPTypes
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("Background fill")
struct FillerTests {
    private let cellar: Cellar
    private let clock = HandClock(now: .start)
    private let queue: FetchDispatcher
    private let filler: Filler

    init() throws {
        cellar = try Cellar()
        queue = FetchDispatcher(
            limits: FetchLimits(), clock: clock, loop: clock, pilot: IdlePilot())
        filler = Filler(queue: queue, clock: clock)
    }

    private func entry() async throws -> (Entry, Entry.Opened) {
        let record = try await cellar.fill("http://origin/film", accessedAt: 1)
        let resource = Resource(try OriginURL("http://origin/film"), fields: [:])
        let entry = try cellar.table.entry(of: record, resource: resource)
        return (entry, try #require(entry.opened))
    }

    @Test("there is one an entry, however many play it")
    func once() async throws {
        let (entry, opened) = try await entry()
        for _ in 0..<3 { filler.fill(entry, opened) }
        #expect(queue.activity.demands == 1)
    }

    @Test("one that failed begins again after a while")
    func again() async throws {
        let (entry, opened) = try await entry()
        filler.fill(entry, opened)
        queue.abandon(entry, failure: .unreachable)
        #expect(queue.activity.demands == 0)
        filler.fill(entry, opened)
        #expect(queue.activity.demands == 0)
        clock.advance(to: clock.now.advanced(by: .seconds(30)))
        filler.fill(entry, opened)
        #expect(queue.activity.demands == 1)
    }

    @Test("one that is complete does not begin again")
    func complete() async throws {
        let (entry, opened) = try await entry()
        filler.fill(entry, opened)
        queue.planned(FlightID(1), gap: nil)
        #expect(queue.activity.demands == 0)
        clock.advance(to: clock.now.advanced(by: .seconds(30)))
        filler.fill(entry, opened)
        #expect(queue.activity.demands == 0)
    }
}
