package import PlatterCore

/// The bytes that a request gets, once the length is known (RFC 9110 sections 14.1.2 and 15.3.7).
package enum RangeResolution: Hashable, Sendable {
    /// The whole representation, as a 200.
    case whole
    /// One range, as a 206. Never empty.
    case single(ByteRange)
    /// At least two disjoint ranges in the order in which they were asked, as a multipart 206. Only
    /// when several were asked (RFC 9110 section 15.3.7.2).
    case multiple([ByteRange])
    /// 416, with the complete length.
    case unsatisfiable
}

extension RangeField {
    /// Parts that one multipart response may have.
    package static let maximumParts = 8

    /// Applies the field to a representation of `completeLength` bytes; a negative length counts as 0.
    ///
    /// Ranges that overlap or touch are joined, because nobody needs the same byte twice. If one is
    /// left, it is served alone. More than `maximumParts`, or more bytes asked than there are, is
    /// abuse (RFC 9110 section 17.15), and gets the whole.
    package func resolve(completeLength: Int64) -> RangeResolution {
        guard case .set(let specs) = self else { return .whole }
        guard completeLength > 0 else {
            // Nothing can be expressed in a Content-Range, yet a suffix of an empty representation
            // is satisfiable (RFC 9110 section 14.1.2).
            return specs.contains(where: \.isNonEmptySuffix) ? .whole : .unsatisfiable
        }
        let ranges = specs.compactMap { $0.range(in: completeLength) }
        guard let first = ranges.first else { return .unsatisfiable }
        if ranges.count == 1 { return .single(first) }

        let parts = Self.joined(ranges)
        if parts.count == 1 { return .single(parts[0]) }
        let isModest = parts.count <= Self.maximumParts && Self.fit(ranges, into: completeLength)
        return isModest ? .multiple(parts) : .whole
    }

    /// Whether the lengths of `ranges` add up to at most `room`, without adding: the sum may not fit.
    private static func fit(_ ranges: [ByteRange], into room: Int64) -> Bool {
        var room = room
        for range in ranges {
            guard range.length <= room else { return false }
            room -= range.length
        }
        return true
    }

    /// The union of `ranges`, each part at the place of the first range that went into it.
    private static func joined(_ ranges: [ByteRange]) -> [ByteRange] {
        let ascending = ranges.enumerated().sorted { $0.element.lowerBound < $1.element.lowerBound }
        var parts: [(place: Int, range: ByteRange)] = []
        for (place, range) in ascending {
            if let last = parts.last, range.lowerBound <= last.range.upperBound {
                let end = max(last.range.upperBound, range.upperBound)
                parts[parts.count - 1] = (
                    min(last.place, place), last.range.lowerBound..<end
                )
            } else {
                parts.append((place, range))
            }
        }
        return parts.sorted { $0.place < $1.place }.map(\.range)
    }
}

extension RangeSpec {
    fileprivate var isNonEmptySuffix: Bool {
        if case .suffix(let length) = self { length > 0 } else { false }
    }

    /// The bytes meant, or nil when there are none. `completeLength` is above 0.
    fileprivate func range(in completeLength: Int64) -> ByteRange? {
        switch self {
        case .suffix(let length):
            // Both are 0 or more, so the difference fits.
            return length > 0 ? max(0, completeLength - length)..<completeLength : nil
        case .bounded(let first, let last):
            guard first < completeLength else { return nil }
            // `last` is below `completeLength` where 1 is added.
            guard let last, last < completeLength else { return first..<completeLength }
            return first..<(last + 1)
        }
    }
}
