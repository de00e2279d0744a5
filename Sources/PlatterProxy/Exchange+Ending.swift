import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterHTTP

/// Answers of our own, all without a body.
extension Exchange {
    /// The origin cannot be reached, or not in time: say so without a body, and when to ask again.
    ///
    /// - Parameter detail: Why; nil: what is known of the origin.
    func unavailable(_ detail: StatusDetail? = nil) {
        write(tryAgain(CacheStatus(forwarded: reason, detail: detail ?? trouble)))
    }

    /// Why there is no answer of the origin.
    var trouble: StatusDetail {
        switch services.readers.queue.trouble(of: request.resource.origin) {
        case .unreachable: .originUnreachable
        case .timedOut, nil: .originTimeout
        // Which may have been about another object.
        case .status: .originError
        }
    }

    /// The server ends.
    func stopped() { write(stoppedHead) }

    var stoppedHead: HTTPResponseHead {
        tryAgain(CacheStatus(forwarded: reason, detail: .stopping))
    }

    private func tryAgain(_ status: CacheStatus) -> HTTPResponseHead {
        heads.empty(
            .serviceUnavailable, adding: [("Retry-After", "2")], cacheStatus: status)
    }

    /// The origin refuses, or sends what cannot be used.
    func refused(_ code: Int) {
        // An origin that says so itself is asked again, so that this one is ours.
        let isOwn = code == 502
        let status = CacheStatus(
            forwarded: reason, status: isOwn ? nil : code, detail: isOwn ? .originInvalid : nil)
        write(heads.empty(HTTPResponseStatus(statusCode: code), cacheStatus: status))
    }

    /// Who answers in the place of the origin cannot prove to be it: nothing was asked.
    func notTrusted() {
        let status = CacheStatus(forwarded: reason, detail: .originCertificate)
        write(heads.empty(.badGateway, cacheStatus: status))
    }

    /// The origin has nothing of what is asked for.
    func unsatisfiable(completeLength: Int64) {
        let range = ContentRange.unsatisfied(completeLength: completeLength).fieldValue
        write(
            heads.empty(
                .rangeNotSatisfiable, adding: [("Content-Range", range)],
                cacheStatus: CacheStatus(forwarded: reason, status: 416)))
    }

    /// Why the origin was asked.
    private var reason: CacheStatus.ForwardReason {
        switch phase {
        case .starting, .opening: .uriMiss
        case .asking, .answering, .detour, .done: .miss
        case .passing: .bypass
        }
    }

    /// A whole response.
    func write(_ head: HTTPResponseHead) {
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        done(isReusable: request.isKeepAlive)
    }

    func done(isReusable: Bool) {
        if case .done = phase { return }
        phase = .done
        finished(isReusable)
    }
}
