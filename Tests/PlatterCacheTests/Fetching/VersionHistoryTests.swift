import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Versions that come and go")
struct VersionHistoryTests {
    /// A history, asked at so many seconds.
    private final class Film {
        private var history = VersionHistory()

        func opens(
            _ tag: String, length: Int64 = 1, at seconds: Double, afterAnother: Bool = true,
            isConfirmed: Bool = true
        ) -> Bool {
            if afterAnother { history.superseded() }
            defer { if isConfirmed { history.confirmed() } }
            return opens(tag, length, seconds)
        }

        private func opens(_ tag: String, _ length: Int64, _ seconds: Double) -> Bool {
            history.opens(
                .strong(tag: tag), completeLength: length,
                now: Moment.start.advanced(by: .seconds(seconds)))
        }
    }

    private let film = Film()

    @Test("two that alternate are noticed when one has come back three times")
    func alternating() {
        let answers = ["a", "b", "a", "b"].map { film.opens($0, at: 0) }
        #expect(answers == [false, false, false, false])
        #expect(film.opens("a", at: 1))
        #expect(film.opens("b", at: 2))
    }

    @Test("new ones are new ones, however many, if there is time to see one")
    func growing() {
        for length in Int64(1)...100 {
            #expect(!film.opens("a", length: length, at: Double(length) * 4))
        }
    }

    @Test("another one with every answer is noticed at the fourth")
    func unique() {
        let answers = (0..<6).map { film.opens("tag \($0)", at: Double($0)) }
        #expect(answers == [false, false, false, true, true, true])
    }

    @Test("another one with every answer is noticed also where each takes its time")
    func slowlyUnique() {
        let answers = (0..<8).map {
            film.opens("tag \($0)", at: Double($0) * 50, isConfirmed: false)
        }
        // Those that come after it was noticed have their chance.
        #expect(answers == [false, false, false, true, false, false, true, false])
    }

    @Test("one of which a second answer gave bytes is no part of such a row")
    func confirmed() {
        for number in 0..<100 {
            #expect(
                !film.opens("tag \(number)", at: Double(number) * 4, isConfirmed: number % 3 == 0))
        }
    }

    @Test("nor is one that was the present one for a while")
    func rarelyAsked() {
        for day in 0..<100 {
            #expect(!film.opens("tag \(day)", at: Double(day) * 86_400, isConfirmed: false))
        }
    }

    @Test("one that was only evicted does not come back: it never went")
    func same() {
        for _ in 0..<100 { #expect(!film.opens("a", at: 0, afterAnother: false)) }
    }

    @Test("one that gives way to another again and again is noticed, if the other is never opened")
    func hidden() {
        #expect((0..<4).map { film.opens("a", at: Double($0)) } == [false, false, false, true])
    }

    @Test("one that comes back now and then is no reason to worry")
    func slowly() {
        for turn in 0..<20 {
            #expect(!film.opens(turn % 2 == 0 ? "a" : "b", at: Double(turn) * 301))
        }
    }
}
