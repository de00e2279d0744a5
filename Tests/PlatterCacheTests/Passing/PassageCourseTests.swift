import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache

@Suite("What a passage does next")
struct PassageCourseTests {
    private static let film = RepresentationIdentity(
        validator: .strong(tag: "\"v1\""), completeLength: 10 * mib, contentType: "video/mp4")

    private static func at(_ seconds: Double) -> Moment {
        Moment(nanoseconds: Int64(seconds * 1e9))
    }

    private var course = PassageCourse(deadline: PassageCourseTests.at(10))

    private mutating func ended(
        _ ending: PassageCourse.Ending, at seconds: Double
    ) -> PassageCourse.Action {
        course.ended(ending, now: Self.at(seconds), jitter: 0)
    }

    private mutating func beginsBody(from first: Int64 = 0) {
        course.begins()
        course.proves(.init(identity: Self.film, end: 10 * mib), from: first)
        course.sentHead(now: Self.at(1))
    }

    @Test("before the head it is tried again with growing pauses, until the time is over")
    mutating func unanswered() {
        course.begins()
        #expect(ended(.broken, at: 0) == .ask(at: Self.at(0.25)))
        course.begins()
        #expect(ended(.broken, at: 1) == .ask(at: Self.at(1.5)))
        course.begins()
        #expect(ended(.broken, at: 2) == .ask(at: Self.at(3)))
        course.begins()
        #expect(ended(.broken, at: 9.5) == .end(.unavailable))
    }

    @Test("then the last answer is what the player gets")
    mutating func faulty() {
        _ = ended(.faulty(.init(status: 503, retryAfter: 3)), at: 0)
        #expect(
            ended(.faulty(.init(status: 500, retryAfter: nil)), at: 9)
                == .ask(at: Self.at(9.5)))
        #expect(ended(.broken, at: 9.9) == .end(.failed(status: 500, retryAfter: nil)))
    }

    @Test(
        "what another try does not mend is told at once",
        arguments: [Bypass.Ending.failed(status: 502, retryAfter: nil), .badCertificate])
    mutating func hopeless(ending: Bypass.Ending) {
        #expect(ended(.hopeless(ending), at: 0) == .end(ending))
        course.sentHead(now: Self.at(1))
        #expect(ended(.hopeless(ending), at: 1) == .end(.short))
    }

    @Test("an answer that proves no version ends where it breaks off")
    mutating func unproven() {
        course.sentHead(now: Self.at(1))
        course.handedOn(100, now: Self.at(1))
        var whole = course
        #expect(ended(.broken, at: 2) == .end(.short))
        #expect(whole.ended(.complete, now: Self.at(2), jitter: 0) == .end(.complete))
    }

    @Test("bytes of a version go on at once after a break on the way")
    mutating func goesOn() {
        beginsBody(from: 3 * mib)
        course.handedOn(mib, now: Self.at(2))
        #expect(ended(.broken, at: 3) == .ask(at: Self.at(3)))
        #expect(course.position == 4 * mib)
        course.begins()
        course.handedOn(6 * mib, now: Self.at(4))
        #expect(course.isDone)
        // It broke off behind the last byte.
        #expect(ended(.broken, at: 4) == .end(.complete))
    }

    @Test("a short answer that is well formed is no break, however short")
    mutating func capped() {
        beginsBody()
        course.handedOn(10, now: Self.at(2))
        #expect(ended(.complete, at: 3) == .ask(at: Self.at(3)))
    }

    @Test(
        "from the third short answer in a row that brings next to nothing there are pauses, which grow"
    )
    mutating func scant() {
        beginsBody()
        let waits = [0, 0, 0.25, 0.5, 1, 1]
        for (number, wait) in waits.enumerated() {
            let time = 2 + 10 * Double(number)
            course.handedOn(10, now: Self.at(time))
            #expect(ended(.complete, at: time) == .ask(at: Self.at(time + wait)))
            course.begins()
        }
        // The first that is of use ends them.
        course.handedOn(mib, now: Self.at(70))
        #expect(ended(.complete, at: 70) == .ask(at: Self.at(70)))
        course.begins()
        course.handedOn(10, now: Self.at(80))
        #expect(ended(.complete, at: 80) == .ask(at: Self.at(80)))
    }

    @Test("pauses grow where next to nothing comes, and hope ends 30 s after the last byte")
    mutating func starved() {
        beginsBody()
        course.handedOn(10, now: Self.at(2))
        #expect(ended(.broken, at: 2) == .ask(at: Self.at(2.25)))
        course.begins()
        #expect(ended(.untrusted, at: 3) == .ask(at: Self.at(3.5)))
        course.begins()
        #expect(ended(.faulty(.init(status: 503, retryAfter: nil)), at: 4) == .ask(at: Self.at(5)))
        course.begins()
        #expect(ended(.broken, at: 30.5) == .ask(at: Self.at(31.5)))
        course.begins()
        #expect(ended(.broken, at: 31.5) == .end(.short))
    }

    @Test("answers that cannot be used end it when three come without a byte between them")
    mutating func untrusted() {
        beginsBody()
        #expect(ended(.untrusted, at: 1) != .end(.short))
        course.begins()
        #expect(ended(.untrusted, at: 2) != .end(.short))
        course.begins()
        course.handedOn(10, now: Self.at(2))
        #expect(ended(.broken, at: 3) != .end(.short))
        for (time, isLast) in [(4.0, false), (5, false), (6, true)] {
            course.begins()
            #expect((ended(.untrusted, at: time) == .end(.short)) == isLast)
        }
    }

    @Test("before the head one answer that is none is worth another try, and no more")
    mutating func invalid() {
        #expect(ended(.invalid, at: 1) == .ask(at: Self.at(1.25)))
        course.begins()
        #expect(ended(.invalid, at: 2) == .end(.invalid))
    }

    @Test("where there is no time for that it is told at once")
    mutating func invalidLate() {
        #expect(ended(.invalid, at: 9.9) == .end(.invalid))
    }

    @Test("after the head it is a break like any other")
    mutating func invalidAfterHead() {
        beginsBody()
        course.handedOn(mib, now: Self.at(2))
        for (time, next) in [(2, 2), (3, 3.25), (4, 4.5), (5, 6)] as [(Double, Double)] {
            #expect(ended(.invalid, at: time) == .ask(at: Self.at(next)))
            course.begins()
        }
    }

    @Test("a wait is overdue with the deadline before the head, and 20 s before the end after it")
    mutating func deadline() {
        #expect(course.deadline == Self.at(10))
        beginsBody()
        course.handedOn(10, now: Self.at(3))
        #expect(course.deadline == Self.at(13))
    }

    @Test("the wait for bandwidth is not the origin's")
    mutating func paused() {
        beginsBody()
        course.paused(.seconds(60))
        #expect(ended(.broken, at: 60) == .ask(at: Self.at(60.25)))
    }

    @Test("another version, or none, ends a body short and is another answer before it")
    mutating func refused() {
        var early = PassageCourse(
            promise: .init(identity: Self.film, end: mib), deadline: Self.at(10))
        #expect(early.ended(.refused, now: Self.at(1), jitter: 0) == .end(.refused))
        beginsBody()
        #expect(ended(.refused, at: 2) == .end(.short))
    }
}
