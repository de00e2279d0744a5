import Logging
import PlatterCore
import PlatterStore
import PlatterTesting
import Testing

@Suite("Whether the disk answers in time")
struct DiskLatencyTests {
    private let clock = ManualClock()
    private let latency: DiskLatency

    init() { latency = DiskLatency(limit: .seconds(3), clock: clock, log: Logger(label: "test")) }

    @Test("what ends in time is not slow, however often")
    func quick() {
        for _ in 0..<10 {
            #expect(latency.measure { clock.pass(.milliseconds(2999)) } == ())
            #expect(!latency.isSlow)
        }
    }

    @Test("an operation that took too long makes it slow, and waiting does not make it quick")
    func slow() {
        latency.measure { clock.pass(.seconds(3)) }
        #expect(latency.isSlow)
        clock.pass(.seconds(3600))
        #expect(latency.isSlow)
    }

    @Test("one that does not end makes it slow while it lasts")
    func hanging() {
        latency.measure {
            clock.pass(.milliseconds(2999))
            #expect(!latency.isSlow)
            clock.pass(.milliseconds(1))
            #expect(latency.isSlow)
        }
        #expect(latency.isSlow)
    }

    @Test("an error counts like an answer")
    func failing() {
        #expect(throws: DiskError.self) {
            try latency.measure { () throws(DiskError) -> Void in
                clock.pass(.seconds(4))
                throw DiskError(.io, "broken", path: "film")
            }
        }
        #expect(latency.isSlow)
    }

    @Test("a quick trial makes it quick again, a slow one does not")
    func trial() {
        latency.measure { clock.pass(.seconds(3)) }
        latency.attempt { clock.pass(.milliseconds(300)) }
        #expect(latency.isSlow)
        latency.attempt { clock.pass(.milliseconds(10)) }
        #expect(!latency.isSlow)
    }

    @Test("a trial beside an operation that hangs says nothing")
    func trialBesideHanging() {
        latency.measure {
            clock.pass(.seconds(3))
            latency.attempt { clock.pass(.milliseconds(10)) }
            #expect(latency.isSlow)
        }
        latency.attempt { clock.pass(.milliseconds(10)) }
        #expect(!latency.isSlow)
    }

    @Test("a read has less time")
    func reading() {
        latency.measure(isRead: true) { clock.pass(.milliseconds(999)) }
        #expect(!latency.isSlow)
        latency.measure(isRead: true) { clock.pass(.seconds(1)) }
        #expect(latency.isSlow)
    }

    @Test("what cannot be done is not slow")
    func trialThatFails() {
        latency.measure { clock.pass(.seconds(3)) }
        latency.attempt { () throws(DiskError) in
            throw DiskError(.readOnly, "read-only", path: "lock")
        }
        #expect(!latency.isSlow)
    }
}
