import HTTPTypes
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// The heads of all responses, made in one place, so that hit and miss, GET and HEAD cannot differ.
struct ResponseHeads {
    let isKeepAlive: Bool

    /// A response with the entry's own fields: 200, 206, 304, 412 or 416.
    func entry(
        _ status: HTTPResponseStatus, _ opened: Entry.Opened, etag: EntityTag?,
        length: Int64?, contentRange: String? = nil, cacheStatus: CacheStatus
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(opened.fields.count + 6)
        for field in opened.fields where field.name != .eTag {
            headers.add(name: field.name.rawName, value: field.value)
        }
        if let etag { headers.add(name: "ETag", value: etag.fieldValue) }
        headers.add(name: "Accept-Ranges", value: "bytes")
        if let contentRange { headers.add(name: "Content-Range", value: contentRange) }
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        headers.add(name: "Cache-Status", value: cacheStatus.member)
        return finish(status, headers)
    }

    /// An answer of our own, always without a body: players take an error's body for media.
    func empty(
        _ status: HTTPResponseStatus, adding extra: [(String, String)] = [],
        cacheStatus: CacheStatus? = nil
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders(extra)
        headers.add(name: "Content-Length", value: "0")
        if let cacheStatus { headers.add(name: "Cache-Status", value: cacheStatus.member) }
        return finish(status, headers)
    }

    /// The origin's own answer, passed on.
    func passed(
        _ status: Int, _ fields: HTTPFields, detail: String?
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders()
        for field in StoredFields.select(from: fields) {
            headers.add(name: field.name.rawName, value: field.value)
        }
        for name in [HTTPField.Name.contentLength, .contentRange, .acceptRanges, .location] {
            guard !headers.contains(name: name.rawName), let value = fields[name] else { continue }
            headers.add(name: name.rawName, value: value)
        }
        let outcome = CacheStatus(
            .forward(.bypass), forwardStatus: status, detail: detail)
        headers.add(name: "Cache-Status", value: outcome.member)
        return finish(HTTPResponseStatus(statusCode: status), headers)
    }

    private func finish(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders
    ) -> HTTPResponseHead {
        var headers = headers
        if !isKeepAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }
}

extension Entry.Opened {
    /// What conditional requests are compared with. An origin without an entity tag gets one of ours,
    /// the same after restarts: players use it to notice a change, and need it to be strong.
    func metadata() -> RepresentationMetadata {
        let stored = RepresentationMetadata(fields: fields, receivedAt: record.createdAt)
        guard stored.etag == nil else { return stored }
        return RepresentationMetadata(
            etag: EntityTag.parse("\"\(record.file.text.prefix(32))\""),
            lastModified: stored.lastModified, lastModifiedIsStrong: stored.lastModifiedIsStrong)
    }
}
