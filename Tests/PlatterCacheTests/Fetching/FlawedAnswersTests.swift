import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache

@Suite("Answers that cannot be used")
struct FlawedAnswersTests {
    /// Answers that came at so many seconds to requests that were sent at others.
    private func standings(
        _ answers: [(asked: Double, came: Double)]
    ) -> [FlawedAnswers.Standing] {
        var flaws = FlawedAnswers()
        return answers.map {
            flaws.add(
                askedAt: Moment.start.advanced(by: .seconds($0.asked)),
                now: Moment.start.advanced(by: .seconds($0.came)))
        }
    }

    @Test("the third in a row is lasting, once it has gone on for a while")
    func inARow() {
        #expect(
            standings([(0, 0), (0.5, 0.5), (1, 1), (1.9, 1.9), (2, 2)])
                == [.accident, .repeated, .repeated, .repeated, .lasting])
        #expect(standings([(0, 0), (9, 9), (18, 18)]) == [.accident, .repeated, .lasting])
    }

    @Test("those that were under way together are one")
    func together() {
        #expect(
            standings([(0, 1), (0, 2), (0, 3), (0.5, 4), (2, 5)])
                == [.accident, .accident, .accident, .accident, .repeated])
    }

    @Test("one long after another is the first again")
    func longAfter() {
        #expect(
            standings([(0, 0), (1, 1), (2, 2), (62, 62), (63, 63)])
                == [.accident, .repeated, .lasting, .accident, .repeated])
    }

    @Test("a good one between them ends the row")
    func interrupted() {
        var flaws = FlawedAnswers()
        for second in 0..<100 {
            let now = Moment.start.advanced(by: .seconds(second))
            #expect(flaws.add(askedAt: now, now: now) != .lasting)
            if second % 2 == 1 { flaws.end() }
        }
    }

    @Test("one that came to open an entry is forgotten when the origin has said what there is")
    func opening() throws {
        let url = try OriginURL("http://origin.example/film.mp4")
        let entry = Entry(
            handle: EntryHandle(1), resource: Resource(key: CacheKey(url.description), url: url))
        let now = Moment.start
        #expect(!entry.isFlawedAgain(askedAt: now, now: now))
        #expect(entry.isFlawedAgain(askedAt: now, now: now))
        entry.answeredAtAll()
        #expect(!entry.isFlawedAgain(askedAt: now, now: now))
        let later = now.advanced(by: FlawedAnswers.memory)
        #expect(!entry.isFlawedAgain(askedAt: later, now: later))
    }
}
