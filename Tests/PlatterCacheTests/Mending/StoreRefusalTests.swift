import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("A disk that takes no bytes")
struct StoreRefusalTests {
    private let cellar: Cellar

    init() throws { cellar = try Cellar() }

    private func isOfFile(_ code: DiskError.Code) -> Bool {
        Refusal.isOfFile(DiskError(code, "test", path: "a"), on: cellar.disk)
    }

    private func files() throws -> [DataFileName] {
        try (UInt8.min...UInt8.max).flatMap { (folder) throws(any Error) in
            try cellar.disk.fileNames(inFolder: folder)
        }
    }

    @Test(
        "what the disk says of one file is about that one as long as another can be made",
        arguments: [
            DiskError.Code.permission, .readOnly, .notOurs, .exists, .truncated, .unsupported,
            .other,
        ])
    func unclear(code: DiskError.Code) throws {
        #expect(isOfFile(code))
        #expect(try files().isEmpty, "nothing stays of the trial")
        cellar.disk.failCreating(DiskError(.permission, "test", path: "objects"))
        #expect(!isOfFile(code))
    }

    @Test(
        "what can only be about the disk is, whatever else works",
        arguments: [DiskError.Code.noSpace, .quota, .io, .missing, .tooManyOpen, .inUse])
    func disk(code: DiskError.Code) { #expect(!isOfFile(code)) }

    @Test("a file that is too large says nothing of others")
    func large() {
        cellar.disk.failCreating(DiskError(.io, "test", path: "objects"))
        #expect(isOfFile(.tooLarge))
    }

    @Test("what the index says is never about one file")
    func index() {
        #expect(!Refusal.isOfFile(IndexError(.readOnly, "test"), on: cellar.disk))
    }

    @Test("why a resource is passed by is known for as long as it is")
    func reason() {
        let (key, now) = (CacheKey("a"), Moment.start)
        #expect(cellar.table.reasonToBypass(key, now: now) == nil)
        cellar.table.bypass(key, now: now, for: .seconds(10), because: .store)
        #expect(cellar.table.reasonToBypass(key, now: now) == .store)
        #expect(cellar.table.reasonToBypass(key, now: now.advanced(by: .seconds(10))) == nil)
        cellar.table.bypass(key, now: now)
        #expect(cellar.table.reasonToBypass(key, now: now) == .unstorable)
    }
}
