import Logging
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterHTTP
import PlatterStore

/// One player's connection: takes its requests one after the other and gives each to an exchange.
final class ProxyConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A connection that asks nothing for so long is closed [60 s].
    static let idleTime = TimeAmount.seconds(60)
    /// After the last bytes: how long the player has to close before we do [2 s].
    static let lingerTime = TimeAmount.seconds(2)
    /// When the server is to end: how long a new connection has for its first request [1 s].
    static let firstRequestTime = TimeAmount.seconds(1)

    private enum Phase {
        case idle
        /// The head has come, the end of the request has not.
        case reading(HTTPRequestHead)
        case answering(Exchange)
        /// What was answered beside the codec is on its way to the player.
        case sending
        /// No request is taken any more.
        case closing

        var isAnswering: Bool {
            switch self {
            case .answering, .sending: true
            case .idle, .reading, .closing: false
            }
        }
        var isClosing: Bool { if case .closing = self { true } else { false } }
    }

    private enum Incoming {
        case part(HTTPServerRequestPart)
        /// What is no request, and all that comes after it is none either.
        case malformed
    }

    private let services: ProxyServices
    private let tools: LoopTools
    private let pace = ClientPace()
    private let responses: ResponseCount
    private var context: ChannelHandlerContext?
    private var phase = Phase.idle {
        didSet { responses.changed(from: oldValue.isAnswering, to: phase.isAnswering) }
    }
    private var idleTimer: IdleTimer?
    /// While the server is to end.
    private var drainTimer: Scheduled<Void>?
    /// What was asked for last; a player goes on asking for it.
    private var lastRoute = LastRoute()
    /// Of the player; the system is asked once.
    private var address: String?
    /// What came and has its turn later: the pipeline handler hands a request on as soon as the end of the
    /// response before is written, from within that write. Taken there, each request of a client that sends
    /// thousands at once would lie on the stack of the one before.
    private var early = CircularBuffer<Incoming>()
    private var isTaking = false
    /// Parts of requests.
    var waitingCount: Int { early.count }
    /// The server is to end: this response is the last one.
    private var isDraining = false
    private var hasAnswered = false
    /// Of the request that is being answered.
    private var isHeadSent = false

    /// - Parameter responses: Told of its responses.
    init(services: ProxyServices, tools: LoopTools, responses: ResponseCount) {
        self.responses = responses
        self.services = services
        self.tools = tools
    }

    // MARK: - Beside the codec

    /// Whether nothing is under way and nothing waits: the next request may be answered before it comes here.
    var isFree: Bool {
        guard case .idle = phase else { return false }
        return early.isEmpty && !isTaking && !isDraining
    }

    /// One is.
    func beginsAnswer() {
        idleTimer?.end()
        hasAnswered = true
        phase = .sending
    }

    /// The socket has taken all of that answer.
    func hasSent() {
        guard case .sending = phase, let context else { return }
        finish(isReusable: true, context)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: - Channel

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        idleTimer = IdleTimer(limit: Self.idleTime, loop: context.eventLoop) {
            channel.close(promise: nil)
        }
        idleTimer?.begin()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopTimers()
        if case .answering(let exchange) = phase { exchange.clientLeft() }
        phase = .closing
        early.removeAll()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .answering(let exchange) = phase { exchange.becameWritable() }
        takeEarly(context)
        context.fireChannelWritabilityChanged()
    }

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        if case .closing = phase {
            // What is streamed past the store learns of its end a little later.
            promise?.fail(ChannelError.outputClosed)
            return
        }
        if !isHeadSent, case .head = unwrapOutboundIn(data) { isHeadSent = true }
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        // A body of a GET has no meaning (RFC 9110 section 9.3.1), and one that is kept could be of any length.
        if case .body = part { return }
        early.append(.part(part))
        takeEarly(context)
    }

    /// Requests are taken one after the other, and none while the client does not read its answers.
    private func takeEarly(_ context: ChannelHandlerContext) {
        guard !isTaking else { return }
        isTaking = true
        defer { isTaking = false }
        while !phase.isAnswering, phase.isClosing || context.channel.isWritable,
            let next = early.popFirst()
        {
            switch next {
            case .part(let part): take(part, context)
            case .malformed: refuse(.malformed, context)
            }
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (part, phase) {
        case (.head(let head), .idle):
            idleTimer?.end()
            drainTimer?.cancel()
            phase = .reading(head)
        case (.end, .reading(let head)):
            start(head, context)
        case (.head, _), (.body, _), (.end, _): break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? Connections.End {
        case .afterResponse: drain(context)
        case .now: end(context)
        case nil: context.fireUserInboundEventTriggered(event)
        }
    }

    private func drain(_ context: ChannelHandlerContext) {
        isDraining = true
        switch phase {
        case .idle where hasAnswered:
            stopTimers()
            closeGracefully(context)
        case .idle, .reading:
            // Its request may be on the way: nobody is to be turned away without an answer.
            stopTimers()
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            drainTimer = context.eventLoop.scheduleTask(in: Self.firstRequestTime) {
                let (connection, context) = bound.value
                connection.end(context)
            }
        case .answering(let exchange): exchange.heads.endConnection()
        case .sending, .closing: break
        }
    }

    /// The response ends short, with a FIN after what was written, so that the player asks for the rest.
    /// One that has had nothing is told when to ask again.
    private func end(_ context: ChannelHandlerContext) {
        switch phase {
        case .answering(let exchange):
            exchange.clientLeft()
            if !isHeadSent {
                exchange.heads.endConnection()
                context.write(wrapOutboundOut(.head(exchange.stoppedHead)), promise: nil)
                context.write(wrapOutboundOut(.end(nil)), promise: nil)
            }
            closeGracefully(context)
        case .idle, .reading, .sending:
            stopTimers()
            closeGracefully(context)
        case .closing: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is HTTPParserError:
            early.append(.malformed)
            takeEarly(context)
        // More of what is no request: the answers to those before it come nevertheless.
        case ByteToMessageDecoderError.dataReceivedInErrorState: break
        default: context.close(promise: nil)
        }
    }

    // MARK: - Requests

    private func start(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        do throws(PlayerRequest.Flaw) {
            let address = self.address ?? context.remoteAddress?.ipAddress ?? ""
            self.address = address
            let request = try PlayerRequest(
                head, address: address, route: lastRoute.route(head.uri, in: services.routes))
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let exchange = Exchange(
                request: request, pace: pace, services: services, tools: tools,
                channel: context.channel
            ) { isReusable in
                let (connection, context) = bound.value
                connection.finish(isReusable: isReusable, context)
            }
            phase = .answering(exchange)
            hasAnswered = true
            isHeadSent = false
            if isDraining { exchange.heads.endConnection() }
            exchange.begin()
        } catch {
            refuse(error, isKeepAlive: head.isKeepAlive, context)
        }
    }

    /// - Parameter isKeepAlive: Whether the client can send another request after this one.
    private func refuse(
        _ flaw: PlayerRequest.Flaw, isKeepAlive: Bool = false, _ context: ChannelHandlerContext
    ) {
        guard !phase.isClosing else { return }
        stopTimers()
        let isReusable = isKeepAlive && !isDraining && flaw != .malformed
        let heads = ResponseHeads(isKeepAlive: isReusable)
        let answer =
            switch flaw {
            case .malformed:
                heads.empty(.badRequest, cacheStatus: CacheStatus(refused: .malformed))
            case .methodNotAllowed:
                heads.empty(
                    .methodNotAllowed, adding: [("Allow", "GET, HEAD")],
                    cacheStatus: CacheStatus(refused: .method))
            case .unknown: heads.empty(.notFound, cacheStatus: CacheStatus(refused: .unknown))
            }
        phase = isReusable ? .idle : .closing
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if isReusable { idleTimer?.begin() } else { closeGracefully(context) }
    }

    private func finish(isReusable: Bool, _ context: ChannelHandlerContext) {
        guard isReusable, !isDraining else { return closeGracefully(context) }
        phase = .idle
        idleTimer?.begin()
        takeEarly(context)
    }

    /// Ends our side with a FIN after all that was written, so that the player gets every byte; then
    /// waits for the player to close (RFC 9112 section 9.6).
    private func closeGracefully(_ context: ChannelHandlerContext) {
        phase = .closing
        let channel = context.channel
        context.flush()
        let sent = context.eventLoop.makePromise(of: Void.self)
        channel.close(mode: .output, promise: sent)
        sent.futureResult.whenComplete { _ in
            let timer = channel.eventLoop.scheduleTask(in: Self.lingerTime) {
                channel.close(promise: nil)
            }
            channel.closeFuture.whenComplete { _ in timer.cancel() }
        }
    }

    private func stopTimers() {
        idleTimer?.cancel()
        drainTimer?.cancel()
    }
}
