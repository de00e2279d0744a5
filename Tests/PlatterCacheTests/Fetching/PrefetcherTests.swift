import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("Prefetches that fail")
struct PrefetcherTests {
    @Test("a failed one is tried again after a pause that grows, and the row says why")
    func retries() async throws {
        let world = try Prefetches(outcome: .failed(.bypass))
        try await world.prefetch()
        for (attempts, seconds) in [(1, 60), (2, 120), (3, 240)] as [(Int64, Int64)] {
            let pause = try #require(await world.nextPause())
            #expect(pause.duration == .seconds(seconds))
            let row = try #require(try await world.rows().first)
            #expect(row.attempts == attempts)
            #expect(row.lastError == "bypass")
            #expect(row.nextAttemptAt == world.now + seconds)
            world.passTime(seconds)
            pause.action()
        }
        _ = try #require(await world.nextPause())
        #expect(world.flights == 4)
    }

    @Test("what the origin refuses is not asked for again for long")
    func refused() async throws {
        let world = try Prefetches(outcome: .failed(.status(404)))
        try await world.prefetch()
        #expect(try #require(await world.nextPause()).duration == .seconds(6 * 3600))
        #expect(try await world.rows().first?.lastError == "status(404)")
    }

    @Test("a timer that fires early waits for the rest")
    func earlyTimer() async throws {
        let world = try Prefetches(outcome: .failed(.bypass))
        try await world.prefetch()
        let pause = try #require(await world.nextPause())
        world.passTime(59)
        pause.action()
        let rest = try #require(await world.nextPause())
        #expect(rest.duration == .seconds(1))
        #expect(world.flights == 1)
    }

    @Test("a clock that is set back keeps one waiting for the longest pause, and no longer")
    func clockSetBack() async throws {
        let world = try Prefetches(outcome: .failed(.bypass))
        try await world.prefetch()
        let pause = try #require(await world.nextPause())
        world.passTime(-900_000)
        pause.action()
        let longest = try #require(await world.nextPause())
        #expect(longest.duration == .seconds(6 * 3600))
        #expect(world.flights == 1)
        longest.action()
        #expect(try #require(await world.nextPause()).duration == .seconds(120))
        #expect(world.flights == 2)
    }

    @Test("asked for again, it starts at once, and the timer of the first try starts nothing")
    func askedAgain() async throws {
        let world = try Prefetches(outcome: .failed(.bypass))
        try await world.prefetch()
        let first = try #require(await world.nextPause())
        try await world.prefetch()
        let second = try #require(await world.nextPause())
        #expect(try await world.rows().first?.attempts == 1)
        world.passTime(60)
        first.action()
        second.action()
        #expect(try #require(await world.nextPause()).duration == .seconds(120))
        #expect(world.flights == 3)
        #expect(try await world.rows().first?.attempts == 2)
    }

    @Test("one whose file has gone begins anew")
    func withoutFile() async throws {
        let world = try Prefetches(outcome: nil)
        let record = try await world.makeEntryWithoutFile()
        try await world.prefetch()
        #expect(world.flights == 1)
        #expect(world.opened == 1)
        #expect(try !world.knows(record))
        await world.queue.stop()
    }

    @Test("a file is opened by the threads that may wait for the disk")
    func openingThread() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let world = try Prefetches(outcome: nil, executor: IOExecutor(pool: pool))
        try await world.makeEmptyEntry()
        try await world.prefetch()
        let meant = try await pool.runIfActive { ObjectIdentifier(Thread.current) }
        #expect(Set(world.openingThreads) == [meant])
        await world.queue.stop()
        try await pool.shutdownGracefully()
    }

    @Test("and so is noted what became of a wish")
    func endingThread() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let world = try Prefetches(
            outcome: .failed(.bypass), executor: IOExecutor(pool: pool))
        try await world.prefetch()
        _ = try #require(await world.nextPause())
        let meant = try await pool.runIfActive { ObjectIdentifier(Thread.current) }
        // The first is of the wish, the others of its failure.
        #expect(Set(world.clockThreads.dropFirst()) == [meant])
        try await pool.shutdownGracefully()
    }

    @Test("after a restart one that failed waits for its time")
    func resumes() async throws {
        let world = try Prefetches(outcome: .failed(.bypass))
        try await world.prefetch()
        _ = try #require(await world.nextPause())
        await world.prefetcher.resume()
        #expect(try #require(await world.nextPause()).duration == .seconds(60))
        #expect(world.flights == 1)
    }

    @Test("the end of the program is no failure")
    func stopped() async throws {
        let world = try Prefetches(outcome: nil)
        try await world.prefetch()
        await world.queue.stop()
        // A failure would be noted, and a pause begun, by what was started before this.
        try await world.index.flush()
        #expect(try await world.rows().first?.attempts == 0)
        #expect(world.pauseCount == 0)
    }
}

