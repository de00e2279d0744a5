import NIOCore
import NIOHTTP1

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// One accepted connection: takes requests in, one after the other, and lets the writer answer
/// them.
final class OriginConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = IOData

    /// Requests that came before the one under way was answered; a client with more is cut off.
    private static let pipelineLimit = 64

    private let origin: ScriptedOrigin
    private var number = 0
    private var writer: ResponseWriter?
    private var arriving: OriginRequest?
    private var waiting: [OriginRequest] = []
    private var isAnswering = false
    private var isFirst = true
    /// What a control request wants done once it is answered.
    private var afterwards: ControlReply.Afterwards?

    init(origin: ScriptedOrigin) { self.origin = origin }

    func channelActive(context: ChannelHandlerContext) {
        switch origin.admit(context.channel) {
        case .serve(let number):
            self.number = number
            writer = ResponseWriter(origin: origin, context: context) { [self] ending in
                ended(ending, context)
            }
        case .close(let number, let ending):
            self.number = number
            context.channel.close(ending)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        writer?.cancel()
        // It holds this handler.
        writer = nil
        waiting = []
        origin.closed(number)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            arriving = OriginRequest(
                method: head.method.rawValue, target: head.uri,
                fields: head.headers.map { HeaderField($0.name, $0.value) },
                isOldVersion: head.version.major == 1 && head.version.minor == 0,
                isFirstOnConnection: isFirst)
            isFirst = false
        case .body:
            break
        case .end:
            guard let request = arriving.take() else { return }
            waiting.append(request)
            if waiting.count > Self.pipelineLimit { context.channel.close(.reset) }
            answerNext()
        }
    }

    /// What cannot be parsed is answered 400, whatever the vices (RFC 9112 section 3).
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, let writer, !isAnswering else {
            return context.close(promise: nil)
        }
        isAnswering = true
        var draft = ResponseDraft(status: 400)
        draft.ending = .finish
        writer.begin(draft.plan(for: OriginRequest(target: "*"), date: 0), counting: nil)
    }

    private func answerNext() {
        guard !isAnswering, let writer, !waiting.isEmpty else { return }
        let request = waiting.removeFirst()
        isAnswering = true
        if let reply = origin.control(request) {
            afterwards = reply.afterwards
            writer.begin(reply.plan(for: request), counting: nil)
        } else {
            let answer = origin.answer(request, connection: number)
            writer.begin(answer.plan, counting: answer)
        }
    }

    private func ended(_ ending: Ending, _ context: ChannelHandlerContext) {
        isAnswering = false
        if ending == .keepAlive {
            answerNext()
        } else {
            context.channel.close(ending)
        }
        if let afterwards = afterwards.take() { origin.perform(afterwards) }
    }
}

extension Channel {
    /// Closes with FIN, or with RST.
    func close(_ ending: Ending) {
        guard ending == .reset, let options = self as? any SocketOptionProvider else {
            return close(promise: nil)
        }
        // A socket that is closed already takes no option; closing it again does no harm.
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
            self.close(promise: nil)
        }
    }
}
