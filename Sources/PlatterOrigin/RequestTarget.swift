package import AsyncHTTPClient
package import NIOCore
package import NIOHTTP1
package import PlatterHTTP

/// Sends path and query byte for byte. The client library asks Foundation for the path of a URL: where an escape
/// is not UTF-8 that is none, and the root would be asked for (async-http-client 1.37.0).
///
/// The target is handed over in a field that never reaches the wire.
package final class RequestTarget: ChannelOutboundHandler {
    package typealias OutboundIn = HTTPClientRequestPart
    package typealias OutboundOut = HTTPClientRequestPart

    fileprivate static let fieldName = "Platter-Request-Target"

    /// Puts one before the encoder of an HTTP/1.1 connection that is being set up.
    package static func add(to channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let decoder = try pipeline.handler(
            type: ByteToMessageHandler<HTTPResponseDecoder>.self)
        try pipeline.addHandler(RequestTarget(), position: .after(decoder))
    }

    package func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        guard case .head(var head) = unwrapOutboundIn(data),
            let target = head.headers.first(name: Self.fieldName)
        else { return context.write(data, promise: promise) }
        head.uri = target
        head.headers.remove(name: Self.fieldName)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}

extension HTTPClientRequest {
    /// For connections with a `RequestTarget`.
    package init(_ url: OriginURL, fields: HTTPHeaders = [:]) {
        self.init(url: url.origin + "/")
        headers = fields
        headers.replaceOrAdd(name: RequestTarget.fieldName, value: url.target)
    }
}
