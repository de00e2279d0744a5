import NIOCore
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// Answers the plainest of requests, those for few bytes that are in memory, before they come to the HTTP codec: with
/// the very bytes that the way behind it would answer with. All that is anything else it hands on as it came.
final class WarmLane: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ProxyConnection
    private let services: ProxyServices
    private let index: IndexReader
    private let answers: AnswerCount
    /// Whether the codec has had nothing but whole heads, and so waits for nothing that belongs to one.
    private var isCodecIdle = true
    /// Whether something was handed on since the channel was last done with reading.
    private var hasHandedOn = false
    private var known: Known?

    /// What was asked for last.
    private struct Known {
        /// nil: what a target names may not last.
        let pattern: PlainPattern?
        let resource: Resource
        var found: Found?
    }

    /// What was found of it.
    private struct Found {
        let entry: FoundEntry
        /// As they are on the wire.
        let fields: [UInt8]
    }

    /// - Parameter answers: Told of what is answered here.
    init(
        connection: ProxyConnection, services: ProxyServices, index: IndexReader,
        answers: AnswerCount
    ) {
        self.answers = answers
        self.connection = connection
        self.services = services
        self.index = index
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isCodecIdle else { return handOn(data, context) }
        let buffer = unwrapInboundIn(data)
        if connection.isFree, context.channel.isWritable,
            let answer = buffer.withUnsafeReadableBytes({ answer($0, context.channel.allocator) })
        {
            answers.add()
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
            return connection.wasAnswered()
        }
        isCodecIdle = buffer.withUnsafeReadableBytes { PlainRequest.isOneHead($0) }
        handOn(data, context)
    }

    private func handOn(_ data: NIOAny, _ context: ChannelHandlerContext) {
        hasHandedOn = true
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Whoever has had nothing need not be told that it was all.
        guard hasHandedOn else { return }
        hasHandedOn = false
        context.fireChannelReadComplete()
    }

    // MARK: - Answering

    private func answer(
        _ bytes: UnsafeRawBufferPointer, _ allocator: ByteBufferAllocator
    ) -> ByteBuffer? {
        guard let wanted = wanted(bytes),
            // As `Exchange.begin` has it.
            !services.latency.isSlow, !services.damage.isSuspect,
            let (found, entry) = find(), let opened = entry.opened
        else { return nil }
        let end = min(wanted.last ?? .max - 1, opened.completeLength - 1) + 1
        guard wanted.first < end, end - wanted.first <= FileSlices.copyLength else { return nil }
        let range = wanted.first..<end
        var answer = head(of: range, opened, found.fields, allocator)
        var isRight = false
        answer.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(range.length)) { room in
            let body = UnsafeMutableRawBufferPointer(rebasing: room[..<Int(range.length)])
            isRight = found.entry.read(range, of: opened, into: body, index: index)
            return body.count
        }
        guard isRight else { return nil }
        services.readers.closed(entry, opened, taken: range.length, asked: range.length)
        return answer
    }

    /// The range that is asked for; `known` is what it is of.
    private func wanted(_ bytes: UnsafeRawBufferPointer) -> PlainRange? {
        if let range = known?.pattern?.range(of: bytes) { return range }
        known = nil
        guard let request = PlainRequest(bytes),
            case .resource(let resource) = services.routes.route(request.target)
        else { return nil }
        let pattern = Routes.isLasting(request.target) ? PlainPattern(request, bytes) : nil
        known = Known(pattern: pattern, resource: resource)
        return request.range
    }

    private func find() -> (Found, Entry)? {
        if let found = known?.found,
            let entry = found.entry.entry(table: services.table, index: index)
        {
            return (found, entry)
        }
        known?.found = nil
        guard let known,
            let found = FoundEntry(
                known.resource, services: services.readers, table: services.table, index: index),
            let entry = found.entry(table: services.table, index: index),
            let opened = entry.opened
        else { return nil }
        let place = Found(entry: found, fields: Self.fields(of: opened))
        self.known?.found = place
        return (place, entry)
    }

    // MARK: - The head

    private func head(
        of range: ByteRange, _ opened: Entry.Opened, _ fields: [UInt8],
        _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var head = allocator.buffer(capacity: fields.count + 192 + Int(range.length))
        head.writeStaticString("HTTP/1.1 206 Partial Content\r\n")
        head.writeBytes(fields)
        head.writeStaticString("Content-Range: bytes ")
        head.writeDecimal(range.lowerBound)
        head.writeStaticString("-")
        head.writeDecimal(range.upperBound - 1)
        head.writeStaticString("/")
        head.writeDecimal(opened.completeLength)
        head.writeStaticString("\r\nContent-Length: ")
        head.writeDecimal(range.length)
        head.writeStaticString("\r\nCache-Status: ")
        head.writeString(Self.hit)
        head.writeStaticString("\r\n\r\n")
        return head
    }

    private static let hit = CacheStatus(.hit).member

    private static func fields(of opened: Entry.Opened) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in ResponseHeads.entryFields(opened, etag: opened.metadata.etag) {
            bytes += Array("\(name): \(value)\r\n".utf8)
        }
        return bytes
    }
}

extension ByteBuffer {
    /// - Parameter number: 0 or more.
    fileprivate mutating func writeDecimal(_ number: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = number.magnitude
            var start = digits.count
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start...]))
        }
    }
}
