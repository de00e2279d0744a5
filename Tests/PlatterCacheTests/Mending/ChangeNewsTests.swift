import Foundation
import Logging
import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("What people are told of a file that somebody changes")
struct ChangeNewsTests {
    private static let url = "http://origin/film?token=secret"

    @Test("each change is told once, however many readers meet it")
    func once() async throws {
        let cellar = try Cellar()
        let film = try await cellar.fill(Self.url, accessedAt: 1)
        let resource = Resource(key: film.representation.key, url: try OriginURL(Self.url))
        let entry = try cellar.table.entry(of: film, resource: resource)
        let file = try #require(entry.opened?.file)
        for _ in 1...2 {
            while let change = try file.foreignChange() { file.accept(change) }
            let handle = try #require(FileHandle(forUpdatingAtPath: cellar.path(of: film)))
            try handle.seekToEnd()
            try handle.write(contentsOf: [1])
            try handle.close()
            #expect(try file.foreignChange() != nil)
            #expect(entry.tellsOfChange())
            #expect(!entry.tellsOfChange())
        }
    }

    @Test("it is named by its number and by its URL, without what may be secret in that")
    func named() async throws {
        let cellar = try Cellar()
        let film = try await cellar.fill(Self.url + " 1234", accessedAt: 1)
        let said = film.naming(["file": "a"]).mapValues { "\($0)" }
        #expect(
            said == ["id": "\(film.id.rawValue)", "url": "http://origin/film?…", "file": "a"])
    }
}
