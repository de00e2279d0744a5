/// How the body of one answer came, as whoever reads it says: the head alone shows no broken origin.
/// Belongs to one reader.
package struct BodyReport: Sendable {
    package enum Ending: Sendable {
        /// Something of what was asked for.
        case delivered
        /// It ended early, with next to nothing of what was asked for.
        ///
        /// - Parameter error: nil: without one.
        case brokeOff((any Error)?)
    }

    /// What ends early with less has brought next to nothing, in bytes [64 KiB].
    static let scant: Int64 = 64 << 10

    private let tell: @Sendable (Ending) -> Void
    private var hasDelivered = false

    init(_ tell: @escaping @Sendable (Ending) -> Void) { self.tell = tell }

    /// So many bytes have come that were asked for.
    package mutating func brought(_ bytes: Int64) {
        if bytes >= Self.scant { delivered() }
    }

    /// What was asked for came.
    package mutating func delivered() {
        if !hasDelivered { tell(.delivered) }
        hasDelivered = true
    }

    /// Something that was asked for is missing.
    package func brokeOff(_ error: (any Error)? = nil) {
        if !hasDelivered { tell(.brokeOff(error)) }
    }
}
