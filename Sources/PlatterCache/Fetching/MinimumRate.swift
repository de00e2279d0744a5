package import PlatterCore

/// Tells a body that only drips from one that comes. A time-out between two bytes is not enough: an
/// origin that sends a byte now and then would hold its readers for ever.
///
/// Whoever takes the body says what has come and when, and how long it took nothing of its own
/// accord. One that is too slow is asked for again on a new connection.
package struct MinimumRate: Hashable, Sendable {
    package struct Settings: Hashable, Sendable {
        /// Less than this is too slow; 0 turns the rule off [1 KiB].
        package var bytesPerSecond: Int64 = 1 << 10
        /// Over so long [30 s].
        package var window = Duration.seconds(30)

        package init() {}
    }

    private struct Slice: Hashable, Sendable {
        let number: Int64
        var bytes: Int64
    }

    /// The window is looked at in so many steps: it may be a tenth longer than said, never shorter.
    private static let sliceCount: Int64 = 10

    private let start: Moment
    private let window: Int64
    private let sliceLength: Int64
    /// In a window.
    private let leastBytes: Int64
    /// The last ones in which something came.
    private var slices: [Slice] = []
    /// Nanoseconds that do not count.
    private var waited: Int64 = 0

    /// - Parameter start: When the body began.
    package init(_ settings: Settings = Settings(), start: Moment) {
        self.start = start
        window = max(Self.sliceCount, settings.window.nanosecondsClamped)
        sliceLength = window / Self.sliceCount
        let least = Double(max(0, settings.bytesPerSecond)) * settings.window.inSeconds
        leastBytes = least < 0x1p62 ? Int64(max(0, least)) : 1 << 62
    }

    /// Bytes have come.
    package mutating func add(_ bytes: Int, now: Moment) {
        let number = elapsed(now) / sliceLength
        let bytes = Int64(max(0, bytes))
        if let last = slices.indices.last, slices[last].number >= number {
            slices[last].bytes = slices[last].bytes.addingClamped(bytes)
        } else {
            slices.removeAll { $0.number < number - Self.sliceCount }
            slices.append(Slice(number: number, bytes: bytes))
        }
    }

    /// The taker takes nothing for so long, because it is told to: the origin is not to blame.
    package mutating func wait(_ duration: Duration) {
        waited = waited.addingClamped(max(0, duration.nanosecondsClamped))
    }

    /// Whether too little came over the last window; false before a window has passed.
    package func isTooSlow(now: Moment) -> Bool {
        let elapsed = elapsed(now)
        guard elapsed >= window else { return false }
        let first = elapsed / sliceLength - Self.sliceCount
        let bytes = slices.lazy.filter { $0.number >= first }
            .reduce(Int64(0)) { $0.addingClamped($1.bytes) }
        return bytes < leastBytes
    }

    private func elapsed(_ now: Moment) -> Int64 {
        guard now > start else { return 0 }
        let (whole, isOver) = now.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
        return max(0, (isOver ? .max : whole) - waited)
    }
}
