import Testing

@testable import PlatterOrigin

@Suite("What is news of an origin")
struct OriginNewsTests {
    private var news = OriginNews()
    private let origin = "a.example:443"

    @Test("the first failure is told, then none until it has answered, and that is told once")
    mutating func oneLine() {
        #expect(news.answered(origin) == false)
        #expect(news.failed(origin, now: 0) == true)
        for now in Int64(0)...1000 { #expect(news.failed(origin, now: now) == false) }
        #expect(news.answered(origin) == true)
        #expect(news.answered(origin) == false)
        #expect(news.failed(origin, now: 2000) == true)
    }

    @Test("one that fails now and then is told of once a minute")
    mutating func flapping() {
        var lines = 0
        for now in Int64(0)..<600 {
            if news.failed(origin, now: now) { lines += 1 }
            if news.answered(origin) { lines += 1 }
        }
        #expect(lines == 2 * 10)
    }

    @Test("one that then fails for good is told of soon")
    mutating func forGood() {
        #expect(news.failed(origin, now: 0) == true)
        #expect(news.answered(origin) == true)
        let told = (1...20).map { news.failed(origin, now: Int64($0)) }
        #expect(told.firstIndex(of: true) == Int(OriginNews.firstGap) - 1)
        #expect(told.count(where: \.self) == 1)
    }

    @Test("one that fails several times between two answers is told of more and more rarely")
    mutating func broken() {
        var lines = 0
        for now in Int64(0)..<600 {
            for _ in 0..<OriginNews.lasting where news.failed(origin, now: now) { lines += 1 }
            if news.answered(origin) { lines += 1 }
        }
        // At 0, 10, 30 and 70 s, and then once a minute.
        #expect(lines == 2 * (4 + 8))
    }

    @Test("bodies that break off are told of from the third on, and heads do not speak for them")
    mutating func breaks() {
        for _ in 1..<OriginNews.breaksToFail {
            #expect(news.brokeOff(origin, now: 0) == false)
            #expect(news.answered(origin) == false)
        }
        #expect(news.brokeOff(origin, now: 0) == true)
        for now in Int64(1)...100 {
            #expect(news.answered(origin) == false)
            #expect(news.brokeOff(origin, now: now) == false)
        }
        #expect(news.delivered(origin) == true)
        #expect(news.delivered(origin) == false)
    }

    @Test("breaks between which something comes are never told")
    mutating func goesOn() {
        for now in Int64(0)...1000 {
            #expect(news.brokeOff(origin, now: now) == false)
            #expect(news.brokeOff(origin, now: now) == false)
            #expect(news.delivered(origin) == false)
        }
    }

    @Test("origins do not hide each other, and a clock that was set back hides nothing")
    mutating func apart() {
        #expect(news.failed(origin, now: 100) == true)
        #expect(news.failed("b.example:443", now: 100) == true)
        #expect(news.answered("c.example:443") == false)
        #expect(news.answered(origin) == true)
        #expect(news.failed(origin, now: 50) == true)
    }

    @Test("no number of origins takes memory without end")
    func limit() {
        var news = OriginNews(limit: 10)
        for number in 0..<1000 { #expect(news.failed("\(number)", now: Int64(number)) == true) }
        #expect(news.count == 10)
        #expect(news.answered("999") == true)
        #expect(news.failed("new", now: 1000) == true)
        #expect(news.failed("998", now: 1000) == false)
    }
}
