import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP

/// What the response to a request for an open entry is (RFC 9110 sections 13 to 15). Pure.
struct ResponsePlan {
    typealias Head = (ResponseHeads, CacheStatus) -> HTTPResponseHead

    enum Content {
        /// A head without a body.
        case none(Head)
        /// A refusal, if the object has no bytes from this position on: it may have grown.
        case beyond(Int64, Head)
        /// A head, then these bytes.
        case bytes(ByteRange, Head)
    }

    let content: Content

    init(request: PlayerRequest, opened: Entry.Opened, now: Int64) {
        let metadata = opened.metadata
        let length = opened.completeLength
        func head(
            _ status: HTTPResponseStatus, length: Int64?, range: String? = nil
        ) -> Head {
            { heads, cacheStatus in
                heads.entry(
                    status, opened, etag: metadata.etag, length: length, contentRange: range,
                    cacheStatus: cacheStatus)
            }
        }
        let outcome = Preconditions.evaluate(
            method: request.method, fields: request.fields, current: metadata, now: now)
        switch outcome {
        case .failed: content = .none(head(.preconditionFailed, length: 0))
        case .notModified: content = .none(head(.notModified, length: nil))
        case .proceed(honourRange: let honoursRange):
            let resolution =
                honoursRange ? request.range.resolve(completeLength: length) : .whole
            switch resolution {
            case .unsatisfiable:
                let range = ContentRange.unsatisfied(completeLength: length).fieldValue
                let refusal = head(.rangeNotSatisfiable, length: 0, range: range)
                if case .from(let first, _)? = request.passedRange {
                    content = .beyond(first, refusal)
                } else {
                    content = .none(refusal)
                }
            case .single(let range):
                let text = ContentRange.range(range, completeLength: length).fieldValue
                content = .bytes(range, head(.partialContent, length: range.length, range: text))
            case .whole, .multiple:
                // Several ranges may be ignored (RFC 9110 section 14.2); no player asks for them.
                let whole = head(.ok, length: length)
                content = request.isHead || length == 0 ? .none(whole) : .bytes(0..<length, whole)
            }
        }
    }
}
