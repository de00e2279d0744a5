import Foundation
import Logging
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A sweep over files without an entry")
struct OrphanSweepTests {
    private let cellar: Cellar
    private let sweep: OrphanSweep

    init() throws {
        cellar = try Cellar()
        sweep = OrphanSweep(
            disk: cellar.disk, search: IndexSearch(reader: try cellar.reader()),
            evictor: try cellar.evictor(maximum: 1 << 30), table: cellar.table, pause: .zero,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A name in a folder of this number.
    private func name(_ folder: UInt8, _ number: Int = 0) throws -> DataFileName {
        let digits = (String(folder, radix: 16), String(number, radix: 16))
        let hash = String(repeating: "0", count: 2 - digits.0.count) + digits.0
        let salt = String(repeating: "0", count: 16 - digits.1.count) + digits.1
        return try #require(
            DataFileName(hash + String(repeating: "f", count: 30) + "-" + salt))
    }

    private func path(_ name: DataFileName) -> String {
        cellar.path + "/objects/\(name.folder)/\(name.text)"
    }

    private func isThere(_ name: DataFileName) -> Bool {
        FileManager.default.fileExists(atPath: path(name))
    }

    @Test("files that the index does not know go, in whichever folder, and no others")
    func orphans() async throws {
        let film = try await cellar.fill("film", accessedAt: 1)
        let names = [try name(0), try name(0, 1), try name(100), try name(255)]
        for name in names { _ = try cellar.disk.createFile(name) }
        #expect(await sweep.run() == 4)
        #expect(names.filter(isThere).isEmpty)
        #expect(cellar.hasFile(film))
        #expect(try cellar.bytes(of: film) == Array(0..<8))
        #expect(await sweep.run() == 0)
    }

    @Test("what cannot be removed keeps nothing else from going")
    func stubborn() async throws {
        let stubborn = try name(1)
        try FileManager.default.createDirectory(
            atPath: path(stubborn), withIntermediateDirectories: true)
        // Whichever is listed first: one of them comes after it.
        let names = try (0..<4).map { try name(1, 1 + $0) } + [try name(2), try name(255)]
        for name in names { _ = try cellar.disk.createFile(name) }
        #expect(await sweep.run() == names.count)
        #expect(names.filter(isThere).isEmpty)
        #expect(isThere(stubborn))
    }

    @Test("a folder that cannot be read keeps no other from being looked through")
    func unreadable() async throws {
        let names = [try name(1), try name(255)]
        for name in names { _ = try cellar.disk.createFile(name) }
        // It cannot be listed.
        try Data().write(to: URL(fileURLWithPath: cellar.path + "/objects/00"))
        #expect(await sweep.run() == 2)
        #expect(names.filter(isThere).isEmpty)
    }
}
