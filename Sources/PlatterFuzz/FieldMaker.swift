import HTTPTypes
import PlatterCore
import PlatterHTTP

/// Whole heads, field by field.
extension FuzzInput {
    private static let corpora: [HTTPField.Name: Corpus] = [
        .range: .range, .contentRange: .contentRange, .date: .date, .lastModified: .date,
        .ifModifiedSince: .date, .ifUnmodifiedSince: .date, .retryAfter: .date, .expires: .date,
        .eTag: .entityTag, .ifMatch: .entityTag, .ifNoneMatch: .entityTag, .ifRange: .entityTag,
        .cacheControl: .cacheControl, .contentType: .contentType, .contentLength: .length,
        .contentEncoding: .coding, .vary: .names, .connection: .names, .location: .reference,
        .accessControlAllowOrigin: .url, .acceptRanges: .names,
    ]

    /// Some of these fields, in any order, now and then one twice.
    mutating func fields(_ names: [HTTPField.Name]) -> HTTPFields {
        var fields = HTTPFields()
        for name in names.shuffled(using: &self) where !oneIn(3) {
            for _ in 0..<(oneIn(16) ? 2 : 1) {
                let value = text(Self.corpora[name] ?? .names)
                fields.append(HTTPField(name: name, value: value))
            }
        }
        return fields
    }

    /// Everything that a response may say about itself.
    mutating func responseFields() -> HTTPFields {
        var fields = fields([
            .contentRange, .contentLength, .contentType, .eTag, .lastModified, .date, .cacheControl,
            .contentEncoding, .vary, .connection, .location, .retryAfter, .expires, .acceptRanges,
            .accessControlAllowOrigin,
        ])
        if oneIn(4), let name = HTTPField.Name(text(.names)) {
            fields.append(HTTPField(name: name, value: text(.cacheControl)))
        }
        return fields
    }

    mutating func validator() -> Validator {
        switch below(7) {
        case 0: .strong(tag: "\"v\(below(2))\"")
        case 1: .weak(tag: "\"v\(below(2))\"")
        case 2: .modified(at: number())
        case 3: .weaklyModified(at: number())
        case 4: .modifiedWithTag(at: number(), tag: "\"v\(below(2))\"")
        case 5: .weaklyModifiedWithTag(at: number(), tag: "\"v\(below(2))\"")
        default: .absent
        }
    }
}
