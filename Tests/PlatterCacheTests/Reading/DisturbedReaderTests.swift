import Foundation
import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

/// A flight has brought bytes that are in no row yet, and somebody empties the file.
@Suite("Readers of a file that somebody else has changed")
struct DisturbedReaderTests {
    private static let mark: Int64 = 64 << 10

    private let cellar: Cellar
    private let clock = TrapClock()
    private let queue: FetchDispatcher
    private let resource: Resource

    init() throws {
        cellar = try Cellar()
        queue = FetchDispatcher(
            limits: FetchLimits(), clock: clock, loop: HandClock(now: .start), pilot: IdlePilot())
        resource = Resource(try OriginURL("http://origin/film"), fields: [:])
    }

    private func reader(of entry: Entry, _ opened: Entry.Opened) -> Reader {
        let log = Logger(label: "test")
        let damage = DamageWatch(
            index: cellar.index, table: cellar.table, clock: clock, wallClock: { Cellar.now },
            log: log)
        let verifier = Verifier(
            index: cellar.index, damage: damage, executor: HandExecutor(), log: log)
        let services = ReaderServices(
            queue: queue, verifier: verifier, spans: cellar.table.spans,
            accesses: AccessNotes(index: cellar.index, wallClock: { Cellar.now }, log: log),
            clock: clock, filler: nil)
        return Reader(
            entry: entry, opened: opened, range: 0..<Cellar.length, client: ClientID("player"),
            demand: queue.nextDemand(), isRegistered: false, services: services, wake: { _ in })
    }

    /// An entry of which a flight brings the first bytes.
    private func fly() async throws -> (entry: Entry, opened: Entry.Opened, flight: FlightID) {
        let record = try await cellar.empty("http://origin/film", accessedAt: 1)
        let file = try cellar.disk.createFile(record.file)
        let ones = [UInt8](repeating: 1, count: Int(Self.mark))
        try ones.withUnsafeBytes { (bytes) throws(any Error) in try file.write(bytes, at: 0) }
        cellar.index.note(file.stamp, of: record.id) { _ in }
        try await cellar.index.flush()
        let noted = try #require(try cellar.reader().entry(for: record.representation.key))
        let entry = try cellar.table.entry(of: noted, resource: resource)
        let opened = try #require(entry.opened)
        let waiting = reader(of: entry, opened)
        #expect(waiting.next(index: try cellar.reader()) == .wait)
        let flight = FlightID(1)
        queue.planned(flight, gap: 0..<Cellar.length)
        queue.opened(
            flight, body: 0..<Cellar.length, completeLength: Cellar.length, lacksRanges: false)
        return (entry, opened, flight)
    }

    private func empty(_ opened: Entry.Opened) throws -> ForeignChange {
        let path = cellar.path(of: opened.record)
        try Data(count: Int(Self.mark)).write(to: URL(fileURLWithPath: path), options: [])
        return try #require(try opened.file.foreignChange())
    }

    @Test("do not believe a mark while another one is about to have it distrusted")
    func together() async throws {
        let (entry, opened, flight) = try await fly()
        #expect(queue.advanced(flight, mark: Self.mark, pace: .unknown, isTrusted: { true }))
        let first = reader(of: entry, opened)
        let index = try cellar.reader()
        #expect(first.next(index: index) == .run(0..<Self.mark))

        opened.file.accept(try empty(opened))
        // The dispatcher asks for the time before it takes its lock.
        let step = NIOLockedValueBox<Reader.Step?>(nil)
        clock.set { [self] in
            guard let index = try? cellar.reader() else { return }
            let second = reader(of: entry, opened).next(index: index)
            step.withLockedValue { $0 = second }
        }
        #expect(first.next(index: index) == .wait)
        #expect(step.withLockedValue { $0 } == .wait)
    }

    @Test("see no mark that is set after the change")
    func late() async throws {
        let (entry, opened, flight) = try await fly()
        let count = opened.file.foreignChangeCount
        _ = try empty(opened)
        let file = opened.file
        #expect(
            !queue.advanced(
                flight, mark: Self.mark, pace: .unknown,
                isTrusted: { file.foreignChangeCount == count }))
        #expect(queue.landedEnd(of: entry, at: 0) == nil)
    }

    @Test(
        "have their bytes from elsewhere when another file is in its place, and so have their flights"
    )
    func swapped() async throws {
        let (entry, opened, flight) = try await fly()
        #expect(queue.advanced(flight, mark: Self.mark, pace: .unknown, isTrusted: { true }))
        let transfer = Transfer(
            opened: opened, start: Self.mark, requestedAt: .start, headAt: .start)
        let path = cellar.path(of: opened.record)
        try FileManager.default.removeItem(atPath: path)
        try Data(count: Int(Self.mark)).write(to: URL(fileURLWithPath: path))
        let index = try cellar.reader()
        #expect(reader(of: entry, opened).next(index: index) == .run(0..<Self.mark))

        _ = try cellar.table.open(opened.record)
        #expect(reader(of: entry, opened).next(index: index) == .failed(.changed))
        #expect(!transfer.isUndisturbed)
        let late = Transfer(
            opened: opened, start: Self.mark, requestedAt: .start, headAt: .start)
        #expect(!late.isUndisturbed)
        let found = try cellar.table.entry(of: opened.record, resource: resource)
        #expect(found !== entry && found.opened?.file.isDetached == false)
        #expect(try cellar.table.entry(of: opened.record, resource: resource) === found)
    }
}
