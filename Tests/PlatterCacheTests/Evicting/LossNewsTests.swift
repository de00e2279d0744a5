import PlatterCore
import Testing

@testable import PlatterCache

@Suite("What is told of room that is given up for the disk")
struct LossNewsTests {
    private var news = LossNews()

    @Test("the first loss at once, then once in a while all since")
    mutating func paced() {
        #expect(news.lost(0, now: .start) == nil)
        #expect(news.lost(5, now: .start) == 5)
        #expect(news.lost(7, now: .start) == nil)
        #expect(news.lost(8, now: .start) == nil)
        let later = Moment.start.advanced(by: LossNews.interval)
        #expect(news.lost(0, now: later) == nil)
        #expect(news.lost(1, now: later) == 16)
        #expect(news.lost(.max, now: later) == nil)
        #expect(news.lost(.max, now: later.advanced(by: LossNews.interval)) == .max)
    }

    @Test("it is the disk when that leaves less than the settings")
    func reason() {
        var settings = EvictionPolicy.Settings()
        settings.maximum = 100
        settings.reserve = 10
        let policy = EvictionPolicy(settings: settings)
        #expect(!policy.isShortOfDisk(.init(taken: 100, free: 200, total: 1000)))
        #expect(policy.isShortOfDisk(.init(taken: 100, free: 99, total: 1000)))
        // The disk does not say how large it is.
        #expect(!policy.isShortOfDisk(.init(taken: 100, free: .max, total: 0)))
    }
}
