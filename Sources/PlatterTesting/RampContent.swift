/// What the tests of every target share: a scripted HTTP origin with every vice, content that is a
/// function of the offset, and a raw client.

package import NIOCore
package import PlatterCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Content whose every byte follows from its offset: a ramp modulo 251. The period is a prime, so
/// bytes that are off by any power of two, by a page or by a chunk never look right.
package struct RampContent: Hashable, Sendable {
    /// The ramp repeats after so many bytes.
    package static let period: Int64 = 251
    /// The most that `slice(from:atMost:)` gives at once, in bytes.
    package static let maximumSliceLength = pattern.readableBytes - Int(period) + 1

    private static let pattern: ByteBuffer = {
        var buffer = ByteBufferAllocator().buffer(capacity: Int(period) * 4096)
        for _ in 0..<4096 { buffer.writeBytes((0..<UInt8(period))) }
        return buffer
    }()

    /// Bytes, 0 or more.
    package let length: Int64
    /// Another seed is another version: 251 seeds differ in every byte, then they repeat.
    package let seed: Int

    package init(length: Int64, seed: Int = 0) {
        self.length = max(0, length)
        self.seed = seed
    }

    /// The byte at `offset`, also beyond the end: the ramp itself has none.
    package func byte(at offset: Int64) -> UInt8 { UInt8(phase(of: offset)) }

    /// The bytes of `range` that the content has.
    package func bytes(in range: ByteRange) -> [UInt8] {
        guard let inside = range.intersection(0..<length) else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(Int(inside.length))
        var position = inside.lowerBound
        while position < inside.upperBound {
            let piece = slice(from: position, atMost: Int(inside.upperBound - position))
            result.append(contentsOf: piece.readableBytesView)
            position += Int64(piece.readableBytes)
        }
        return result
    }

    /// At most `count` bytes from `offset`, without a copy. Shorter at the end of the content and
    /// at `maximumSliceLength`; empty only when nothing is there or nothing was asked.
    package func slice(from offset: Int64, atMost count: Int) -> ByteBuffer {
        guard offset >= 0, offset < length else { return ByteBuffer() }
        let available = Int(min(Int64(Self.maximumSliceLength), length - offset))
        let taken = max(0, min(count, available))
        return Self.pattern.getSlice(at: phase(of: offset), length: taken) ?? ByteBuffer()
    }

    /// The offset in the content of the first byte of `bytes` that is wrong, or nil when all are
    /// right. Bytes beyond the end of the content are wrong.
    ///
    /// - Parameter offset: Where in the content the first of `bytes` should be.
    package func firstMismatch(in bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int64? {
        var checked = 0
        while checked < bytes.count {
            let position = offset.addingClamped(Int64(checked))
            let expected = slice(from: position, atMost: bytes.count - checked)
            guard expected.readableBytes > 0 else { return position }
            let found = UnsafeRawBufferPointer(
                rebasing: bytes[checked..<(checked + expected.readableBytes)])
            if let wrong = expected.withUnsafeReadableBytes({ Self.firstDifference($0, found) }) {
                return position + Int64(wrong)
            }
            checked += expected.readableBytes
        }
        return nil
    }

    /// The same for a buffer's readable bytes.
    package func firstMismatch(in buffer: ByteBuffer, at offset: Int64) -> Int64? {
        buffer.withUnsafeReadableBytes { firstMismatch(in: $0, at: offset) }
    }

    /// The same for an array.
    package func firstMismatch(in bytes: [UInt8], at offset: Int64) -> Int64? {
        bytes.withUnsafeBytes { firstMismatch(in: $0, at: offset) }
    }

    /// The same content with another seed.
    package func version(_ number: Int) -> RampContent {
        RampContent(length: length, seed: seed &+ number)
    }

    /// 97 is a primitive step modulo 251: neighbouring seeds lie far apart.
    private func phase(of offset: Int64) -> Int {
        let shift = Self.remainder(Int64(seed)) * 97
        return Int((Self.remainder(offset) + shift) % Self.period)
    }

    private static func remainder(_ value: Int64) -> Int64 {
        let rest = value % period
        return rest < 0 ? rest + period : rest
    }

    /// Both have the same length. `memcmp` first: in a debug build a loop over bytes is a hundred
    /// times slower.
    private static func firstDifference(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) -> Int? {
        guard let first = left.baseAddress, let second = right.baseAddress else { return nil }
        guard memcmp(first, second, left.count) != 0 else { return nil }
        return left.indices.first { left[$0] != right[$0] }
    }
}
