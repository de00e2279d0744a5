import Logging
import NIOCore
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// One request and its response: finds or opens the entry, says what the response is, and hands the
/// bytes on. Lives on the event loop of its connection.
///
///     begin -> (opening, waits for the origin) -> answering ⇄ detour
///       |  \                                        |-> done
///       |   \-> passing (nothing can or may be stored) ----> done
///       \-> asking (beyond the known end) -> done, or begin again
final class Exchange {
    enum Phase {
        case starting
        case opening(Opening)
        /// Whether the object has grown.
        case asking(EndQuestion)
        case answering(Delivery)
        case passing(Passage)
        /// The delivery waits for the passage to end.
        case detour(Passage, Delivery)
        case done
    }

    let request: PlayerRequest
    let services: ProxyServices
    let tools: LoopTools
    var index: IndexReader { tools.index }
    let channel: any Channel
    let heads: ResponseHeads
    let pace: ClientPace
    let finished: (Bool) -> Void
    let begun: Moment
    var phase = Phase.starting
    /// Openings that ended because the origin's version had changed meanwhile.
    var restarts = 0
    /// The range that was asked for has no bytes in the origin's version; its first bytes say which one that is.
    var opensAtStart = false
    /// Wake-ups of an earlier one come too late.
    var round = 0

    /// - Parameter finished: Told once, on the loop, whether the connection can take another request.
    init(
        request: PlayerRequest, pace: ClientPace, services: ProxyServices, tools: LoopTools,
        channel: any Channel, finished: @escaping (Bool) -> Void
    ) {
        self.request = request
        self.pace = pace
        self.services = services
        self.tools = tools
        self.channel = channel
        self.finished = finished
        heads = ResponseHeads(isKeepAlive: request.isKeepAlive)
        begun = services.readers.clock.now
    }

    // MARK: - Events

    func begin() {
        let now = services.readers.clock.now
        if request.hasCredentials { return pass(.authorization) }
        if services.latency.isSlow { return pass(.diskSlow) }
        if services.damage.isSuspect { return pass(.diskSuspect) }
        switch services.table.reasonToBypass(request.resource.key, now: now) {
        case .unstorable: return pass(.notStored)
        case .store: return pass(.store)
        case nil: break
        }
        do {
            switch try services.table.find(request.resource, ask: index.entry(for:)) {
            case .recorded(let record): answer(record, demand: nil)
            case .unopened(let entry): open(entry)
            }
        } catch {
            services.log.error("The index cannot be read", metadata: ["error": "\(error)"])
            pass(.index)
        }
    }

    func clientLeft() {
        switch phase {
        case .opening(let opening): opening.leave()
        case .asking(let question): question.cancel()
        case .answering(let delivery): delivery.clientLeft()
        case .passing(let passage): passage.cancel()
        case .detour(let passage, let delivery):
            passage.cancel()
            delivery.clientLeft()
        case .starting, .done: break
        }
        phase = .done
    }

    func becameWritable() {
        if case .answering(let delivery) = phase { delivery.pump() }
    }

    // MARK: - Hops

    /// A wake-up that may be called anywhere and arrives here on the loop, unless the exchange has
    /// begun anew since.
    func wake(
        _ body: @escaping (Exchange, Wakeup) -> Void
    ) -> @Sendable (Wakeup) -> Void {
        let loop = channel.eventLoop
        let bound = NIOLoopBound((self, body), eventLoop: loop)
        let round = round
        return { wakeup in
            loop.execute {
                let (exchange, body) = bound.value
                if exchange.round == round { body(exchange, wakeup) }
            }
        }
    }
}
