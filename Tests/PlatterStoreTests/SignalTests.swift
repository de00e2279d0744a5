import CPlatter
import Foundation
import Testing

@Suite("Signals")
struct SignalTests {
    @Test("one that comes before anybody reads is not lost")
    func early() {
        var descriptor: Int32 = -1
        #expect(platter_catch_signal(SIGUSR2, &descriptor) == 0)
        #expect(kill(getpid(), SIGUSR2) == 0)
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&polled, 1, 10_000) == 1)
        var number: UInt8 = 0
        #expect(read(descriptor, &number, 1) == 1)
        #expect(Int32(number) == SIGUSR2)
        #expect(read(descriptor, &number, 1) == -1)
    }
}
