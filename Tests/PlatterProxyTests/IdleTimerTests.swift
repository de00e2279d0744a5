import NIOCore
import NIOEmbedded
import Testing

@testable import PlatterProxy

@Suite("What is idle for too long")
struct IdleTimerTests {
    private final class Count {
        var value = 0
    }

    private let loop = EmbeddedEventLoop()
    private let count = Count()
    private let timer: IdleTimer

    init() {
        timer = IdleTimer(limit: .seconds(60), loop: loop) { [count] in count.value += 1 }
    }

    @Test("ends after its time, once")
    func over() {
        timer.begin()
        loop.advanceTime(by: .seconds(59))
        #expect(count.value == 0)
        loop.advanceTime(by: .seconds(1))
        #expect(count.value == 1)
        loop.advanceTime(by: .seconds(600))
        #expect(count.value == 1)
        timer.begin()
        loop.advanceTime(by: .seconds(60))
        #expect(count.value == 2)
    }

    @Test("is not what was busy in between, however often")
    func busy() {
        for _ in 0..<20 {
            timer.begin()
            loop.advanceTime(by: .seconds(7))
            timer.end()
            loop.advanceTime(by: .seconds(90))
        }
        #expect(count.value == 0)
        timer.begin()
        loop.advanceTime(by: .seconds(30))
        timer.begin()
        loop.advanceTime(by: .seconds(59))
        #expect(count.value == 0)
        loop.advanceTime(by: .seconds(1))
        #expect(count.value == 1)
    }

    @Test("is nothing that was given up")
    func cancelled() {
        timer.begin()
        timer.cancel()
        loop.advanceTime(by: .seconds(600))
        #expect(count.value == 0)
    }
}
