import HTTPTypes
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
    /// Whether the codec has had nothing but whole heads, and so waits for nothing that belongs to one.
    private var isCodecIdle = true
    private var lastRoute = LastRoute()
    /// The fields of the last entry, as they are on the wire.
    private var lastFields: (id: EntryID, bytes: [UInt8])?
    private let answers: AnswerCount

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
        guard isCodecIdle else { return context.fireChannelRead(data) }
        let buffer = unwrapInboundIn(data)
        if connection.isFree, context.channel.isWritable,
            let request = buffer.withUnsafeReadableBytes({ PlainRequest($0) }),
            let answer = answer(request, context.channel)
        {
            answers.add()
            context.write(wrapOutboundOut(answer.head), promise: nil)
            context.writeAndFlush(wrapOutboundOut(answer.body), promise: nil)
            return connection.wasAnswered()
        }
        isCodecIdle = buffer.withUnsafeReadableBytes { PlainRequest.isOneHead($0) }
        context.fireChannelRead(data)
    }

    private func answer(
        _ request: PlainRequest, _ channel: any Channel
    ) -> (head: ByteBuffer, body: ByteBuffer)? {
        guard case .resource(let resource) = lastRoute.route(request.target, in: services.routes),
            // As `Exchange.begin` has it.
            !services.latency.isSlow, !services.damage.isSuspect,
            services.table.reasonToBypass(resource.key, now: services.readers.clock.now) == nil,
            let record = try? index.entry(for: resource.key),
            let entry = services.table.openEntry(of: record, resource: resource),
            let opened = entry.opened
        else { return nil }
        let end = min(request.last ?? .max - 1, opened.completeLength - 1) + 1
        guard request.first < end, end - request.first <= FileSlices.copyLength else { return nil }
        let range = request.first..<end
        guard
            let glance = Glance(
                at: range, of: opened, services: services.readers, index: index)
        else { return nil }
        let slices = FileSlices(file: opened.file, allocator: channel.allocator)
        guard
            case .bytes(.byteBuffer(let body))? = try? slices.slice(
                range, acceptedChanges: glance.acceptedChanges, mayWait: false)
        else { return nil }
        if slices.isUnlinked { services.table.forget(entry) }
        glance.ended(of: entry, opened, services: services.readers)
        return (head(of: range, opened, channel.allocator), body)
    }

    private func head(
        of range: ByteRange, _ opened: Entry.Opened, _ allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        let fields = fields(of: opened)
        var head = allocator.buffer(capacity: fields.count + 192)
        head.writeStaticString("HTTP/1.1 206 Partial Content\r\n")
        head.writeBytes(fields)
        head.writeStaticString("Content-Range: ")
        head.writeString(
            ContentRange.range(range, completeLength: opened.completeLength).fieldValue)
        head.writeStaticString("\r\nContent-Length: ")
        head.writeString(String(range.length))
        head.writeStaticString("\r\nCache-Status: ")
        head.writeString(Self.hit)
        head.writeStaticString("\r\n\r\n")
        return head
    }

    private static let hit = CacheStatus(.hit).member

    private func fields(of opened: Entry.Opened) -> [UInt8] {
        if let lastFields, lastFields.id == opened.record.id { return lastFields.bytes }
        var bytes: [UInt8] = []
        for (name, value) in ResponseHeads.entryFields(opened, etag: opened.metadata.etag) {
            bytes += Array("\(name): \(value)\r\n".utf8)
        }
        lastFields = (opened.record.id, bytes)
        return bytes
    }
}
