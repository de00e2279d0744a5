import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("What readers leave with the dispatcher")
struct ReaderDemandTests {
    private let cellar: Cellar
    private let clock = HandClock(now: .start)
    private let queue: FetchDispatcher
    private let resource: Resource

    init() throws {
        cellar = try Cellar()
        var limits = FetchLimits()
        limits.total = 1
        queue = FetchDispatcher(
            limits: limits, clock: clock, loop: clock, pilot: IdlePilot())
        resource = Resource(try OriginURL("http://origin/film"), fields: [:])
    }

    private func demand(_ entry: Entry) -> Demand {
        Demand(
            entry: entry.handle, origin: resource.origin, client: ClientID("player"),
            range: 0..<1024, level: .high, stride: 1024)
    }

    @Test("a reader of another entry object than the one that its request opened asks anew")
    func otherEntry() async throws {
        let record = try await cellar.fill("http://origin/film", accessedAt: 1)
        let number = queue.nextDemand()
        let opening = try #require(cellar.table.opening(resource))
        queue.register(number, demand(opening), of: opening) { _ in }
        // The index was lost and made anew meanwhile.
        cellar.table.forgetAll()
        let entry = try cellar.table.entry(of: record, resource: resource)
        let opened = try #require(entry.opened)
        #expect(entry !== opening)
        let damage = DamageWatch(
            index: cellar.index, table: cellar.table, clock: clock, wallClock: { Cellar.now },
            log: Logger(label: "test"))
        let executor = HandExecutor()
        let services = ReaderServices(
            queue: queue,
            verifier: Verifier(
                index: cellar.index, damage: damage, executor: executor,
                log: Logger(label: "test")),
            spans: cellar.table.spans,
            accesses: AccessNotes(
                index: cellar.index, wallClock: { Cellar.now }, log: Logger(label: "test")),
            clock: clock, filler: nil)
        let reader = Reader(
            entry: entry, opened: opened, range: 0..<1024, client: ClientID("player"),
            demand: number, isRegistered: true, services: services, wake: { _ in })
        #expect(queue.activity.demands == 0)
        cellar.index.drop(0..<Cellar.length, of: record.id) { _ in }
        try await cellar.index.flush()
        #expect(reader.next(index: cellar.index.makeReader()) == .wait)
        #expect(queue.isRegistered(number, of: entry))
        reader.close()
    }

    @Test("an entry that nobody wants anything of is let go of at once, and its file with it")
    func letGo() {
        let other = Entry(handle: EntryHandle(2), resource: resource)
        weak var kept: Entry?
        do {
            let entry = Entry(handle: EntryHandle(1), resource: resource)
            kept = entry
            let number = queue.nextDemand()
            queue.register(number, demand(entry), of: entry) { _ in }
            queue.leave(number)
        }
        // What it frees is taken at once by somebody else.
        queue.register(queue.nextDemand(), demand(other), of: other) { _ in }
        queue.landed(FlightID(1), outcome: .ended)
        #expect(queue.activity.flights == 1)
        #expect(kept == nil)
    }
}
