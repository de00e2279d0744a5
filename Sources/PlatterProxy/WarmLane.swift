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

    /// Entries with more fields than that are not answered for here [1 KiB]: each connection keeps them.
    private static let longestFields = 1 << 10
    /// A body up to here is put behind its head, for one write; larger ones are not, for buffers double [16 KiB].
    private static let joinedLength: Int64 = 16 << 10

    private let connection: ProxyConnection
    private let services: ProxyServices
    private let index: IndexReader
    private let answers: AnswerCount
    private var codecInput = CodecInput()
    /// Whether something was handed on since the channel was last done with reading.
    private var hasHandedOn = false
    private var question: Question?

    /// What was asked for last.
    private struct Question {
        /// nil: what its target names may not last.
        let pattern: PlainPattern?
        let resource: Resource
        var found: Found?
    }

    /// What was found of it.
    private struct Found {
        let known: KnownEntry
        /// As they are on the wire.
        let fields: [UInt8]
    }

    private struct Answer {
        let entry: Entry
        let opened: Entry.Opened
        let range: ByteRange
        var head: ByteBuffer
        /// nil: it stands behind the head.
        var body: ByteBuffer?
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
        let buffer = unwrapInboundIn(data)
        if codecInput.isIdle, connection.isFree, context.channel.isWritable,
            let answer = buffer.withUnsafeReadableBytes({ answer($0, context.channel.allocator) })
        {
            return send(answer, context)
        }
        buffer.withUnsafeReadableBytes { codecInput.add($0) }
        hasHandedOn = true
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Whoever has had nothing need not be told that it was all.
        guard hasHandedOn else { return }
        hasHandedOn = false
        context.fireChannelReadComplete()
    }

    private func send(_ answer: Answer, _ context: ChannelHandlerContext) {
        answers.add()
        connection.beginsAnswer()
        let channel = context.channel
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [connection, services] result in
            let length = answer.range.length
            let isSent = if case .success = result { true } else { false }
            services.readers.closed(
                answer.entry, answer.opened, taken: isSent ? length : 0, asked: length)
            if isSent { connection.hasSent() } else { channel.close(promise: nil) }
        }
        if let body = answer.body {
            context.write(wrapOutboundOut(answer.head), promise: nil)
            context.writeAndFlush(wrapOutboundOut(body), promise: sent)
        } else {
            context.writeAndFlush(wrapOutboundOut(answer.head), promise: sent)
        }
    }

    // MARK: - Answering

    private func answer(
        _ bytes: UnsafeRawBufferPointer, _ allocator: ByteBufferAllocator
    ) -> Answer? {
        guard let wanted = wanted(bytes),
            wanted.last.map({ $0 - wanted.first < FileSlices.copyLength }) ?? true,
            // As `Exchange.begin` has it.
            !services.latency.isSlow, !services.damage.isSuspect,
            let (found, entry) = find(), let opened = entry.opened
        else { return nil }
        let end = min(wanted.last ?? .max - 1, opened.completeLength - 1) + 1
        guard wanted.first < end, end - wanted.first <= FileSlices.copyLength else { return nil }
        let range = wanted.first..<end
        let (length, isJoined) = (Int(range.length), range.length <= Self.joinedLength)
        var head = allocator.buffer(
            capacity: found.fields.count + 192 + (isJoined ? length : 0))
        ResponseHeads.writeHit(
            of: range, completeLength: opened.completeLength, fields: found.fields, to: &head)
        if isJoined {
            guard read(range, of: opened, found.known, into: &head) else { return nil }
            return Answer(entry: entry, opened: opened, range: range, head: head)
        }
        var body = allocator.buffer(capacity: length)
        guard read(range, of: opened, found.known, into: &body) else { return nil }
        return Answer(entry: entry, opened: opened, range: range, head: head, body: body)
    }

    private func read(
        _ range: ByteRange, of opened: Entry.Opened, _ known: KnownEntry,
        into buffer: inout ByteBuffer
    ) -> Bool {
        let length = Int(range.length)
        var isRight = false
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { room in
            let body = UnsafeMutableRawBufferPointer(rebasing: room[..<length])
            isRight = known.read(range, of: opened, into: body, index: index)
            return length
        }
        return isRight
    }

    /// The range that is asked for; `question` is what it is of.
    private func wanted(_ bytes: UnsafeRawBufferPointer) -> PlainRange? {
        if let range = question?.pattern?.range(of: bytes) { return range }
        question = nil
        guard let request = PlainRequest(bytes),
            case .resource(let resource) = services.routes.route(request.target)
        else { return nil }
        let pattern = Routes.isLasting(request.target) ? PlainPattern(request, bytes) : nil
        question = Question(pattern: pattern, resource: resource)
        return request.range
    }

    private func find() -> (Found, Entry)? {
        if let found = question?.found,
            let entry = found.known.entry(table: services.table, index: index)
        {
            return (found, entry)
        }
        question?.found = nil
        guard let question,
            let known = KnownEntry(
                question.resource, table: services.table, index: index,
                now: services.readers.clock.now),
            let entry = known.entry(table: services.table, index: index),
            let opened = entry.opened
        else { return nil }
        let fields = ResponseHeads.wireFields(of: opened)
        guard fields.count <= Self.longestFields else { return nil }
        let found = Found(known: known, fields: fields)
        self.question?.found = found
        return (found, entry)
    }
}
