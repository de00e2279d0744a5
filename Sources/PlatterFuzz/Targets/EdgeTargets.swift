import Foundation
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import PlatterAdmin
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterProxy

/// Messages as they come over a connection, and what their parts name.
extension FuzzTarget {
    static let edgeTargets = [
        FuzzTarget("routes", weight: 500, prepare: prepareRoutes),
        FuzzTarget("admin-message", weight: 300, prepare: prepareAdminMessages),
        FuzzTarget("request-head", weight: 150) { try fuzzRequestHead(&$0) },
        FuzzTarget("plain-request", weight: 150) { try fuzzPlainRequest(&$0) },
        FuzzTarget("response-head", weight: 150) { try fuzzResponseHead(&$0) },
    ]
}

// MARK: - Names

@Sendable private func prepareRoutes() throws -> FuzzTarget.Execution {
    let streams = StreamRegistry()
    let origin = try OriginURL("http://origin.test/base")
    let other = try OriginURL("https://other.test:8443/")
    let routes = Routes(origin: origin, named: ["other": other], streams: streams)
    let nameless = Routes(origin: nil, named: [:], streams: streams)
    let stream = try OriginURL("https://stream.test/folder/list.m3u8?token=1")
    let path = streams.register(stream, fields: [.authorization: "Bearer 1"])
    let targets = Corpus(
        [
            "/", "/film.mp4?a=b", "/other/x", "/other", "/other/../x", "/other?x", "*", "",
            "http://origin.test/x", path, path + "/x", String(path.dropLast(9)) + "segment.ts",
            StreamRegistry.prefix, StreamRegistry.prefix + "x/y", "//h/x", "/%2e%2e/x", "/a#b",
        ], tokens: ["/other/", StreamRegistry.prefix, "/..", "/../", "//"])
    return { input in
        let target = input.text(targets)
        for candidate in [routes, nameless] {
            guard case .resource(let resource) = candidate.route(target) else { continue }
            let url = resource.url
            let isOurs =
                url.origin == origin.origin && url.path.hasPrefix("/base")
                || url.origin == other.origin
                || url.origin == stream.origin && url.path.hasPrefix("/folder/")
            try expect(
                target.hasPrefix("/") && isOurs && (try? OriginURL(url.description)) == url,
                "\(target.debugDescription) names \(url)")
            try expect(
                resource.fields.isEmpty == (url.origin != stream.origin),
                "\(target.debugDescription) sends credentials to \(url)")
        }
    }
}

@Sendable private func prepareAdminMessages() throws -> FuzzTarget.Execution {
    let streams = StreamRegistry()
    let routes = Routes(origin: nil, named: [:], streams: streams)
    let messages = Corpus(
        [
            #"{"url": "http://h/x"}"#, #"{"url": "https://h/f?t=1", "headers": []}"#,
            #"{"url":"http://h/x","headers":[{"name":"Authorization","value":"Bearer 1"}]}"#,
            #"{"url": 1e400}"#, #"{"headers": null}"#, "[]", "{}", "null", #"{"url":"\ud800"}"#,
            String(repeating: "[", count: 513), #"{"url":"http://h/\u0000"}"#,
        ],
        tokens: [
            #""url""#, #""headers""#, #"{"name":"Range","value":"x"}"#, "\\u", "null", "1e999",
            "{", "}", "[", "]", "9223372036854775808", String(repeating: "{\"a\":", count: 500),
        ])
    return { input in
        let bytes = input.bytes(messages)
        guard let message = try? AdminMessages.Stream(json: Data(bytes)),
            let url = try? OriginURL(message.url)
        else { return }
        let pairs = (message.headers ?? []).map { ($0.name, $0.value) }
        guard let fields = try? RequestFields.parse(pairs) else { return }
        let path = streams.register(url, fields: fields)
        try expect(
            routes.route(path) == .resource(Resource(url, fields: fields)),
            "\(url) with \(fields) is not found under \(path)")
    }
}

// MARK: - Connections

