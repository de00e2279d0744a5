import NIOCore
import NIOEmbedded
import Testing

@testable import PlatterProxy

@Suite("Turns of the deliveries of a loop")
struct TurnsTests {
    private let loop = EmbeddedEventLoop()

    @Test(
        "come after the loop has looked at its sockets, each once, in the order of those who wait")
    func order() {
        let turns = Turns(loop: loop)
        var taken: [Int] = []
        func take(_ number: Int) {
            turns.wait {
                taken.append(number)
                take(number)
            }
        }
        for number in 1...3 { take(number) }
        // What is due now must not be run before the sockets are looked at.
        loop.run()
        #expect(taken == [])
        loop.advanceTime(by: .milliseconds(1))
        #expect(taken.prefix(3) == [1, 2, 3])
        #expect(taken.prefix(6) == [1, 2, 3, 1, 2, 3])
    }

    @Test("are longer for the only one, but not without an end")
    func length() {
        let turns = Turns(loop: loop)
        turns.begins()
        #expect(turns.length == 8 << 20)
        turns.begins()
        #expect(turns.length == 1 << 20)
        turns.ends()
        #expect(turns.length == 8 << 20)
    }
}
