import Foundation
import Logging
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A scrub")
struct ScrubTests {
    private let cellar: Cellar
    private let scrub: Scrub

    init() async throws {
        cellar = try Cellar()
        scrub = Scrub(
            index: cellar.index, search: IndexSearch(reader: try cellar.reader()),
            disk: cellar.disk, evictor: try cellar.evictor(maximum: 1 << 30),
            log: Logger(label: "test"))
    }

    /// Another program writes a byte.
    private func flip(_ record: EntryRecord, at offset: UInt64) throws {
        let path = cellar.path + "/objects/\(record.file.folder)/\(record.file.text)"
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: [0xEE])
        try handle.close()
    }

    @Test("what is right is found right, and progress comes to the end")
    func clean() async throws {
        _ = try await cellar.fill("a", accessedAt: 1)
        _ = try await cellar.fill("b", accessedAt: 1)
        var last = Scrub.Progress()
        let report = try await scrub.run(repairs: false, progress: { last = $0 })
        #expect(report.isClean)
        #expect(report.entries == 2)
        #expect(report.bytes == last.total)
        #expect(last.done == last.total)
    }

    @Test("a damaged run is found, with its place, and forgotten only when that is wanted")
    func damaged() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        _ = try await cellar.fill("b", accessedAt: 1)
        try flip(film, at: UInt64(3 * Cellar.chunk + 5))
        for repairs in [false, true] {
            let report = try await scrub.run(repairs: repairs)
            let place = try #require(report.damaged.first)
            #expect(report.damaged.count == 1)
            #expect(place.entry == film.id)
            #expect(place.range.contains(3 * Cellar.chunk + 5))
            // Somebody else has written to the file.
            #expect(!place.isUnexplained)
            if repairs { continue }
            // It stays, and is compared before it is served.
            let runs = try cellar.reader().runs(of: film.id)
            #expect(runs.filter { !$0.isVerified }.map(\.run.range) == [place.range])
        }
        #expect(try await scrub.run(repairs: false).isClean)
        #expect(try !cellar.chunks(of: film).contains(3))
    }

    @Test(
        "a damaged run is not believed any more, though nothing is forgotten",
        arguments: [true, false])
    func distrusted(isCounted: Bool) async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        // In use all the while, so that it is known that nobody else has changed it.
        let file = try cellar.disk.openFile(film.file, left: nil)
        defer { withExtendedLifetime(file) {} }
        while let change = try file.foreignChange() { file.accept(change) }
        // Its row is wrong, and nobody else has touched the file: the disk is to blame.
        let run = StoredRun(range: 3 * Cellar.chunk..<4 * Cellar.chunk, crc32c: 7)
        cellar.index.record([run], in: film.id) { _ in }
        try await cellar.index.flush()
        var places: [Scrub.Damage] = []
        let report =
            isCounted
            ? try await scrub.run(repairs: false, found: { places.append($0) })
            : try await scrub.run(repairs: false)
        #expect(report.damaged.map(\.range) == [run.range])
        #expect(report.damaged.map(\.isUnexplained) == [true])
        #expect(places == (isCounted ? report.damaged : []))
        let runs = try cellar.reader().runs(of: film.id)
        #expect(runs.count == 8)
        #expect(runs.filter { !$0.isVerified }.map(\.run) == [run])
        // It is found again before it is served; what was counted is not counted twice.
        let isUnexcused = try await withCheckedThrowingContinuation { continuation in
            cellar.index.dropDamaged(run, of: film.id) { continuation.resume(with: $0) }
        }
        #expect(isUnexcused == !isCounted)
    }

    @Test("an index that is older than the holes in a file is no fault of the disk")
    func punched() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        // In use all the while: nobody looks at what the file was left like.
        let file = try cellar.disk.openFile(film.file, left: nil)
        let hole = 2 * Cellar.chunk..<4 * Cellar.chunk
        try file.punch(hole)
        while let change = try file.foreignChange() { file.accept(change) }
        let report = try await scrub.run(repairs: true)
        #expect(report.damaged.map(\.range.lowerBound) == [2 * Cellar.chunk, 3 * Cellar.chunk])
        #expect(report.damaged.map(\.isUnexplained) == [false, false])
        #expect(try cellar.chunks(of: film) == [0, 1, 4, 5, 6, 7])
        withExtendedLifetime(file) {}
    }

    @Test("an entry whose file is gone is found, and its rows forgotten")
    func missing() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        try cellar.disk.removeFile(film.file)
        let report = try await scrub.run(repairs: true)
        #expect(report.withoutFile.map(\.entry) == [film.id])
        #expect(report.withoutFile.map(\.key) == [film.representation.key])
        #expect(try cellar.reader().entry(film.id) == nil)
        let again = try await scrub.run(repairs: false)
        #expect(again.isClean)
        #expect(again.entries == 0)
    }

    @Test("an entry whose file may not be read is found, and forgotten with its file")
    func forbidden() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        cellar.disk.failOpening(DiskError(.permission, "not for us", path: "a"))
        let found = try await scrub.run(repairs: false)
        #expect(found.withoutFile.map(\.reason) == ["not for us"])
        #expect(cellar.hasFile(film))
        #expect(try cellar.chunks(of: film).count == 8)
        let report = try await scrub.run(repairs: true)
        #expect(report.withoutFile.map(\.entry) == [film.id])
        #expect(report.unopened.isEmpty)
        #expect(!cellar.hasFile(film))
        #expect(try cellar.reader().entry(film.id) == nil)
    }

    @Test(
        "one that may neither be read nor removed is not called forgotten, and the reason is told")
    func forbiddenFolder() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        cellar.disk.failOpening(DiskError(.permission, "not for us", path: "a"))
        cellar.disk.keepFiles()
        let report = try await scrub.run(repairs: true)
        #expect(report.withoutFile.isEmpty)
        #expect(report.unopened.map(\.reason) == ["not for us; no file goes"])
        cellar.disk.failOpening(nil)
        #expect(try cellar.chunks(of: film).count == 8)
    }

    @Test("one that may not be read any more stays while somebody reads it")
    func forbiddenInUse() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        let hold = cellar.table.spans.hold(0..<1, of: film.file, as: .reader)
        cellar.disk.failOpening(DiskError(.permission, "not for us", path: "a"))
        let report = try await scrub.run(repairs: true)
        #expect(report.unopened.map(\.entry) == [film.id])
        #expect(cellar.hasFile(film))
        #expect(try cellar.chunks(of: film).count == 8)
        withExtendedLifetime(hold) {}
    }

    @Test("of an entry whose file cannot be opened now nothing is forgotten")
    func unopened() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        cellar.disk.failOpening(DiskError(.tooManyOpen, "test", path: "a"))
        let report = try await scrub.run(repairs: true)
        #expect(report.unopened.map(\.entry) == [film.id])
        #expect(report.unopened.map(\.reason) == ["test"])
        #expect(report.withoutFile.isEmpty)
        #expect(!report.isClean)
        cellar.disk.failOpening(nil)
        #expect(try cellar.chunks(of: film).count == 8)
        #expect(try await scrub.run(repairs: false).isClean)
    }

    @Test("what is damaged is told as it is found, though the round comes to no end")
    func toldAtOnce() async throws {
        struct Interruption: Error {}
        let film = try await cellar.fill("a", accessedAt: 1)
        try flip(film, at: 5)
        var places: [Scrub.Damage] = []
        await #expect(throws: Interruption.self) {
            _ = try await scrub.run(
                repairs: false, found: { places.append($0) },
                progress: { _ in if !places.isEmpty { throw Interruption() } })
        }
        #expect(places.map(\.entry) == [film.id])
    }

    @Test("rows of another boot are trusted when they were found right")
    func stamps() async throws {
        let film = try await cellar.fill("a", accessedAt: 1)
        // Else the instant in which it was written is not over: somebody may still change it unseen.
        try await cellar.noteStamp(of: film)
        try await withCheckedThrowingContinuation { continuation in
            cellar.index.distrust(film.id) { continuation.resume(with: $0) }
        } as Void
        #expect(try cellar.reader().runs(of: film.id).allSatisfy { !$0.isVerified })
        #expect(try await scrub.run(repairs: false).isClean)
        try await cellar.index.flush()
        #expect(try cellar.reader().runs(of: film.id).allSatisfy(\.isVerified))
    }
}
