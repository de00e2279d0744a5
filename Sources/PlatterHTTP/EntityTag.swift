/// An entity tag (RFC 9110 section 8.8.3).
///
/// Only visible ASCII is accepted inside the quotes. The grammar also allows bytes above 0x7F, but
/// text that is not UTF-8 arrives here already repaired, and two different tags would look the same.
package struct EntityTag: Hashable, Sendable {
    /// Bytes of the longest tag that is understood, quotes and mark included.
    package static let maximumLength = 1024

    package let isWeak: Bool
    /// The opaque tag with its quotes and without the `W/`.
    package let opaque: String

    /// - Returns: nil when `text` is anything but exactly one entity tag.
    package static func parse(_ text: String) -> EntityTag? {
        EntityTag(FieldSyntax.trimmed(FieldSyntax.bytes(text)))
    }

    fileprivate init?(_ bytes: FieldBytes) {
        guard bytes.count <= Self.maximumLength else { return nil }
        let weak = bytes.starts(with: "W/".utf8)
        let opaque = weak ? bytes.dropFirst(2) : bytes
        guard opaque.count >= 2, opaque.first == FieldSyntax.quote,
            opaque.last == FieldSyntax.quote,
            opaque.dropFirst().dropLast().allSatisfy({
                0x21...0x7E ~= $0 && $0 != FieldSyntax.quote
            })
        else { return nil }
        self.isWeak = weak
        self.opaque = String(decoding: opaque, as: UTF8.self)
    }

    /// As it stands in a field.
    package var fieldValue: String { isWeak ? "W/" + opaque : opaque }

    /// Both strong and the same (RFC 9110 section 8.8.3.2).
    package func stronglyMatches(_ other: EntityTag) -> Bool {
        !isWeak && !other.isWeak && opaque == other.opaque
    }

    /// The same, whether weak or strong (RFC 9110 section 8.8.3.2).
    package func weaklyMatches(_ other: EntityTag) -> Bool { opaque == other.opaque }
}

/// The value of `If-Match` and `If-None-Match` (RFC 9110 sections 13.1.1 and 13.1.2).
package enum EntityTagList: Hashable, Sendable {
    /// `*`: any current representation.
    case any
    /// At least one.
    case tags([EntityTag])

    /// Reads all lines of the field as one list.
    ///
    /// - Returns: nil when there is no tag, something that is no tag, or `*` beside anything else.
    package static func parse(_ lines: [String]) -> EntityTagList? {
        let value = FieldSyntax.trimmed(FieldSyntax.bytes(lines.joined(separator: ",")))
        if value.elementsEqual("*".utf8) { return .any }
        var tags: [EntityTag] = []
        var rest = value
        while true {
            rest = rest.drop { $0 == FieldSyntax.comma || FieldSyntax.isWhitespace($0) }
            guard !rest.isEmpty else { return tags.isEmpty ? nil : .tags(tags) }
            guard let end = endOfTag(rest), let tag = EntityTag(rest[..<end]) else { return nil }
            tags.append(tag)
            rest = rest[end...].drop(while: FieldSyntax.isWhitespace)
            guard rest.isEmpty || rest.first == FieldSyntax.comma else { return nil }
        }
    }

    /// Whether the list has `tag` by weak comparison. `*` has every representation, tagged or not.
    package func weaklyContains(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tag.map { tag in tags.contains { $0.weaklyMatches(tag) } } ?? false
        }
    }

    /// The index after the second quote: a tag may hold commas, but no quotes and no escapes.
    private static func endOfTag(_ bytes: FieldBytes) -> Int? {
        guard let opening = bytes.firstIndex(of: FieldSyntax.quote),
            let closing = bytes[(opening + 1)...].firstIndex(of: FieldSyntax.quote)
        else { return nil }
        return closing + 1
    }
}
