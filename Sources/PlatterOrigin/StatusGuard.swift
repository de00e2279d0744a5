import NIOCore
import NIOHTTP1

/// Ends a connection on which a response has a status below 100, or 101, which was not asked for. The
/// client library takes the former for an interim one and traps at the end of the response
/// (async-http-client 1.37.0), and hands the latter on as final.
final class StatusGuard: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var hasRefused = false

    /// Puts one behind the decoder of a connection that is being set up.
    static func add(to channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let decoder = try pipeline.handler(
            type: ByteToMessageHandler<HTTPResponseDecoder>.self)
        try pipeline.addHandler(StatusGuard(), position: .after(decoder))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if hasRefused { return }
        if case .head(let head) = unwrapInboundIn(data), Self.isNone(head.status) {
            hasRefused = true
            context.fireErrorCaught(HTTPParserError.invalidStatus)
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
    }

    private static func isNone(_ status: HTTPResponseStatus) -> Bool {
        status.code < 100 || status == .switchingProtocols
    }
}
