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
    ///   - headTime: How long the player still waits for the head.
    ///   - hasBody: false: only the head; players take an error's body for media.
    func passAll(
        range: AskedRange?, isHead: Bool, hasBody: Bool = true, detail: String,
        headTime: Duration
    ) {
        run { passage in
            let deadline = passage.startDeadline(after: headTime)
            let response: Bypass.Response
            do {
                response = try await passage.services.bypass.response(
                    to: passage.resource, range: range)
            } catch {
                return .unreachable
            }
            deadline.cancel()
            var head = passage.heads.passed(
                response.status, response.fields, detail: detail,
                isChunkable: !isHead && !passage.isHTTP10)
            if !hasBody { head.headers.replaceOrAdd(name: "Content-Length", value: "0") }
            do {
                try await passage.write(.head(head))
                if !isHead, hasBody { _ = try await passage.relay(response) }
                try await passage.write(.end(nil))
                return head.version == .http1_0 ? .short : .complete
            } catch {
                return .short
            }
        }
    }

    /// Bytes of a version that is known, all of a response or its rest. An origin without ranges has to
    /// send all that comes before them in the time that a reader waits for a byte.
    ///
    /// - Parameters:
    ///   - head: nil when it was sent before.
    ///   - isLast: The response ends with them.
    ///   - time: How long the player waits for the first byte.
    func passBytes(
        of opened: Entry.Opened, range: ByteRange, head: HTTPResponseHead?, isLast: Bool = true,
        time: Duration
    ) {
        run { passage in
            let deadline = passage.startDeadline(after: time)
            let rest: Bypass.Rest
            do throws(FetchFailure) {
                rest = try await passage.services.bypass.rest(
                    of: opened, resource: passage.resource, range: range)
            } catch {
                guard head != nil else { return .short }
                return error == .unreachable ? .unreachable : .refused
            }
            do {
                if let head { try await passage.write(.head(head)) }
                let sent = try await passage.relay(
                    rest.response, skipping: rest.skipping, atMost: rest.length,
                    began: deadline.cancel)
                guard sent == range.length else { return .short }
                if isLast { try await passage.write(.end(nil)) }
                return .complete
            } catch {
                return .short
            }
        }
    }

    /// The head has to come in time; the body may take as long as the player likes.
    private func startDeadline(after time: Duration) -> Scheduled<Void> {
        channel.eventLoop.scheduleTask(in: .nanoseconds(time.nanosecondsClamped)) { self.cancel() }
    }

    private func run(_ body: @escaping @Sendable (Passage) async -> Ending) {
        task.value = Task {
            let ending = await body(self)
            self.channel.eventLoop.execute { self.ended.value(ending) }
        }
    }

    /// - Parameter began: Called with each buffer that has something to hand on.
    private func relay(
        _ response: Bypass.Response, skipping: Int64 = 0, atMost limit: Int64 = .max,
        began: () -> Void = {}
    ) async throws -> Int64 {
        var sent: Int64 = 0
        var toSkip = skipping
        // A player may take its time, an origin may not.
        var stall = startDeadline(after: services.readers.waits.body)
        defer { stall.cancel() }
        for try await var buffer in response.body {
            stall.cancel()
            defer { stall = startDeadline(after: services.readers.waits.body) }
            let skipped = min(toSkip, Int64(buffer.readableBytes))
            buffer.moveReaderIndex(forwardBy: Int(skipped))
            toSkip -= skipped
            if toSkip > 0 || buffer.readableBytes == 0 { continue }
            began()
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