/// Takes what comes out of the decoder.
private final class Collector<Part: Sendable>: ChannelInboundHandler {
    typealias InboundIn = Part
    var parts: [Part] = []
    var errors = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        parts.append(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { errors += 1 }
}

/// The parser of the server, and what comes out of it.
private func requestParser() throws -> (EmbeddedChannel, Collector<HTTPServerRequestPart>) {
    let collector = Collector<HTTPServerRequestPart>()
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
    try channel.pipeline.syncOperations.addHandler(collector)
    return (channel, collector)
}

/// A player's bytes through the parser of the server, and each head through ours.
private func fuzzRequestHead(_ input: inout FuzzInput) throws {
    let (channel, collector) = try requestParser()
    let bytes = input.bytes(.requests)
    feed(bytes, to: channel, &input)
    for case .head(let head) in collector.parts {
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        let range = RangeField.parse(head.headers["range"])
        _ = range.resolve(completeLength: input.natural())
        let current = RepresentationMetadata(
            etag: EntityTag.parse("\"x\""), lastModified: 0, lastModifiedIsStrong: true)
        _ = Preconditions.evaluate(method: .get, fields: fields, current: current, now: 0)
        try expect(fields.count <= head.headers.count, "\(bytes) grew into \(fields)")
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
}

/// What is read of a head beside the parser of the server is what that one reads; and where it is said that the
/// parser waits for nothing, it takes the next request for one.
private func fuzzPlainRequest(_ input: inout FuzzInput) throws {
    let (channel, collector) = try requestParser()
    let bytes = input.bytes(.requests)
    let text = String(decoding: bytes, as: UTF8.self).debugDescription
    feed(bytes, to: channel, &input)
    if let plain = bytes.withUnsafeBytes({ PlainRequest($0) }) {
        guard collector.errors == 0, collector.parts.count == 2,
            case .head(let head) = collector.parts[0], case .end(nil) = collector.parts[1]
        else { throw Violation(description: "\(text) is read as one request") }
        let (first, last) = (plain.range.first, plain.range.last)
        try expect(
            head.method == .GET && head.version == .http1_1 && head.uri == plain.target
                && head.isKeepAlive && head.headers["host"].count == 1
                && RangeField.parse(head.headers["range"])
                    == .set([.bounded(first: first, last: last)]),
            "\(text) is read as \(plain)")
    }
    var codecInput = CodecInput()
    bytes.withUnsafeBytes { codecInput.add($0) }
    // After one that is the last of its connection nothing is read any more.
    let isOpen = collector.parts.allSatisfy { part in
        if case .head(let head) = part { head.isKeepAlive } else { true }
    }
    if codecInput.isIdle, collector.errors == 0, isOpen {
        collector.parts = []
        let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
        feed(Array(next.utf8), to: channel, &input)
        guard collector.errors == 0, collector.parts.count == 2,
            case .head(let head) = collector.parts[0], head.uri == "/next"
        else { throw Violation(description: "\(text) is taken for whole heads") }
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
}

/// An origin's bytes through the parser of the client, and each head through our checks.
private func fuzzResponseHead(_ input: inout FuzzInput) throws {
    let collector = Collector<HTTPClientResponsePart>()
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandlers(
        HTTPRequestEncoder(),
        ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), collector)
    let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    // The decoder has to know what is answered.
    channel.write(HTTPClientRequestPart.head(request), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    feed(input.bytes(.responses), to: channel, &input)
    for case .head(let head) in collector.parts {
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        let asked = AskedRange.from(0, upTo: input.natural())
        try HeadCheck(status: Int(head.status.code), fields: fields, asked: asked).run(&input)
        let kept = StoredFields.select(from: fields)
        try expect(
            StoredFields.parse(StoredFields.serialised(kept)) == kept,
            "\(fields) are kept as \(kept)")
        _ = Storability.decide(requestHasAuthorization: input.oneIn(2), fields: fields)
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
}

/// In pieces, as a network brings them.
private func feed(_ bytes: [UInt8], to channel: EmbeddedChannel, _ input: inout FuzzInput) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(1 + input.below(input.oneIn(2) ? rest.count : 8))
        rest = rest.dropFirst(piece.count)
        // What is no HTTP is an error here, and a closed connection there.
        _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
    }
}
