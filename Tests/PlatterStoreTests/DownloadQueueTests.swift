import PlatterCore
import PlatterStore
import Testing

@Suite("The download queue")
struct DownloadQueueTests {
    let index: TestIndex

    init() throws { index = try TestIndex() }

    private func download(
        _ key: String, start: Int64 = 0, end: Int64? = nil, priority: FetchPriority = .medium,
        isPinned: Bool = false, at time: Int64 = 10
    ) -> NewDownload {
        NewDownload(
            key: CacheKey(key), url: "http://origin/" + key, start: start, end: end,
            priority: priority, isPinned: isPinned, createdAt: time)
    }

    @Test("wishes come back as they were made, the most urgent first, also after a restart")
    func order() async throws {
        let low = try await index.writer.enqueue(download("a", priority: .low))
        let high = try await index.writer.enqueue(download("b", start: 5, end: 9, priority: .high))
        let pinned = try await index.writer.enqueue(download("c", priority: .low, isPinned: true))
        #expect(low.download == download("a", priority: .low))
        #expect(low.attempts == 0)
        #expect(low.nextAttemptAt == 10)
        #expect(low.lastError == nil)
        try await index.writer.close()
        let again = try IndexWriter(path: index.path, boot: "boot 2")
        #expect(try await again.downloads() == [high, low, pinned])
    }

    @Test("a second wish for a key widens the first and forgets its failures")
    func widening() async throws {
        let first = try await index.writer.enqueue(
            download("a", start: 50, end: 90, priority: .high, isPinned: true))
        try await index.writer.noteFailure(of: first, error: "503", nextAttemptAt: 99)
        let second = try await index.writer.enqueue(download("a", start: 20, end: 60, at: 30))
        #expect(second.id == first.id)
        #expect(
            second.download
                == download("a", start: 20, end: 90, priority: .high, isPinned: true))
        #expect(second.attempts == 0)
        #expect(second.nextAttemptAt == 30)
        #expect(second.lastError == nil)
        let third = try await index.writer.enqueue(download("a", start: 30))
        #expect(third.download.end == nil)
        #expect(third.download.start == 20)
        let fourth = try await index.writer.enqueue(download("a", start: 30, end: 40))
        #expect(fourth.download.end == nil)
    }

    @Test("failures are counted, with the last one's reason and the next date")
    func failure() async throws {
        let item = try await index.writer.enqueue(download("a"))
        try await index.writer.noteFailure(of: item, error: "timed out", nextAttemptAt: 20)
        try await index.writer.noteFailure(of: item, error: "503", nextAttemptAt: 40)
        let row = try #require(try await index.writer.downloads().first)
        #expect(row.attempts == 2)
        #expect(row.lastError == "503")
        #expect(row.nextAttemptAt == 40)
    }

    @Test("what was taken off is gone, and was there only once")
    func dequeue() async throws {
        let item = try await index.writer.enqueue(download("a"))
        #expect(try await index.writer.dequeue(item))
        #expect(try await index.writer.dequeue(item) == false)
        #expect(try await index.writer.downloads().isEmpty)
    }

    @Test("an empty range is refused")
    func empty() async throws {
        let error = await #expect(throws: IndexError.self) {
            try await index.writer.enqueue(download("a", start: 5, end: 5))
        }
        #expect(error?.code == .constraint)
    }
}
