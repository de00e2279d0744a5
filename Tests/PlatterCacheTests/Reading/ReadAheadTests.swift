import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Read-ahead")
struct ReadAheadTests {
    private func at(_ seconds: Double) -> Moment { Moment(nanoseconds: Int64(seconds * 1e9)) }

    @Test("a probe is given its first request and nothing ahead")
    func probe() {
        var ahead = ReadAhead(settings: .init(), start: 1000, now: at(0))
        ahead.read(upTo: 1000 + 200_000, now: at(0.1))
        #expect(ahead.isProbe)
        #expect(ahead.windowEnd == 1000 + 512 << 10)
    }

    @Test("a reader gets at least the least window, at most the most")
    func bounds() {
        var slow = ReadAhead(settings: .init(), start: 0, now: at(0))
        slow.read(upTo: 3 << 20, now: at(100))
        #expect(slow.windowEnd == 3 << 20 + 8 << 20)
        var fast = ReadAhead(settings: .init(), start: 0, now: at(0))
        fast.read(upTo: 1 << 30, now: at(1))
        fast.read(upTo: 2 << 30, now: at(3))
        #expect(fast.windowEnd == 2 << 30 + 200 << 20)
    }

    @Test("where the cache has less room neither the window nor a request is larger")
    func littleRoom() {
        var ahead = ReadAhead(settings: .init(), start: 0, now: at(0))
        ahead.read(upTo: 1 << 30, now: at(100))
        ahead.most = 4 << 20
        #expect(ahead.windowEnd == 1 << 30 + 4 << 20)
        #expect(ahead.stride == 4 << 20)
        // What is asked for first is needed at once.
        ahead.most = 1
        #expect(ahead.stride == 512 << 10)
    }

    @Test("the window of a reader that has just begun grows with what it takes")
    func beginning() {
        var ahead = ReadAhead(settings: .init(), start: 1000, now: at(0))
        ahead.read(upTo: 1000 + 256 << 10, now: at(0.05))
        #expect(ahead.windowEnd == 1000 + 1 << 20)
        ahead.read(upTo: 1000 + 1 << 20, now: at(0.2))
        #expect(ahead.windowEnd == 1000 + 4 << 20)
    }

    @Test("never more is fetched ahead than was read, whatever the rate")
    func ceiling() {
        var ahead = ReadAhead(settings: .init(), start: 0, now: at(0))
        ahead.read(upTo: 0, now: at(1.9))
        ahead.read(upTo: 20_000_000, now: at(2.9))
        #expect(ahead.windowEnd == 40_000_000)
    }

    @Test("what fills a player's buffer at first is no rate")
    func burst() {
        var ahead = ReadAhead(settings: .init(), start: 0, now: at(0))
        ahead.read(upTo: 20_000_000, now: at(1.9))
        #expect(ahead.windowEnd == 20_000_000 + 8 << 20)
        ahead.read(upTo: 20_200_000, now: at(6.9))
        #expect(ahead.rate == 40_000)
        #expect(ahead.windowEnd == 20_200_000 + 8 << 20)
    }

    @Test("the window is the seconds asked for at the rate that is really read")
    func seconds() {
        var ahead = ReadAhead(settings: .init(), start: 0, now: at(0))
        for second in 1...40 {
            ahead.read(upTo: Int64(second) * 1_000_000, now: at(Double(second)))
        }
        #expect(ahead.windowEnd == 40_000_000 + 30_000_000)
    }

    @Test("requests grow with what was read, within bounds")
    func stride() {
        var ahead = ReadAhead(settings: .init(), start: 0, now: at(0))
        #expect(ahead.stride == 512 << 10)
        ahead.read(upTo: 3 << 20, now: at(1))
        #expect(ahead.stride == 6 << 20)
        ahead.read(upTo: 1 << 30, now: at(2))
        #expect(ahead.stride == 16 << 20)
    }

    @Test("a reader that is blocked at the end of its first request asks for a whole one again")
    func blockedProbe() {
        var settings = ReadAhead.Settings()
        settings.firstRequest = 128 << 10
        var ahead = ReadAhead(settings: settings, start: 0, now: at(0))
        ahead.read(upTo: 128 << 10, now: at(0.1))
        #expect(ahead.isProbe)
        #expect(ahead.wantedEnd(from: 128 << 10) == 384 << 10)
    }

    @Test("positions at the end of time do not trap")
    func extremes() {
        var ahead = ReadAhead(settings: .init(), start: .max - 10, now: at(0))
        ahead.read(upTo: .max, now: Moment(nanoseconds: .max))
        #expect(ahead.windowEnd == .max)
    }
}

@Suite("Deadlines of a wait")
struct WaitDeadlinesTests {
    @Test("before the head: another connection after 5 s, the end at 10")
    func head() {
        var deadlines = WaitDeadlines(settings: .init(), isHeadSent: false, since: .start)
        #expect(deadlines.next == (Moment.start.advanced(by: .seconds(5)), .hedge))
        deadlines.passed()
        #expect(deadlines.next == (Moment.start.advanced(by: .seconds(10)), .giveUp))
    }

    @Test("after the head: other connections after 5 and 10 s, the end at 30")
    func body() {
        var deadlines = WaitDeadlines(settings: .init(), isHeadSent: true, since: .start)
        #expect(deadlines.next == (Moment.start.advanced(by: .seconds(5)), .hedge))
        deadlines.passed()
        #expect(deadlines.next == (Moment.start.advanced(by: .seconds(10)), .hedge))
        deadlines.passed()
        #expect(deadlines.next == (Moment.start.advanced(by: .seconds(30)), .giveUp))
    }
}

@Suite("The habit of probing")
struct ProbeHabitTests {
    private let settings = ReadAhead.Settings()

    @Test("the first two looks cost a full first request, the next ones less and less")
    func shrinks() {
        var habit = ProbeHabit()
        let sizes = (0..<6).map { _ in
            defer { habit.closed(taken: 60_000, asked: 1 << 30, settings: settings) }
            return habit.firstRequest(settings) >> 10
        }
        #expect(sizes == [512, 512, 256, 128, 128, 128])
    }

    @Test("one that reads on ends the habit")
    func ends() {
        var habit = ProbeHabit()
        for _ in 0..<20 { habit.closed(taken: 1, asked: 1 << 30, settings: settings) }
        habit.closed(taken: 512 << 10, asked: 1 << 30, settings: settings)
        #expect(habit.firstRequest(settings) == 512 << 10)
    }

    @Test("one that gets all it asked for is no look")
    func whole() {
        var habit = ProbeHabit()
        for _ in 0..<20 { habit.closed(taken: 2, asked: 2, settings: settings) }
        #expect(habit.firstRequest(settings) == 512 << 10)
    }
}