/// A prefetcher whose flights all end alike, and whose timers are fired by hand.
private final class Prefetches: Sendable {
    struct Pause: Sendable {
        let duration: Duration
        let action: @Sendable () -> Void
    }

    let index: IndexWriter
    let queue: FetchDispatcher
    let prefetcher: Prefetcher
    private let cellar: Cellar
    private let pilot: CannedPilot
    private let clock: NIOLockedValueBox<Int64>
    private let pauses: AsyncStream<Pause>
    private let begun: NIOLockedValueBox<Int>
    private let asking: NIOLockedValueBox<[ObjectIdentifier]>
    private let opening: NIOLockedValueBox<[ObjectIdentifier]>

    /// - Parameter outcome: nil: flights never end by themselves.
    init(outcome: FlightOutcome?, executor: (any TaskExecutor)? = nil) throws {
        let cellar = try Cellar()
        let clock = NIOLockedValueBox(Int64(1_000_000))
        let (pauses, source) = AsyncStream.makeStream(of: Pause.self)
        let begun = NIOLockedValueBox(0)
        let asking = NIOLockedValueBox<[ObjectIdentifier]>([])
        let opening = NIOLockedValueBox<[ObjectIdentifier]>([])
        cellar.disk.beforeOpening {
            opening.withLockedValue { $0.append(ObjectIdentifier(Thread.current)) }
        }
        pilot = CannedPilot(outcome: outcome)
        queue = FetchDispatcher(
            limits: FetchLimits(), clock: SystemClock(),
            loop: MultiThreadedEventLoopGroup.singleton.next(), pilot: pilot)
        prefetcher = Prefetcher(
            queue: queue, table: cellar.table, index: cellar.index,
            search: IndexSearch(reader: try cellar.reader()),
            evictor: try cellar.evictor(maximum: 1 << 30),
            wallClock: {
                asking.withLockedValue { $0.append(ObjectIdentifier(Thread.current)) }
                return clock.withLockedValue { $0 }
            },
            executor: executor,
            delay: {
                begun.withLockedValue { $0 += 1 }
                source.yield(Pause(duration: $0, action: $1))
            }, log: Logger(label: "test"))
        index = cellar.index
        self.cellar = cellar
        self.clock = clock
        self.pauses = pauses
        self.begun = begun
        self.asking = asking
        self.opening = opening
    }

    var now: Int64 { clock.withLockedValue { $0 } }
    var flights: Int { pilot.flights }
    /// Flights that were to open the entry.
    var opened: Int { pilot.openings }
    var pauseCount: Int { begun.withLockedValue { $0 } }
    /// That asked for the time.
    var clockThreads: [ObjectIdentifier] { asking.withLockedValue { $0 } }
    /// That opened a file.
    var openingThreads: [ObjectIdentifier] { opening.withLockedValue { $0 } }

    func passTime(_ seconds: Int64) { clock.withLockedValue { $0 += seconds } }

    func prefetch() async throws {
        let url = try OriginURL("http://origin/film")
        try await prefetcher.prefetch(Resource(key: CacheKey(url.description), url: url))
    }

    func rows() async throws -> [QueuedDownload] { try await index.downloads() }

    func makeEntryWithoutFile() async throws -> EntryRecord {
        try await cellar.empty("http://origin/film", accessedAt: 0)
    }

    func makeEmptyEntry() async throws {
        _ = try cellar.disk.createFile(try await makeEntryWithoutFile().file)
    }

    func knows(_ record: EntryRecord) throws -> Bool {
        try cellar.reader().entry(record.id) != nil
    }

    func nextPause() async -> Pause? {
        await pauses.first { _ in true }
    }
}

private final class CannedPilot: Pilot {
    private let outcome: FlightOutcome?
    private let count = NIOLockedValueBox((all: 0, opening: 0))

    init(outcome: FlightOutcome?) { self.outcome = outcome }

    var flights: Int { count.withLockedValue { $0.all } }
    var openings: Int { count.withLockedValue { $0.opening } }

    func begin(
        _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
        queue: FetchDispatcher
    ) {
        count.withLockedValue { count in
            count.all += 1
            if opens { count.opening += 1 }
        }
        guard let outcome else {
            return control.attach(
                Task {
                    // Until it is told to stop.
                    for await _ in AsyncStream<Never>.makeStream().stream {}
                    queue.landed(order.flight, outcome: .ended)
                })
        }
        queue.landed(order.flight, outcome: outcome)
    }

    func fly(
        _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
        queue: FetchDispatcher
    ) {
        queue.landed(id, outcome: .ended)
    }
}
