import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// The heads of all responses, made in one place, so that hit and miss, GET and HEAD cannot differ.
struct ResponseHeads {
    /// Shared with whoever makes a head later, since a server that is to end changes its mind.
    private let keepsAlive: NIOLockedValueBox<Bool>

    init(isKeepAlive: Bool) { keepsAlive = NIOLockedValueBox(isKeepAlive) }

    /// The connection ends after the response: heads that are made from now on say so.
    func endConnection() { keepsAlive.withLockedValue { $0 = false } }

    /// A response with the entry's own fields: 200, 206, 304, 412 or 416.
    func entry(
        _ status: HTTPResponseStatus, _ opened: Entry.Opened, etag: EntityTag?,
        length: Int64?, contentRange: String? = nil, cacheStatus: CacheStatus
    ) -> HTTPResponseHead {
        var headers = Self.entryFields(opened, etag: etag)
        if let contentRange { headers.add(name: "Content-Range", value: contentRange) }
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        headers.add(name: "Cache-Status", value: cacheStatus.member)
        return finish(status, headers)
    }

    /// What is the same in all of them.
    private static func entryFields(_ opened: Entry.Opened, etag: EntityTag?) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(opened.fields.count + 6)
        for field in opened.fields where field.name != .eTag {
            headers.add(name: field.name.rawName, value: field.value)
        }
        if let etag { headers.add(name: "ETag", value: etag.fieldValue) }
        headers.add(name: "Accept-Ranges", value: "bytes")
        return headers
    }

    /// The same of an entry as they are on the wire.
    static func wireFields(of opened: Entry.Opened) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in entryFields(opened, etag: opened.metadata.etag) {
            bytes += Array("\(name): \(value)\r\n".utf8)
        }
        return bytes
    }

    /// Writes what the codec would for `entry(.partialContent, ...)` of a hit whose connection stays open.
    ///
    /// - Parameter fields: As of `wireFields`.
    static func writeHit(
        of range: ByteRange, completeLength: Int64, fields: [UInt8], to buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 206 Partial Content\r\n")
        buffer.writeBytes(fields)
        buffer.writeStaticString("Content-Range: bytes ")
        buffer.writeDecimal(range.lowerBound)
        buffer.writeStaticString("-")
        buffer.writeDecimal(range.upperBound - 1)
        buffer.writeStaticString("/")
        buffer.writeDecimal(completeLength)
        buffer.writeStaticString("\r\nContent-Length: ")
        buffer.writeDecimal(range.length)
        buffer.writeStaticString("\r\nCache-Status: ")
        buffer.writeString(hit)
        buffer.writeStaticString("\r\n\r\n")
    }

    private static let hit = CacheStatus(.hit).member

    /// An answer of our own, always without a body: players take an error's body for media.
    func empty(
        _ status: HTTPResponseStatus, adding extra: [(String, String)] = [],
        cacheStatus: CacheStatus
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders(extra)
        headers.add(name: "Content-Length", value: "0")
        headers.add(name: "Cache-Status", value: cacheStatus.member)
        return finish(status, headers)
    }

    /// The origin's own answer, passed on.
    func passed(
        _ status: Int, _ fields: HTTPFields, detail: StatusDetail, isChunkable: Bool
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders()
        let named = Set(
            fields[values: .connection].flatMap { $0.lowercased().split(separator: ",") }
                .map { $0.filter { !$0.isWhitespace } })
        for field in fields {
            let name = field.name.canonicalName
            guard !Self.notPassed.contains(name), !named.contains(name) else { continue }
            headers.add(name: field.name.rawName, value: field.value)
        }
        let outcome = CacheStatus(forwarded: .bypass, status: status, detail: detail)
        headers.add(name: "Cache-Status", value: outcome.member)
        var head = finish(HTTPResponseStatus(statusCode: status), headers)
        // Without a length it would be chunked, which HTTP/1.0 does not know and HEAD has not.
        if !isChunkable, !headers.contains(name: "Content-Length") {
            head.version = .http1_0
            head.headers.replaceOrAdd(name: "Connection", value: "close")
        }
        return head
    }

    /// The origin's refusal, passed on without its body: players take an error's body for media.
    ///
    /// - Parameter detail: A challenge is one only where the player is told what to answer.
    func refusal(_ status: Int, _ fields: HTTPFields, detail: StatusDetail) -> HTTPResponseHead {
        var extra = fields[values: .wwwAuthenticate].map { ("WWW-Authenticate", $0) }
        let isChallenge = !extra.isEmpty
        let lines = fields[values: .contentRange]
        if status == 416, lines.count == 1, let line = lines.first,
            case .unsatisfied(_?)? = ContentRange.parse(line)
        {
            extra.append(("Content-Range", line))
        }
        let reason = detail == .challenge && !isChallenge ? nil : detail
        return empty(
            HTTPResponseStatus(statusCode: status), adding: extra,
            cacheStatus: CacheStatus(forwarded: .bypass, status: status, detail: reason))
    }

    /// Those of the connection (RFC 9110 section 7.6.1), and the one that leads past the cache, with the origin's
    /// signature perhaps.
    private static let notPassed: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "location",
    ]

    private func finish(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders
    ) -> HTTPResponseHead {
        var headers = headers
        if !keepsAlive.withLockedValue(\.self) {
            headers.replaceOrAdd(name: "Connection", value: "close")
        }
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
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
