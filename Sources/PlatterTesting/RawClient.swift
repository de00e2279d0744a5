import NIOCore
import NIOPosix

/// A TCP client that hides nothing: tests see heads, bytes and how a connection ended. For one
/// task.
package final class RawClient {
    /// The other side's last word.
    package enum End: Hashable, Sendable {
        case finished
        case reset
    }

    /// A status line and its fields.
    package struct Head: Hashable, Sendable {
        package let status: Int
        package let fields: [HeaderField]

        /// All values of that name, in order.
        package func values(of name: String) -> [String] {
            fields.filter { $0.isNamed(name) }.map(\.value)
        }

        package subscript(name: String) -> String? { values(of: name).first }
    }

    package struct UnexpectedEnd: Error {}

    private let channel: any Channel
    private let isLazy: Bool
    private var events: AsyncStream<RawClientHandler.Event>.Iterator
    private var received = ByteBuffer()
    /// Set when the other side has closed.
    private var end: End?

    private init(
        channel: any Channel, isLazy: Bool, events: AsyncStream<RawClientHandler.Event>
    ) {
        self.channel = channel
        self.isLazy = isLazy
        self.events = events.makeAsyncIterator()
    }

    /// - Parameter isLazy: Takes nothing off the socket, which is small, before it is asked for.
    /// - Throws: An `IOError` when nobody listens.
    package static func connect(
        port: Int, host: String = "127.0.0.1", isLazy: Bool = false
    ) async throws -> RawClient {
        let (events, continuation) = AsyncStream<RawClientHandler.Event>.makeStream()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if isLazy {
            bootstrap = bootstrap.channelOption(.autoRead, value: false)
                .channelOption(.socketOption(.so_rcvbuf), value: 4096)
        }
        let channel =
            try await bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = RawClientHandler(continuation: continuation)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: host, port: port).get()
        return RawClient(channel: channel, isLazy: isLazy, events: events)
    }

    package func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Sends a request without a body. Fields are whole lines: `Range: bytes=0-1`.
    package func request(_ method: String = "GET", _ target: String, _ lines: String...)
        async throws
    {
        let fields = ["Host: 127.0.0.1"] + lines
        let head = (["\(method) \(target) HTTP/1.1"] + fields).joined(separator: "\r\n")
        try await send(head + "\r\n\r\n")
    }

    /// The next head.
    ///
    /// - Throws: `UnexpectedEnd` when the connection ends before it does.
    package func head() async throws -> Head {
        var lines: [String] = []
        while true {
            let line = try await line()
            if line.isEmpty { break }
            lines.append(line)
        }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        let fields = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return HeaderField(String(parts[0]), String((parts.last ?? "").drop { $0 == " " }))
        }
        return Head(status: status ?? 0, fields: fields)
    }

    /// A line without its CRLF.
    package func line() async throws -> String {
        while true {
            let view = received.readableBytesView
            if let end = view.firstIndex(of: 10) {
                let bytes = try await read(view.distance(from: view.startIndex, to: end) + 1)
                return String(decoding: bytes.dropLast(2), as: UTF8.self)
            }
            guard await more() else { throw UnexpectedEnd() }
        }
    }

    /// Exactly `count` bytes.
    ///
    /// - Throws: `UnexpectedEnd` when fewer come.
    package func read(_ count: Int) async throws -> [UInt8] {
        while received.readableBytes < count {
            guard await more() else { throw UnexpectedEnd() }
        }
        return received.readBytes(length: count) ?? []
    }

    /// All that still comes, and how it ended.
    package func readToEnd() async -> (bytes: [UInt8], end: End) {
        while await more() {}
        let bytes = received.readBytes(length: received.readableBytes) ?? []
        return (bytes, end ?? .finished)
    }

    /// Closes this side. What was not read is thrown away.
    package func close() async throws {
        if end == nil { try await channel.close() }
    }

    private func more() async -> Bool {
        guard end == nil else { return false }
        if isLazy { channel.read() }
        switch await events.next() {
        case .bytes(var buffer):
            received.discardReadBytes()
            received.writeBuffer(&buffer)
            return true
        case .ended(let end):
            self.end = end
            return false
        case nil:
            // Cancelled.
            end = .finished
            return false
        }
    }
}

/// Turns what happens on the socket into events.
private final class RawClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Event: Sendable {
        case bytes(ByteBuffer)
        case ended(RawClient.End)
    }

    private let continuation: AsyncStream<Event>.Continuation
    private var end = RawClient.End.finished

    init(continuation: AsyncStream<Event>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(.bytes(unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if (error as? IOError)?.errnoCode == ECONNRESET { end = .reset }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.yield(.ended(end))
        continuation.finish()
    }
}
