import NIOConcurrencyHelpers
import NIOCore
import PlatterCore

/// The open connections, to count and to close them.
final class Connections: Sendable {
    /// How a connection is to end; told to its handlers.
    enum End: Hashable, Sendable {
        /// At once where nothing is being answered.
        case afterResponse
        case now
    }

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Told when there are none.
        var emptied: EventLoopPromise<Void>?
    }

    private let state = NIOLockedValueBox(State())

    var count: Int { state.withLockedValue { $0.channels.count } }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLockedValue { $0.channels[id] = channel }
        channel.closeFuture.whenComplete { [state] _ in
            let emptied = state.withLockedValue { state -> EventLoopPromise<Void>? in
                state.channels[id] = nil
                guard state.channels.isEmpty else { return nil }
                defer { state.emptied = nil }
                return state.emptied
            }
            emptied?.succeed()
        }
    }

    /// Tells all to end and waits until they have.
    ///
    /// - Parameter time: Those that have not by then are left as they are.
    func end(_ end: End, within time: Duration) async {
        let (open, loop) = state.withLockedValue { state in
            (Array(state.channels.values), state.channels.values.first?.eventLoop)
        }
        guard let loop else { return }
        let emptied = loop.makePromise(of: Void.self)
        let isEmpty = state.withLockedValue { state in
            if state.channels.isEmpty { return true }
            state.emptied = emptied
            return false
        }
        if isEmpty { emptied.succeed() }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(end) }
        let limit = loop.scheduleTask(in: .nanoseconds(time.nanosecondsClamped)) { [state] in
            let emptied = state.withLockedValue { state in
                defer { state.emptied = nil }
                return state.emptied
            }
            emptied?.succeed()
        }
        // Never fails.
        try? await emptied.futureResult.get()
        limit.cancel()
    }

    func closeAll() async {
        let open = state.withLockedValue { Array($0.channels.values) }
        for channel in open {
            // One that closes by itself meanwhile is what we want.
            try? await channel.close().get()
        }
    }
}
