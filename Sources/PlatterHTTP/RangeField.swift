/// What header fields mean: ranges, validators, preconditions, dates, and the verdict on an origin's
/// response head (RFC 9110, 9111, 9211). Pure: text in, values out; no clock, no I/O, no Foundation.

import PlatterCore

/// One member of a `Range` field (RFC 9110 section 14.1.2). Ends are inclusive, as on the wire.
package enum RangeSpec: Hashable, Sendable {
    /// `first-` or `first-last`; `last` is at least `first`. A number too big is `Int64.max`, which
    /// is beyond the end of everything.
    case bounded(first: Int64, last: Int64?)
    /// The last so many bytes.
    case suffix(Int64)
}

/// The `Range` field of a request (RFC 9110 section 14.2), before the length is known.
package enum RangeField: Hashable, Sendable {
    case absent
    /// Present, but the answer is the whole representation. A field that is not understood is
    /// ignored, never refused: one choice for hits, misses and bypasses.
    case ignored(Reason)
    /// At least one member.
    case set([RangeSpec])

    package enum Reason: String, Hashable, Sendable, CustomStringConvertible {
        /// Range is a single field; two of them have no agreed meaning (RFC 9110 section 5.3).
        case severalLines = "several Range lines"
        case unknownUnit = "unknown range unit"
        case malformed = "malformed range set"
        case tooManyRanges = "too many ranges"

        package var description: String { rawValue }
    }

    /// Members, empty ones included, that a set may have before it is ignored unread.
    package static let maximumMembers = 64

    /// Reads the lines of a `Range` field, in one pass over their bytes.
    ///
    /// One invalid member makes the whole set invalid (RFC 9110 section 14.1.1). White space and
    /// empty members are allowed around commas (section 5.6.1).
    package static func parse(_ lines: [String]) -> RangeField {
        guard let line = lines.first else { return .absent }
        guard lines.count == 1 else { return .ignored(.severalLines) }
        let value = FieldSyntax.trimmed(FieldSyntax.bytes(line))
        guard let equals = value.firstIndex(of: UInt8(ascii: "=")),
            FieldSyntax.isToken(value[..<equals])
        else { return .ignored(.malformed) }
        guard FieldSyntax.equal(value[..<equals], "bytes") else { return .ignored(.unknownUnit) }
        return parseSet(value[(equals + 1)...])
    }

    private static func parseSet(_ set: FieldBytes) -> RangeField {
        let commas = set.reduce(0) { $1 == FieldSyntax.comma ? $0 + 1 : $0 }
        guard commas < maximumMembers else { return .ignored(.tooManyRanges) }
        var specs: [RangeSpec] = []
        for member in set.split(separator: FieldSyntax.comma) {
            let trimmed = FieldSyntax.trimmed(member)
            if trimmed.isEmpty { continue }
            guard let spec = RangeSpec(trimmed) else { return .ignored(.malformed) }
            specs.append(spec)
        }
        return specs.isEmpty ? .ignored(.malformed) : .set(specs)
    }

    /// Whether the field asks for ranges at all.
    package var isSet: Bool {
        if case .set = self { return true }
        return false
    }

    /// What to ask of the origin while the length is unknown: the first bytes that the client surely
    /// wants. Several ranges need the length first, and so begin at 0.
    package var firstFetch: AskedRange {
        guard case .set(let specs) = self, specs.count == 1, let spec = specs.first else {
            return .from(0, upTo: nil)
        }
        switch spec {
        case .bounded(let first, let last):
            return .from(first, upTo: last.map { $0.addingClamped(1) })
        // An empty suffix cannot be satisfied; the 416 still needs the length.
        case .suffix(let length): return length > 0 ? .suffix(length) : .from(0, upTo: nil)
        }
    }
}

extension RangeSpec {
    fileprivate init?(_ member: FieldBytes) {
        guard let dash = member.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let left = member[..<dash]
        let right = member[(dash + 1)...]
        if left.isEmpty {
            guard let length = FieldSyntax.clampedNumber(right) else { return nil }
            self = .suffix(length)
            return
        }
        guard let first = FieldSyntax.clampedNumber(left) else { return nil }
        if right.isEmpty {
            self = .bounded(first: first, last: nil)
            return
        }
        guard let last = FieldSyntax.clampedNumber(right), last >= first else { return nil }
        self = .bounded(first: first, last: last)
    }
}
