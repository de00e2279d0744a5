import Foundation
import GRDB
import PlatterCore
import Testing

@testable import PlatterStore

@Suite("What lies in the place of the index and is none, at a start")
struct ForeignIndexTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/index.sqlite" }

    init() throws { folder = try TemporaryFolder() }

    private func exists(_ suffix: String) -> Bool {
        (try? FileManager.default.attributesOfItem(atPath: path + suffix)) != nil
    }

    private func makeFolder(_ suffix: String) throws {
        try FileManager.default.createDirectory(
            atPath: path + suffix, withIntermediateDirectories: false)
        try Data().write(to: URL(fileURLWithPath: path + suffix + "/theirs"))
    }

    /// Expects that it is called corrupt, and that another one can be made then.
    private func expectSetAside(_ location: SourceLocation = #_sourceLocation) async throws {
        let error = #expect(throws: IndexError.self, sourceLocation: location) {
            try IndexWriter(path: path, boot: "boot 1")
        }
        #expect(error?.code == .corrupt, sourceLocation: location)
        let writer = IndexWriter(path: path, boot: "boot 1", without: try #require(error))
        try await writer.renew()
        _ = try await writer.openEntry(newEntry())
        try await writer.close()
    }

    @Test("a folder is set aside, whatever was set aside before", arguments: ["", "-wal", "-shm"])
    func folders(suffix: String) async throws {
        try makeFolder(suffix)
        try Data().write(to: URL(fileURLWithPath: path + ".lost" + suffix))
        try await expectSetAside()
        #expect(exists(".lost" + suffix + "/theirs"))
        // And once more, where a folder that is not empty lies already.
        if exists(suffix) { try FileManager.default.removeItem(atPath: path + suffix) }
        try makeFolder(suffix)
        try await expectSetAside()
        #expect(exists(".lost" + suffix + "/theirs"))
        #expect(exists(".lost" + suffix + "-folder/theirs"))
    }

    @Test("a folder in the place of the mark of that is moved away")
    func folderForMark() async throws {
        for place in [".giving-up-folder/theirs", ".giving-up-folder-2/theirs"] {
            try makeFolder("")
            try makeFolder(".giving-up")
            try await expectSetAside()
            #expect(!exists(".giving-up"))
            #expect(exists(place))
            try FileManager.default.removeItem(atPath: path)
        }
    }

    @Test("so is a link, and nothing is made where it leads")
    func linkForMark() async throws {
        try makeFolder("")
        let target = folder.path + "/elsewhere"
        #expect(symlink(target, path + ".giving-up") == 0)
        try await expectSetAside()
        #expect(!exists(".giving-up"))
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test("without anything to be set aside it is no mark")
    func folderBesideIndex() async throws {
        let writer = try IndexWriter(path: path, boot: "boot 1")
        let entry = try await writer.openEntry(newEntry())
        try await writer.close()
        try makeFolder(".giving-up")
        let again = try IndexWriter(path: path, boot: "boot 1")
        let found = try again.makeReader().entry(for: entry.representation.key)
        #expect(found?.file == entry.file)
        try await again.close()
        #expect(exists(".giving-up/theirs"))
    }

    @Test("a folder in the place of the mark of doubt is moved away")
    func folderForDoubt() throws {
        let place = IndexPlace(path: path)
        try Data().write(to: URL(fileURLWithPath: path))
        try makeFolder(".doubted")
        #expect(place.markDoubted(try FileIdentity.at(path)))
        #expect(exists(".doubted-folder/theirs"))
        #expect(place.unmark())
        #expect(try !place.isDoubted)
        // One alone is taken for a mark, once.
        try makeFolder(".doubted")
        #expect(try place.isDoubted)
        #expect(place.unmark())
        #expect(try !place.isDoubted)
        try FileManager.default.createDirectory(
            atPath: path + ".doubted", withIntermediateDirectories: false)
        #expect(place.unmark())
        #expect(!exists(".doubted-folder-3"))
    }

    @Test("a link is set aside, and nothing is made where it leads")
    func link() async throws {
        let target = folder.path + "/elsewhere"
        #expect(symlink(target, path) == 0)
        try await expectSetAside()
        #expect(exists(".lost"))
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test(
        "another program's database is set aside, also one with a table of our name",
        arguments: ["t", "cache_entries"])
    func database(table: String) async throws {
        let other = try DatabaseQueue(path: path)
        try await other.write { try $0.execute(sql: "CREATE TABLE \(table) (x)") }
        try other.close()
        try await expectSetAside()
        let kept = try DatabaseQueue(path: path + ".lost")
        #expect(try await kept.read { try $0.tableExists(table) })
        try kept.close()
    }
}
