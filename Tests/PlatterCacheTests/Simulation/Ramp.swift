import Foundation
import PlatterCore

/// The bytes of a version are a function of the version and the offset: a ramp modulo 251, so that
/// every slip by a power of two shows, begun elsewhere in each version.
enum Ramp {
    private static let period = 251
    private static let longest = 1 << 20
    private static let table = (0..<(longest + period)).map { UInt8($0 % period) }

    /// Calls with pieces of the bytes of `range`, in order.
    static func forEachPiece(
        of range: ByteRange, shift: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(range.upperBound - position, Int64(longest)))
            let start = Int((position + Int64(shift)) % Int64(period))
            table.withUnsafeBytes { body(.init(rebasing: $0[start..<start + count])) }
            position += Int64(count)
        }
    }

    static func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int64, shift: Int) -> Bool {
        var rest = bytes
        var matches = true
        let range = offset..<offset + Int64(bytes.count)
        forEachPiece(of: range, shift: shift) { piece in
            if let ours = piece.baseAddress, let theirs = rest.baseAddress {
                matches = matches && memcmp(ours, theirs, piece.count) == 0
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        }
        return matches
    }
}
