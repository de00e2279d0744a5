package import PlatterCore

/// How much of a response goes past the store when the store cannot give its next bytes. Not all the
/// rest: what comes after them may be there. But a disk that is slow or broken is not asked for every
/// slice either, so each stretch is twice as long as the last. A value.
package struct Detour: Hashable, Sendable {
    /// The first one is at least so long [1 MiB].
    static let least: Int64 = 1 << 20

    private var length = Detour.least

    package init() {}

    /// The store has given bytes again.
    package mutating func storeAnswered() { length = Self.least }

    /// The next bytes that go past the store.
    ///
    /// - Parameters:
    ///   - rest: What is left of the response.
    ///   - nextPresent: The first byte from a position on that the store should have.
    package mutating func stretch(
        of rest: ByteRange, nextPresent: (Int64) -> Int64
    ) -> ByteRange {
        let least = min(rest.lowerBound.addingClamped(length), rest.upperBound)
        length = length.addingClamped(length)
        guard least < rest.upperBound else { return rest }
        return rest.lowerBound..<min(max(least, nextPresent(least)), rest.upperBound)
    }
}
