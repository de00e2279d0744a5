import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP

/// A response that is streamed past the store, one buffer at a time: the next is taken from the
/// origin when the player's socket has taken the last.
final class Passage: Sendable {
    enum Ending: Hashable, Sendable {
        case complete
        /// With the origin's failure: the response is over, whatever was to come after this passage.
        case answered
        case short
        /// Nothing was sent.
        case unreachable
        /// Nothing was sent, and the origin was not asked: too many others go past the store.
        case crowded
        /// Nothing was sent; the certificate of the origin is not trusted.
        case badCertificate
        /// Nothing was sent; what the origin answers cannot be used.
        case invalid
        /// Nothing was sent; the origin does not give these bytes of this version.
        case refused
    }

    private let resource: Resource
    private let services: ProxyServices
    private let channel: any Channel
    private let heads: ResponseHeads
    private let isHTTP10: Bool
    private let ended: NIOLoopBound<(Ending) -> Void>
    private let task: NIOLoopBoundBox<Task<Void, Never>?>

    /// Create it on the channel's loop.
    init(
        resource: Resource, services: ProxyServices, channel: any Channel, heads: ResponseHeads,
        isHTTP10: Bool, ended: @escaping (Ending) -> Void
    ) {
        self.resource = resource
        self.services = services
        self.channel = channel
        self.heads = heads
        self.isHTTP10 = isHTTP10
        self.ended = NIOLoopBound(ended, eventLoop: channel.eventLoop)
        task = NIOLoopBoundBox(nil, eventLoop: channel.eventLoop)
    }

    func cancel() { task.value?.cancel() }

    /// The origin's own answer to the whole request.
    ///
    /// - Parameters:
    ///   - conditions: The fields of the request: what is demanded is not passed on, for strict servers would
    ///     refuse the tag that a common player makes of a weak one.
    ///   - deadline: The player does not wait longer for the head.
    func passAll(
        range: AskedRange?, isHead: Bool, conditions: HTTPFields,
        detail: StatusDetail, deadline: Moment
    ) {
        run { passage in
            let endsWithClose = NIOLockedValueBox(false)
            let receiver = passage.receiver { answer in
                let isAnother = Preconditions.demandsAnother(
                    than: answer.fields, fields: conditions,
                    receivedAt: passage.services.wallClock())
                if isAnother, [200, 206].contains(answer.status) {
                    let status = CacheStatus(
                        forwarded: .bypass, status: answer.status, detail: detail)
                    let head = passage.heads.empty(.preconditionFailed, cacheStatus: status)
                    try await passage.write(.head(head))
                    return false
                }
                if answer.status >= 400 {
                    let head = passage.heads.refusal(
                        answer.status, answer.fields, detail: detail)
                    try await passage.write(.head(head))
                    return false
                }
                let head = passage.heads.passed(
                    answer.status, answer.fields, detail: detail,
                    isChunkable: !isHead && !passage.isHTTP10)
                endsWithClose.withLockedValue { $0 = head.version == .http1_0 }
                try await passage.write(.head(head))
                return !isHead
            }
            let ending = await passage.services.bypass.pass(
                .answer(
                    of: passage.resource, range: range, isHead: isHead, deadline: deadline),
                to: receiver)
            let end = await passage.end(ending, detail: detail)
            return end == .complete && endsWithClose.withLockedValue { $0 } ? .short : end
        }
    }

    /// Bytes of a version that is known, all of a response or its rest.
    ///
    /// - Parameters:
    ///   - head: nil when it was sent before.
    ///   - isLast: The response ends with them.
    ///   - deadline: The player does not wait longer for the first byte.
    func passBytes(
        of opened: Entry.Opened, range: ByteRange, head: HTTPResponseHead?, isLast: Bool = true,
        deadline: Moment
    ) {
        let request = Bypass.Request.bytes(
            range, of: opened, resource: resource, isHeadSent: head == nil, deadline: deadline)
        run { passage in
            let receiver = passage.receiver { _ in
                if let head { try await passage.write(.head(head)) }
                return true
            }
            let ending = await passage.services.bypass.pass(request, to: receiver)
            return await passage.end(ending, isLast: isLast, detail: .store)
        }
    }

    private func receiver(
        head: @escaping @Sendable (Bypass.Answer) async throws -> Bool
    ) -> Bypass.Receiver {
        Bypass.Receiver(head: head) { try await self.write(.body(.byteBuffer($0))) }
    }

    /// - Parameters:
    ///   - isLast: The response ends with what was passed.
    ///   - detail: Why it went past the store.
    private func end(
        _ ending: Bypass.Ending, isLast: Bool = true, detail: StatusDetail
    ) async -> Ending {
        do {
            switch ending {
            case .complete: if isLast { try await write(.end(nil)) }
            case .failed(let status, let retryAfter):
                try await write(.head(refusal(status, retryAfter, detail: detail)))
                try await write(.end(nil))
                return .answered
            case .short: return .short
            case .unavailable: return .unreachable
            case .crowded: return .crowded
            case .badCertificate: return .badCertificate
            case .invalid: return .invalid
            case .refused: return .refused
            }
            return .complete
        } catch {
            return .short
        }
    }

    /// The origin's last answer, without a body.
    private func refusal(
        _ status: Int, _ retryAfter: Int64?, detail: StatusDetail
    ) -> HTTPResponseHead {
        heads.empty(
            HTTPResponseStatus(statusCode: status),
            adding: retryAfter.map { [("Retry-After", "\($0)")] } ?? [],
            cacheStatus: CacheStatus(forwarded: .bypass, status: status, detail: detail))
    }

    private func run(_ body: @escaping @Sendable (Passage) async -> Ending) {
        task.value = Task {
            let ending = await body(self)
            self.channel.eventLoop.execute { self.ended.value(ending) }
        }
    }

    private func write(_ part: HTTPServerResponsePart) async throws {
        try await channel.writeAndFlush(part).get()
    }
}
