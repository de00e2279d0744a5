import Foundation
import PlatterProcess
import Testing

@Suite("The log's own thread", .timeLimit(.minutes(1)))
struct LogWriterTests {
    /// A pipe, whose end for reading is closed by the test.
    private struct Pipe {
        let reading: Int32
        let writing: Int32

        init() {
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        /// What there is, at least a byte.
        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = Foundation.read(reading, &bytes, bytes.count)
            return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        }

        /// Whether a byte more would not go in.
        var isFull: Bool {
            var polled = pollfd(fd: writing, events: Int16(POLLOUT), revents: 0)
            return poll(&polled, 1, 0) == 0
        }
    }

    private static var notice: Regex<(Substring, Substring)> {
        #/warning platter: lines=(\d+) \[PlatterProcess\]/#
    }

    private static func line(_ number: Int) -> String {
        "line \(number) " + String(repeating: "x", count: 150) + "\n"
    }

    @Test("all lines come out, in order and whole", arguments: [false, true])
    func order(isNonblocking: Bool) {
        let pipe = Pipe()
        if isNonblocking { #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0) }
        let log = LogWriter(descriptor: pipe.writing)
        let expected = (0..<1_000).map(Self.line).joined()
        for number in 0..<1_000 { log.write(Self.line(number)) }
        var text = ""
        // More than the pipe holds: it is written piece by piece.
        while text.utf8.count < expected.utf8.count { text += pipe.read() }
        #expect(text == expected)
        #expect(log.flush(within: 30))
        close(pipe.reading)
    }

    @Test(
        "who logs does not wait for a reader, and what is lost is told", arguments: [false, true])
    func unread(isNonblocking: Bool) throws {
        let pipe = Pipe()
        if isNonblocking { #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0) }
        let log = LogWriter(descriptor: pipe.writing)
        let count = 20_000
        for number in 0..<count { log.write(Self.line(number)) }
        #expect(!log.flush(within: 0))
        var (text, seen, lost) = ("", 0, 0)
        while seen < count {
            text += pipe.read()
            while let end = text.firstIndex(of: "\n") {
                let line = text[...end]
                if let match = line.firstMatch(of: Self.notice) {
                    let missing = try #require(Int(match.1))
                    seen += missing
                    lost += missing
                } else {
                    #expect(line == Self.line(seen))
                    seen += 1
                }
                text.removeSubrange(...end)
            }
        }
        #expect(lost > 0)
        #expect(seen == count)
        #expect(log.flush(within: 30))
        close(pipe.reading)
    }

    @Test("a reader that is gone ends neither the program nor the wait for the log")
    func gone() {
        let pipe = Pipe()
        close(pipe.reading)
        let log = LogWriter(descriptor: pipe.writing)
        for _ in 0..<10 {
            log.write("nobody reads this\n")
            #expect(log.flush(within: 30))
        }
    }

    @Test("after a line that was cut off the next one is on a line of its own")
    func torn() async throws {
        let first = Pipe()
        let log = LogWriter(descriptor: first.writing)
        log.write("1 " + String(repeating: "x", count: 200_000) + "\n")
        while !first.isFull { await Task.yield() }
        close(first.reading)
        #expect(log.flush(within: 30))
        let second = Pipe()
        #expect(dup2(second.writing, first.writing) == first.writing)
        log.write("2\n")
        #expect(log.flush(within: 30))
        let text = second.read()
        #expect(text.hasPrefix("\n"))
        #expect(text.hasSuffix("\n2\n"))
        #expect(text.firstMatch(of: Self.notice)?.1 == "1")
        #expect(text.split(separator: "\n").count == 2)
        close(second.reading)
    }

    #if os(Linux)
        @Test("a disk that is full is not written to again and again, and what is lost is told")
        func fullDisk() throws {
            let descriptor = open("/dev/full", O_WRONLY)
            #expect(descriptor >= 0)
            let log = LogWriter(descriptor: descriptor)
            for number in 0..<3 {
                log.write("\(number)\n")
                #expect(log.flush(within: 30))
            }
            let pipe = Pipe()
            #expect(dup2(pipe.writing, descriptor) == descriptor)
            log.write("3\n")
            #expect(log.flush(within: 30))
            let text = pipe.read()
            #expect(text.firstMatch(of: Self.notice)?.1 == "3")
            #expect(text.hasSuffix("\n3\n"))
            #expect(text.split(separator: "\n").count == 2)
            close(pipe.reading)
        }
    #endif
}
