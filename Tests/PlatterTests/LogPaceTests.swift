import Logging
import PlatterCore
import PlatterTesting
import Testing

@testable import Platter

@Suite("How much is logged")
struct LogPaceTests {
    private let clock = ManualClock()
    private let recorder = LogRecorder(level: .trace)
    private let log: Logger

    init() {
        log = Logger(label: "test") { [recorder, clock] _ in
            PacedLogHandler(recorder, pace: LogPace(clock: clock))
        }
    }

    private var messages: [String] {
        recorder.events.map(\.message.description)
    }

    @Test("of 100,000 equal messages ten are handed on, and the next one says how many were not")
    func equal() {
        for number in 0..<100_000 {
            log.error("The disk is full", metadata: ["number": "\(number)"])
        }
        #expect(messages.count == LogPace.limit)
        clock.pass(LogPace.window)
        log.error("The disk is full", metadata: ["number": "last"])
        let last = recorder.events.last?.metadata
        #expect(messages.count == LogPace.limit + 1)
        #expect(last == ["number": "last", "left-out-before": "99990"])
    }

    @Test("one kind of message does not hide another")
    func different() {
        for _ in 0..<100 { log.error("The disk is full") }
        log.notice("The disk is empty")
        #expect(messages.last == "The disk is empty")
    }

    @Test("messages that all differ do not take memory without end, and are handed on")
    func many() {
        for number in 0..<(LogPace.messageLimit * 3) { log.info("Message \(number)") }
        #expect(messages.count == LogPace.messageLimit * 3)
    }
}
