import NIOConcurrencyHelpers
import NIOCore

/// Which event loop accepts the next connection. One at a time: were all to wait for it, each would wake up for each
/// connection. A loop hands its turn on when it has two connections more than the one with the fewest.
final class AcceptTurns: Sendable {
    private struct State {
        var holder = 0
        /// Open connections of each loop.
        var counts: [Int]
        var gates: [NIOLoopBound<Gate>?]
        var isOver = false
    }

    private let state: NIOLockedValueBox<State>

    init(loopCount: Int) {
        state = NIOLockedValueBox(
            State(
                counts: Array(repeating: 0, count: loopCount),
                gates: Array(repeating: nil, count: loopCount)))
    }

    func opened(on number: Int) { state.withLockedValue { $0.counts[number] += 1 } }
    func closed(on number: Int) { state.withLockedValue { $0.counts[number] -= 1 } }

    /// Nobody's turn comes any more.
    func end() { state.withLockedValue { $0.isOver = true } }

    private func add(_ gate: NIOLoopBound<Gate>, _ number: Int) {
        state.withLockedValue { $0.gates[number] = gate }
    }

    /// The turn is another one's where the listener of its holder is gone.
    private func remove(_ number: Int) {
        let next = state.withLockedValue { state -> NIOLoopBound<Gate>? in
            state.gates[number] = nil
            guard !state.isOver, state.holder == number,
                let other = state.gates.firstIndex(where: { $0 != nil })
            else { return nil }
            state.holder = other
            return state.gates[other]
        }
        next?.execute { $0.open() }
    }

    /// - Returns: Whether the loop may accept one now. Where it may not, its gate is opened when it may.
    private func begins(_ number: Int) -> Bool {
        let (isMine, next) = state.withLockedValue { state -> (Bool, NIOLoopBound<Gate>?) in
            guard !state.isOver, state.holder == number else { return (false, nil) }
            let least = state.counts.indices.min { state.counts[$0] < state.counts[$1] } ?? number
            // One whose listener is not there yet cannot.
            guard state.counts[number] > state.counts[least] + 1, let gate = state.gates[least]
            else { return (true, nil) }
            state.holder = least
            return (false, gate)
        }
        next?.execute { $0.open() }
        return isMine
    }

    /// Before the listener of a loop.
    final class Gate: ChannelOutboundHandler {
        typealias OutboundIn = Never

        private let number: Int
        private let turns: AcceptTurns
        private var context: ChannelHandlerContext?
        /// The listener wants to read, and must wait for its turn.
        private var isShut = false

        init(number: Int, turns: AcceptTurns) {
            self.number = number
            self.turns = turns
        }

        func handlerAdded(context: ChannelHandlerContext) {
            self.context = context
            turns.add(NIOLoopBound(self, eventLoop: context.eventLoop), number)
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            self.context = nil
            turns.remove(number)
        }

        func read(context: ChannelHandlerContext) {
            isShut = !turns.begins(number)
            if !isShut { context.read() }
        }

        fileprivate func open() {
            guard isShut, let context else { return }
            read(context: context)
        }
    }
}

extension NIOLoopBound {
    fileprivate func execute(_ action: @escaping @Sendable (Value) -> Void) {
        eventLoop.execute { action(value) }
    }
}
