package import HTTPTypes

/// The essence of a `Content-Type`: type and subtype in lower case, without parameters
/// (RFC 9110 section 8.3.1).
struct MediaType: Hashable {
    let type: String
    let subtype: String

    /// - Returns: nil when there is no `type/subtype`.
    init?(_ fieldValue: String) {
        let value = FieldSyntax.bytes(fieldValue)
        let essence = FieldSyntax.trimmed(value.prefix { $0 != UInt8(ascii: ";") })
        let parts = essence.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ FieldSyntax.isToken($0) }) else { return nil }
        self.type = FieldSyntax.lowercased(parts[0])
        self.subtype = FieldSyntax.lowercased(parts[1])
    }

    /// HTML, JSON or XML: what an API, a login page or an error page is made of, and media are not.
    var isDocument: Bool {
        guard type == "text" || type == "application" else { return false }
        return ["html", "json", "xml"].contains(subtype)
            || ["+json", "+xml"].contains { subtype.hasSuffix($0) }
    }

    /// A playlist or manifest of segmented media, which may change every few seconds.
    var isPlaylist: Bool {
        switch type {
        case "application":
            ["vnd.apple.mpegurl", "x-mpegurl", "mpegurl", "dash+xml"].contains(subtype)
        case "audio": ["mpegurl", "x-mpegurl"].contains(subtype)
        default: false
        }
    }

    /// Several parts, each with its own Content-Range (RFC 9110 section 14.6).
    var isByteRanges: Bool { type == "multipart" && subtype == "byteranges" }
}

extension HTTPFields {
    /// Whether it is a page or a message instead of media, as far as the type says.
    package var areOfDocument: Bool { mediaType?.isDocument ?? false }

    var mediaType: MediaType? { self[.contentType].flatMap { MediaType($0) } }
}
