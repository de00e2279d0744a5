/// How a request was answered, in the words of the `Cache-Status` field (RFC 9211). The same words are
/// the outcome in the log and the label of the metric.
package struct CacheStatus: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// Answered from the cache, without the origin.
        case hit
        case forward(ForwardReason)
        /// Refused by the cache, which looked for nothing.
        case refused

        /// The word for logs and metrics.
        package var label: String {
            switch self {
            case .hit: "hit"
            case .forward(let reason): reason.rawValue
            case .refused: "refused"
            }
        }
    }

    /// Why the request went to the origin (RFC 9211 section 2.2).
    package enum ForwardReason: String, Hashable, Sendable, CaseIterable {
        /// Not to be handled by the cache at all.
        case bypass
        /// The method is never answered from the cache.
        case method
        /// Nothing is stored for the URL.
        case uriMiss = "uri-miss"
        /// Something is stored for the URL, but not for these request fields.
        case varyMiss = "vary-miss"
        /// Nothing fits, and the cache does not say why.
        case miss
        /// The request asked for it, such as by `no-cache`.
        case request
        /// Something fits, but is stale.
        case stale
        /// Some of the bytes are stored, but not all.
        case partial
    }

    package var outcome: Outcome
    /// The origin's status code, if it answered.
    package var forwardStatus: Int?
    /// Whether the origin's bytes were kept.
    package var isStored = false
    /// Whether the request shared the fetch of another one.
    package var isCollapsed = false
    /// Seconds of freshness left; negative when stale.
    package var timeToLive: Int64?
    /// A word of ours for people. Never a key or a URL: these may hold a secret.
    package var detail: String?

    package init(
        _ outcome: Outcome, forwardStatus: Int? = nil, isStored: Bool = false,
        isCollapsed: Bool = false, timeToLive: Int64? = nil, detail: String? = nil
    ) {
        self.outcome = outcome
        self.forwardStatus = forwardStatus
        self.isStored = isStored
        self.isCollapsed = isCollapsed
        self.timeToLive = timeToLive
        self.detail = detail
    }

    /// The member of the field for this cache. What is only defined for forwarded requests is left
    /// out of a hit.
    package var member: String {
        var parts = ["Platter"]
        switch outcome {
        case .hit: parts.append("hit")
        case .forward(let reason):
            parts.append("fwd=\(reason.rawValue)")
            if let forwardStatus {
                parts.append("fwd-status=\(Self.integer(Int64(forwardStatus)))")
            }
            if isStored { parts.append("stored") }
            if isCollapsed { parts.append("collapsed") }
        case .refused: break
        }
        if let timeToLive { parts.append("ttl=\(Self.integer(timeToLive))") }
        if let detail { parts.append("detail=\(Self.tokenOrString(detail))") }
        return parts.joined(separator: "; ")
    }

    /// The field with this cache's member after those of the caches nearer to the origin
    /// (RFC 9211 section 2).
    package func fieldValue(after upstream: String?) -> String {
        guard let upstream, !upstream.isEmpty else { return member }
        return "\(upstream), \(member)"
    }

    /// The integers of structured fields have at most 15 digits (RFC 9651 section 3.3.1).
    private static func integer(_ value: Int64) -> Int64 {
        min(max(value, -999_999_999_999_999), 999_999_999_999_999)
    }

    /// A structured token if the text is one, else a string of its printable characters
    /// (RFC 9651 sections 3.3.3 and 3.3.4).
    private static func tokenOrString(_ text: String) -> String {
        let bytes = FieldSyntax.bytes(text)
        let startsWithLetter = bytes.first.map {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= FieldSyntax.lowercased($0)
        }
        if startsWithLetter == true, FieldSyntax.isToken(bytes) { return text }
        let escaped = bytes.filter { 0x20...0x7E ~= $0 }.flatMap { byte in
            byte == FieldSyntax.quote || byte == FieldSyntax.backslash
                ? [FieldSyntax.backslash, byte] : [byte]
        }
        return "\"" + String(decoding: escaped, as: UTF8.self) + "\""
    }
}
