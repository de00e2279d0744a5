/// The range that a request of ours asks of an origin. Always one: a client's set of ranges is never
/// forwarded (RFC 9110 section 17.15).
package enum AskedRange: Hashable, Sendable {
    /// From an offset up to, and without, another one; nil is the end of the representation.
    case from(Int64, upTo: Int64?)
    /// The last so many bytes.
    case suffix(Int64)

    /// Whether it is all of the representation.
    package var isAll: Bool { self == .from(0, upTo: nil) }

    /// The value of the `Range` field (RFC 9110 section 14.2). An end that is not above the start
    /// asks for one byte, because an empty range cannot be written.
    package var fieldValue: String {
        switch self {
        case .from(let first, nil): "bytes=\(first)-"
        case .from(let first, let end?): "bytes=\(first)-\(end > first ? end - 1 : first)"
        case .suffix(let length): "bytes=-\(length)"
        }
    }
}
