package import PlatterCore

/// The `Content-Range` field of a response (RFC 9110 section 14.4).
package enum ContentRange: Hashable, Sendable {
    /// Of a 206; the range is never empty and lies inside the complete length; nil is `*`.
    case range(ByteRange, completeLength: Int64?)
    /// Of a 416. nil stands for `bytes */*`, which the grammar lacks but some servers send; it says
    /// nothing, so it can do no harm.
    case unsatisfied(completeLength: Int64?)

    /// - Returns: nil for any other unit than bytes, a last byte before the first or not before the
    ///   complete length, numbers that do not fit, and anything else outside the grammar.
    package static func parse(_ text: String) -> ContentRange? {
        let value = FieldSyntax.trimmed(FieldSyntax.bytes(text))
        guard let space = value.firstIndex(of: 0x20),
            FieldSyntax.equal(value[..<space], "bytes"),
            let slash = value.firstIndex(of: UInt8(ascii: "/")), slash > space
        else { return nil }
        let length = value[(slash + 1)...]
        let completeLength = FieldSyntax.exactNumber(length)
        guard completeLength != nil || isStar(length) else { return nil }

        let span = value[(space + 1)..<slash]
        if isStar(span) { return .unsatisfied(completeLength: completeLength) }
        guard let range = range(span), range.upperBound <= completeLength ?? .max else {
            return nil
        }
        return .range(range, completeLength: completeLength)
    }

    /// The value of the field. An empty range has no form of its own and is written as unsatisfied.
    package var fieldValue: String {
        switch self {
        case .range(let range, let length) where !range.isEmpty:
            "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length.map(String.init) ?? "*")"
        case .range(_, let length), .unsatisfied(let length):
            "bytes */\(length.map(String.init) ?? "*")"
        }
    }

    private static func isStar(_ bytes: FieldBytes) -> Bool { bytes.elementsEqual("*".utf8) }

    /// `first-last`, both inclusive, as a half-open range.
    private static func range(_ span: FieldBytes) -> ByteRange? {
        guard let dash = span.firstIndex(of: UInt8(ascii: "-")),
            let first = FieldSyntax.exactNumber(span[..<dash]),
            let last = FieldSyntax.exactNumber(span[(dash + 1)...]),
            last >= first, last < .max
        else { return nil }
        return first..<(last + 1)
    }
}
