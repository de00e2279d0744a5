import NIOCore
import NIOHTTP1
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

    /// Of a head, those that are the answer's own [192].
    private static let longestOwnFields = 192

    private let connection: ProxyConnection
    private let services: ProxyServices
    private let index: IndexReader
    private let bodies: BodyBuffers
    private let answers: AnswerCount
    private var codecInput = CodecInput()
    /// Whether the HTTP codec is in its place behind this.
    private var hasCodec = false
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
        let headAndBody: ByteBuffer
    }

    /// - Parameter answers: Told of what is answered here.
    init(
        connection: ProxyConnection, services: ProxyServices, tools: LoopTools,
        answers: AnswerCount
    ) {
        self.answers = answers
        self.connection = connection
        self.services = services
        index = tools.index
        bodies = tools.bodies
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if codecInput.isIdle, connection.isFree, context.channel.isWritable,
            let answer = buffer.withUnsafeReadableBytes(answer)
        {
            return send(answer, context)
        }
        buffer.withUnsafeReadableBytes { codecInput.add($0) }
        hasHandedOn = true
        do {
            try addCodec(context)
            context.fireChannelRead(data)
        } catch {
            context.fireErrorCaught(error)
        }
    }

    /// A connection that asks for nothing but what is answered here needs none, nor does one that asks for nothing.
    private func addCodec(_ context: ChannelHandlerContext) throws {
        guard !hasCodec else { return }
        hasCodec = true
        try context.pipeline.syncOperations.configureHTTPServerPipeline(
            position: .after(self), withErrorHandling: false)
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
        context.writeAndFlush(wrapOutboundOut(answer.headAndBody), promise: sent)
    }

    // MARK: - Answering

    private func answer(_ bytes: UnsafeRawBufferPointer) -> Answer? {
        guard let wanted = wanted(bytes),
            wanted.last.map({ $0 - wanted.first < FileSlices.copyLength }) ?? true,
            // As `Exchange.begin` has it.
            !services.latency.isSlow, !services.damage.isSuspect,
            let (found, entry) = find(), let opened = entry.opened
        else { return nil }
        let end = min(wanted.last ?? .max - 1, opened.completeLength - 1) + 1
        guard wanted.first < end, end - wanted.first <= FileSlices.copyLength else { return nil }
        let range = wanted.first..<end
        let read = try? bodies.body(
            length: Int(range.length), position: range.lowerBound,
            headLength: found.fields.count + Self.longestOwnFields,
            writeHead: {
                ResponseHeads.writeHit(
                    of: range, completeLength: opened.completeLength, fields: found.fields, to: &$0)
            },
            read: {
                found.known.read(range, of: opened, into: $0, index: index) ? $0.count : nil
            })
        return read.flatMap { $0 }.map {
            Answer(entry: entry, opened: opened, range: range, headAndBody: $0)
        }
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
