import PlatterProcess
import Testing

@Suite("The queue of the log")
struct LogQueueTests {
    private var queue: LogQueue

    init() {
        var limits = LogQueue.Limits()
        (limits.lines, limits.bytes) = (3, 10)
        queue = LogQueue(limits: limits)
    }

    @Test("lines come out in the order in which they came, all that wait at once")
    mutating func order() {
        #expect(queue.isIdle)
        #expect(queue.takeBatch() == nil)
        #expect(queue.append("a\n") == .accepted)
        #expect(!queue.isIdle)
        #expect(queue.append("b\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["a\n", "b\n"]))
        #expect(!queue.isIdle, "it is under way")
        #expect(queue.append("c\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["c\n"]))
        #expect(queue.takeBatch() == nil)
        #expect(queue.isIdle)
    }

    @Test("what finds no room is counted, and the count comes out where the lines are missing")
    mutating func full() {
        for line in ["a\n", "b\n", "c\n"] { #expect(queue.append(line) == .accepted) }
        for line in ["d\n", "e\n"] { #expect(queue.append(line) == .dropped) }
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["a\n", "b\n", "c\n"]))
        #expect(queue.append("f\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 2, lines: ["f\n"]))
        #expect(queue.takeBatch() == nil)
    }

    @Test("the count comes out also when nothing more is logged")
    mutating func quiet() {
        for line in ["a\n", "b\n", "c\n", "d\n"] { _ = queue.append(line) }
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["a\n", "b\n", "c\n"]))
        #expect(queue.takeBatch() == .init(lostBefore: 1, lines: []))
        #expect(queue.takeBatch() == nil)
        #expect(queue.isIdle)
    }

    @Test("bytes are limited as lines are")
    mutating func bytes() {
        #expect(queue.append("12345678\n") == .accepted)
        #expect(queue.append("1\n") == .dropped)
        #expect(queue.append("\n") == .dropped, "it would hide that one before it is missing")
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["12345678\n"]))
        #expect(queue.append("12\n") == .accepted)
        #expect(queue.append("345678\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 2, lines: ["12\n", "345678\n"]))
    }

    @Test("a line longer than the limit is told of at once")
    mutating func long() {
        #expect(queue.append("1234567890\n") == .dropped)
        #expect(!queue.isIdle)
        #expect(queue.takeBatch() == .init(lostBefore: 1, lines: []))
        #expect(queue.append("123456789\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 0, lines: ["123456789\n"]))
    }

    @Test("what cannot be written is told with the next line, and not tried without one")
    mutating func failing() {
        for line in ["a\n", "b\n"] { #expect(queue.append(line) == .accepted) }
        #expect(queue.takeBatch()?.lines.count == 2)
        queue.failed(unwritten: 2)
        #expect(queue.takeBatch() == nil)
        #expect(queue.isIdle)
        #expect(queue.append("12345678901\n") == .dropped)
        #expect(queue.isIdle)
        #expect(queue.append("c\n") == .accepted)
        #expect(queue.takeBatch() == .init(lostBefore: 3, lines: ["c\n"]))
        #expect(queue.takeBatch() == nil)
    }

    @Test("lines that are lost on both sides of those that wait are told where they are missing")
    mutating func both() {
        #expect(queue.append("a\n") == .accepted)
        #expect(queue.takeBatch()?.lines == ["a\n"])
        for line in ["b\n", "c\n", "d\n"] { #expect(queue.append(line) == .accepted) }
        #expect(queue.append("e\n") == .dropped)
        queue.failed(unwritten: 1)
        #expect(queue.takeBatch() == .init(lostBefore: 1, lines: ["b\n", "c\n", "d\n"]))
        #expect(queue.takeBatch() == .init(lostBefore: 1, lines: []))
        #expect(queue.takeBatch() == nil)
    }
}
