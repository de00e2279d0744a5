import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("An entry whose file cannot be opened", .timeLimit(.minutes(1)))
struct UselessFileTests {
    private let cellar: Cellar
    private let evictor: Evictor
    private let film: EntryRecord

    init() async throws {
        cellar = try Cellar()
        film = try await cellar.fill("film", accessedAt: 1)
        evictor = try cellar.evictor(maximum: 1 << 30)
    }

    private var isKnown: Bool { get throws { try cellar.reader().entry(film.id) != nil } }

    @Test("is forgotten with its file, whoever wants it kept, and counts no more")
    func removed() async throws {
        try await cellar.pin(film)
        cellar.disk.failOpening(DiskError(.permission, "not for us", path: "film"))
        #expect(try await evictor.removeUseless(film) == .removed)
        #expect(try !isKnown)
        #expect(!cellar.hasFile(film))
        #expect(evictor.usage().taken == 0)
    }

    @Test("is forgotten once, though several find it at the same instant")
    func atOnce() async throws {
        try FileManager.default.removeItem(atPath: cellar.path(of: film))
        async let first = evictor.removeUseless(film)
        async let second = evictor.removeUseless(film)
        let removals = try await [first, second]
        #expect(removals == [.removed, .removed])
        #expect(try !isKnown)
    }

    @Test(
        "is left as it is for what may pass, and where its file is all right",
        arguments: [nil, .tooManyOpen, .io, .noSpace, .other] as [DiskError.Code?])
    func left(code: DiskError.Code?) async throws {
        cellar.disk.failOpening(code.map { DiskError($0, "test", path: "film") })
        #expect(try await evictor.removeUseless(film) == .usable)
        cellar.disk.failOpening(nil)
        #expect(try cellar.bytes(of: film) == Array(0..<8))
        #expect(try cellar.chunks(of: film) == Array(0..<8))
        #expect(!cellar.table.spans.isCondemned(film.file))
    }

    @Test("stays where its file may not be removed either, and nobody is to ask for it again now")
    func stays() async throws {
        cellar.disk.failOpening(DiskError(.permission, "not for us", path: "film"))
        cellar.disk.keepFiles()
        #expect(try await evictor.giveUp(film) == false)
        #expect(try cellar.chunks(of: film) == Array(0..<8))
        #expect(!cellar.table.spans.isCondemned(film.file))
    }

    @Test("stays for who reads it, and who comes next opens another one")
    func inUse() async throws {
        let hold = cellar.table.spans.hold(0..<1, of: film.file, as: .reader)
        try FileManager.default.removeItem(atPath: cellar.path(of: film))
        #expect(try await evictor.giveUp(film))
        #expect(try cellar.reader().entry(film.id)?.supersededAt != nil)
        #expect(try cellar.chunks(of: film) == Array(0..<8))
        withExtendedLifetime(hold) {}
    }

    @Test("is not said to have gone while the folder is not in its place")
    func elsewhere() async throws {
        // From now on its connections to the index are open.
        #expect(try await evictor.removeUseless(film) == .usable)
        try FileManager.default.removeItem(atPath: cellar.path(of: film))
        let (path, away) = (cellar.path, cellar.path + "-away")
        try FileManager.default.moveItem(atPath: path, toPath: away)
        #expect(try await evictor.removeUseless(film) == .usable)
        try FileManager.default.moveItem(atPath: away, toPath: path)
        #expect(try cellar.chunks(of: film) == Array(0..<8))
        #expect(try await evictor.removeUseless(film) == .removed)
    }

    @Test("is forgotten a while after a reader has seen that its file has lost its name")
    func later() async throws {
        let actions = NIOLockedValueBox<[@Sendable () -> Void]>([])
        let evictor = try cellar.evictor(maximum: 1 << 30) { time, action in
            if time == LostFileSweep.grace { actions.withLockedValue { $0.append(action) } }
        }
        try FileManager.default.removeItem(atPath: cellar.path(of: film))
        evictor.lookLater(at: film)
        #expect(try isKnown)
        for action in actions.withLockedValue({ $0 }) { action() }
        let reader = try cellar.reader()
        while try reader.entry(film.id) != nil {
            try Task.checkCancellation()
            await Task.yield()
        }
        #expect(try cellar.reader().totalRecordedBytes() == 0)
    }
}
