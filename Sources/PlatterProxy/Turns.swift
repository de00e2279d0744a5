import NIOCore
import PlatterStore

/// The turns that the deliveries of one event loop take. A player that takes as fast as it is sent to would have the loop
/// for itself: after some bytes it waits until the loop has looked at all its sockets again.
///
/// Not Sendable: of its event loop.
final class Turns {
    /// After so many bytes a turn is over [1 MiB].
    private static let sharedLength: Int64 = 1 << 20
    /// Where there is no other delivery: what else the loop does waits too, and each slice that a socket takes at once lies
    /// on the stack of the one before [8 MiB].
    private static let onlyLength: Int64 = 8 << 20
    /// In the future, or the loop would not look at its sockets before [20 us].
    private static let pause = TimeAmount.microseconds(20)

    private let loop: any EventLoop
    private var waiting: [() -> Void] = []
    /// Deliveries that are not over.
    private var deliveryCount = 0

    init(loop: any EventLoop) { self.loop = loop }

    /// Bytes of a turn.
    var length: Int64 { deliveryCount > 1 ? Self.sharedLength : Self.onlyLength }

    func begins() { deliveryCount += 1 }
    func ends() { deliveryCount -= 1 }

    /// - Parameter goOn: Called when it is the turn of who called this.
    func wait(_ goOn: @escaping () -> Void) {
        waiting.append(goOn)
        guard waiting.count == 1 else { return }
        loop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] in self?.next() }
    }

    private func next() {
        let now = waiting
        waiting = []
        for goOn in now { goOn() }
    }
}

/// What all connections of an event loop share.
struct LoopTools {
    let index: IndexReader
    let bodies = BodyBuffers()
    let turns: Turns

    init(index: IndexReader, loop: any EventLoop) {
        self.index = index
        turns = Turns(loop: loop)
    }
}
