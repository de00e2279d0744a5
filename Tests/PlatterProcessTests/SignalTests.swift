import CPlatter
import Foundation
import PlatterProcess
import Testing

@Suite("Signals", .timeLimit(.minutes(1)))
struct SignalTests {
    /// Both ways in one test: all signals of a program go through one pipe.
    @Test("one that comes before anybody reads is not lost")
    func early() async {
        var descriptor: Int32 = -1
        #expect(platter_catch_signal(SIGUSR2, &descriptor) == 0)
        #expect(kill(getpid(), SIGUSR2) == 0)
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&polled, 1, 10_000) == 1)
        var number: UInt8 = 0
        #expect(read(descriptor, &number, 1) == 1)
        #expect(Int32(number) == SIGUSR2)
        #expect(read(descriptor, &number, 1) == -1)

        // As after nohup.
        signal(SIGHUP, SIG_IGN)
        #expect(platter_ignores_signal(SIGHUP) == 1)
        #expect(platter_ignores_signal(SIGUSR2) == 0)
        let signals = TerminationSignals([SIGHUP, SIGUSR1, SIGUSR2])
        #expect(kill(getpid(), SIGHUP) == 0)
        #expect(kill(getpid(), SIGUSR1) == 0)
        #expect(await signals.next() == SIGUSR1)
        #expect(kill(getpid(), SIGUSR2) == 0)
        #expect(await signals.next() == SIGUSR2)
        #expect(platter_ignores_signal(SIGHUP) == 1)
        signal(SIGHUP, SIG_DFL)
        #expect(platter_ignores_signal(SIGHUP) == 0)
    }
}
