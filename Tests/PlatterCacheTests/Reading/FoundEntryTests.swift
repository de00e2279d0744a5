import PlatterCore
import PlatterHTTP
import PlatterStore
import Testing

@testable import PlatterCache

/// Two entries of one record would each fetch the same bytes for its own readers.
@Suite("What there is of a resource, while others open it")
struct FoundEntryTests {
    private let cellar: Cellar
    private let resource: Resource

    init() throws {
        cellar = try Cellar()
        resource = Resource(key: CacheKey("film"), url: try OriginURL("http://origin/film"))
    }

    private func found(_ ask: (Int) throws(IndexError) -> EntryRecord?) throws -> EntryTable.Found {
        var questions = 0
        return try cellar.table.find(resource) { (_) throws(IndexError) in
            questions += 1
            return try ask(questions)
        }
    }

    @Test("all who come while it is opened get one entry")
    func unopened() throws {
        guard case .unopened(let first) = try found({ _ in nil }),
            case .unopened(let second) = try found({ _ in nil })
        else {
            Issue.record("the index knows nothing")
            return
        }
        #expect(first === second)
    }

    @Test("what is opened between the question and its answer is asked for once more")
    func openedMeanwhile() async throws {
        let record = try await cellar.fill("film", accessedAt: 1)
        let opened = try cellar.table.open(record)
        let entry = try #require(cellar.table.opening(resource))
        let result = try found { number in
            if number == 1 { #expect(entry.open(opened)) }
            return number == 1 ? nil : record
        }
        guard case .recorded(let known) = result else {
            Issue.record("another entry is opened beside the one that is open")
            return
        }
        #expect(known.id == record.id)
        #expect(try cellar.table.entry(of: record, resource: resource) === entry)
    }

    @Test("one that is open and of which the index knows nothing has gone: another is opened")
    func gone() async throws {
        let record = try await cellar.fill("film", accessedAt: 1)
        let old = try cellar.table.entry(of: record, resource: resource)
        guard case .unopened(let new) = try found({ _ in nil }) else {
            Issue.record("the index knows nothing")
            return
        }
        #expect(new !== old && new.opened == nil)
    }
}
