/// The nouns of Platter and their arithmetic: byte ranges, chunks, keys, validators. Pure: no clock,
/// no I/O, no concurrency.

/// Bytes of a representation, half-open: `lowerBound` is the first byte, `upperBound` the byte after
/// the last. Inclusive ends exist only in the two header parsers of PlatterHTTP.
package typealias ByteRange = Range<Int64>

extension ByteRange {
    /// Number of bytes. Never traps: both bounds are at least 0 in every range that Platter builds,
    /// and the difference of two non-negative `Int64` fits.
    package var length: Int64 { upperBound - lowerBound }

    /// The bytes that both ranges have, or nil when they have none in common.
    package func intersection(_ other: ByteRange) -> ByteRange? {
        let low = Swift.max(lowerBound, other.lowerBound)
        let high = Swift.min(upperBound, other.upperBound)
        return low < high ? low..<high : nil
    }

    /// A range of `length` bytes from `start`, cut at `limit` and never beyond `Int64.max`.
    ///
    /// - Parameters:
    ///   - start: The first byte, 0 or more.
    ///   - length: The wished number of bytes; negative counts as 0.
    ///   - limit: The byte after the last one allowed.
    package static func starting(
        at start: Int64, length: Int64, limit: Int64 = .max
    ) -> ByteRange {
        let (sum, overflow) = start.addingReportingOverflow(Swift.max(0, length))
        let end = Swift.min(overflow ? Int64.max : sum, limit)
        return start..<Swift.max(start, end)
    }
}

extension Int64 {
    /// `self + other`, or `Int64.max` when that does not fit. For sizes that come from outside.
    package func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// `self * other`, or `Int64.max` when that does not fit. Both are 0 or more.
    package func multipliedClamped(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
