import Foundation
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A sweep over entries whose files have gone")
struct LostFileSweepTests {
    private let cellar: Cellar
    private let search: IndexSearch

    init() throws {
        cellar = try Cellar()
        search = IndexSearch(reader: try cellar.reader())
    }

    /// - Parameter waiting: Called instead of each wait.
    private func sweep(
        _ evictor: Evictor, waiting: @escaping @Sendable (Duration) throws -> Void = { _ in }
    ) -> LostFileSweep {
        LostFileSweep(
            disk: cellar.disk, search: search, evictor: evictor, wait: { try waiting($0) },
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func deleteFile(of record: EntryRecord) throws {
        try FileManager.default.removeItem(atPath: cellar.path(of: record))
    }

    private func isKnown(_ record: EntryRecord) throws -> Bool {
        try cellar.reader().entry(record.id) != nil
    }

    @Test("what the index says of a file that was deleted is forgotten, and counts no more")
    func deleted() async throws {
        let films = [
            try await cellar.fill("one", accessedAt: 1),
            try await cellar.fill("two", accessedAt: 2),
            try await cellar.fill("three", accessedAt: 3),
        ]
        let empty = try await cellar.empty("none", accessedAt: 4)
        try deleteFile(of: films[1])
        let evictor = try cellar.evictor(maximum: 1 << 30)
        #expect(evictor.usage().taken == 3 * Cellar.length)
        #expect(await sweep(evictor).run() == 1)
        #expect(evictor.usage().taken == 2 * Cellar.length)
        #expect(try cellar.reader().totalRecordedBytes() == 2 * Cellar.length)
        let rest = try [films[0], films[1], films[2], empty].map(isKnown)
        #expect(rest == [true, false, true, true])
        #expect(try cellar.bytes(of: films[2]) == Array(0..<8))
        #expect(await sweep(evictor).run() == 0)
    }

    @Test("it looks at all pages, a page at a time")
    func pages() async throws {
        let count = 2 * LostFileSweep.pageLength + 1
        for number in 0..<count {
            let film = try await cellar.fill("film \(number)", accessedAt: 1)
            if number % 2 == 0 { try deleteFile(of: film) }
        }
        let waits = Waits()
        let evictor = try cellar.evictor(maximum: 1 << 30)
        let forgotten = await sweep(evictor) { waits.add($0) }.run()
        #expect(forgotten == count / 2 + 1)
        #expect(waits.all.count { $0 == LostFileSweep.pause } == 3)
        #expect(waits.all.count { $0 == LostFileSweep.grace } == 1)
    }

    @Test("nothing is forgotten where no file is there at all: a mount may come back")
    func unmounted() async throws {
        for number in 0..<16 {
            try deleteFile(of: try await cellar.fill("film \(number)", accessedAt: 1))
        }
        let evictor = try cellar.evictor(maximum: 1 << 30)
        #expect(await sweep(evictor) { _ in }.run() == 0)
        _ = try await cellar.fill("another", accessedAt: 1)
        #expect(await sweep(evictor) { _ in }.run() == 16)
    }

    @Test("nothing is forgotten while the folder is not in its place", arguments: [false, true])
    func elsewhere(isReplaced: Bool) async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        // From now on its connections to the index are open.
        #expect(await sweep(evictor).run() == 0)
        try deleteFile(of: film)
        let (path, away) = (cellar.path, cellar.path + "-away")
        try FileManager.default.moveItem(atPath: path, toPath: away)
        if isReplaced {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        }
        #expect(await sweep(evictor).run() == 0)
        if isReplaced { try FileManager.default.removeItem(atPath: path) }
        try FileManager.default.moveItem(atPath: away, toPath: path)
        #expect(try isKnown(film))
        #expect(try cellar.chunks(of: film).count == 8)
        #expect(await sweep(evictor).run() == 1)
    }

    @Test("nothing is forgotten where it cannot be told whether the file is there")
    func unreadable() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        let folder = cellar.path + "/objects/" + film.file.folder
        try FileManager.default.removeItem(atPath: folder)
        try Data().write(to: URL(fileURLWithPath: folder))
        #expect(await sweep(evictor).run() == 0)
        #expect(try cellar.chunks(of: film).count == 8)
        try FileManager.default.removeItem(atPath: folder)
        #expect(await sweep(evictor).run() == 1)
    }

    @Test("an entry that somebody writes or reads is left alone", arguments: [true, false])
    func inUse(isWritten: Bool) async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        try deleteFile(of: film)
        var hold = cellar.table.spans.hold(0..<1, of: film.file, as: isWritten ? .flight : .reader)
        #expect(hold != nil)
        #expect(await sweep(evictor).run() == 0)
        withExtendedLifetime(hold) {}
        #expect(try cellar.chunks(of: film).count == 8)
        hold = nil
        #expect(await sweep(evictor).run() == 1)
    }

    @Test("a file that is put back meanwhile has not gone")
    func putBack() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let path = cellar.path(of: film)
        try FileManager.default.moveItem(atPath: path, toPath: path + "-away")
        let evictor = try cellar.evictor(maximum: 1 << 30)
        let forgotten = await sweep(evictor) { time in
            guard time == LostFileSweep.grace else { return }
            try FileManager.default.moveItem(atPath: path + "-away", toPath: path)
        }.run()
        #expect(forgotten == 0)
        #expect(try cellar.chunks(of: film).count == 8)
    }

    @Test("a file that a flight has made again keeps its entry, which stays in use")
    func madeAgain() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        #expect(try await evictor.removeLost(film) == false)
        #expect(try cellar.chunks(of: film).count == 8)
        #expect(!cellar.table.spans.isCondemned(film.file))
    }

    @Test("what a person wants kept is no exception: there is nothing to keep")
    func pinned() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        try await cellar.pin(film)
        try deleteFile(of: film)
        #expect(await sweep(try cellar.evictor(maximum: 1 << 30)).run() == 1)
        #expect(try cellar.reader().totalRecordedBytes() == 0)
    }

    @Test("a round that is broken off forgets nothing more")
    func cancelled() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        try deleteFile(of: film)
        let evictor = try cellar.evictor(maximum: 1 << 30)
        #expect(await sweep(evictor) { _ in throw CancellationError() }.run() == 0)
        #expect(try isKnown(film))
    }
}

/// How long a sweep wanted to wait.
private final class Waits: Sendable {
    private let times = NIOLockedValueBox<[Duration]>([])

    var all: [Duration] { times.withLockedValue { $0 } }

    func add(_ time: Duration) { times.withLockedValue { $0.append(time) } }
}
