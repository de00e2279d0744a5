import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache

@Suite("Which flaws of answers are news")
struct FlawNewsTests {
    private var news = FlawNews()
    private let film = CacheKey("film")

    @Test("each of an object once in a while")
    mutating func once() {
        #expect(news.isNews(.wrongStart, of: film, now: .start) == true)
        #expect(news.isNews(.wrongStart, of: film, now: .start) == false)
        #expect(news.isNews(.wrongEnd, of: film, now: .start) == true)
        #expect(news.isNews(.wrongStart, of: CacheKey("other"), now: .start) == true)
        let later = Moment.start.advanced(by: FlawNews.quiet)
        #expect(news.isNews(.wrongStart, of: film, now: later) == true)
        #expect(news.isNews(.wrongStart, of: film, now: later) == false)
    }

    @Test("no number of objects takes memory without end, or hides a new one")
    mutating func limit() {
        for number in 0..<(2 * FlawNews.limit + 1) {
            #expect(news.isNews(.wrongStart, of: CacheKey("\(number)"), now: .start) == true)
        }
        #expect(news.isNews(.wrongStart, of: CacheKey("0"), now: .start) == true)
    }
}
