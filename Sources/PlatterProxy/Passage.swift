import Logging
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
        case short
        /// Nothing was sent.
        case unreachable
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
    func passAll(range: AskedRange?, isHead: Bool, detail: String) {
        run { passage in
            let deadline = passage.startDeadline()
            let response: Bypass.Response
            do {
                response = try await passage.services.bypass.response(
                    to: passage.resource, range: range)
            } catch {
                return .unreachable
            }
            deadline.cancel()
            let head = passage.heads.passed(
                response.status, response.fields, detail: detail,
                isChunkable: !isHead && !passage.isHTTP10)
            do {
                try await passage.write(.head(head))
                if !isHead { _ = try await passage.relay(response, atMost: .max) }
                try await passage.write(.end(nil))
                return head.version == .http1_0 ? .short : .complete
            } catch {
                return .short
            }
        }
    }

    /// The rest of a response whose head and first bytes were sent.
    func passRest(of opened: Entry.Opened, range: ByteRange) {
        run { passage in
            do {
                let (response, length) = try await passage.services.bypass.rest(
                    of: opened, resource: passage.resource, range: range)
                let sent = try await passage.relay(response, atMost: length)
                guard sent == range.length else { return .short }
                try await passage.write(.end(nil))
                return .complete
            } catch {
                return .short
            }
        }
    }

    /// The head has to come in time; the body may take as long as the player likes.
    private func startDeadline() -> Scheduled<Void> {
        let delay = services.readers.waits.head.nanosecondsClamped
        return channel.eventLoop.scheduleTask(in: .nanoseconds(delay)) { self.cancel() }
    }

    private func run(_ body: @escaping @Sendable (Passage) async -> Ending) {
        task.value = Task {
            let ending = await body(self)
            self.channel.eventLoop.execute { self.ended.value(ending) }
        }
    }

    private func relay(
        _ response: Bypass.Response, atMost limit: Int64
    ) async throws -> Int64 {
        var sent: Int64 = 0
        for try await var buffer in response.body {
            let length = min(Int64(buffer.readableBytes), limit - sent)
            guard length > 0, let slice = buffer.readSlice(length: Int(length)) else { break }
            try await write(.body(.byteBuffer(slice)))
            sent += length
        }
        return sent
    }

    private func write(_ part: HTTPServerResponsePart) async throws {
        try await channel.writeAndFlush(part).get()
    }
}
