import NIOCore
import PlatterStore

/// Memory that bodies are read into, of one event loop. Most sockets take what they are given at once; the next body is
/// read into the same memory then, which lies in the processor's cache, and no page of which is made anew.
///
/// Not Sendable: of its event loop.
final class BodyBuffers {
    /// Bodies up to here share one buffer, and larger ones another [64 KiB]: a slow client that keeps what it was given
    /// keeps 128 KiB at most, for NIO's buffers have powers of two. Pages of it that were never written to cost nothing.
    static let smallLength = 64 << 10
    /// Larger ones get memory of their own [1 MiB].
    static let longestLength = 1 << 20

    private var small = ByteBuffer()
    private var large = ByteBuffer()

    /// A head, and a body behind it.
    ///
    /// - Parameters:
    ///   - length: Of the body, in bytes.
    ///   - position: Of its first byte in the file that it is read from.
    ///   - headLength: The most bytes that the head has.
    ///   - writeHead: Nothing but appends it.
    ///   - read: Fills the memory that it is given, `length` bytes. Returns how many it has filled; nil when nothing is to
    ///     be made of them.
    func body(
        length: Int, position: Int64, headLength: Int = 0,
        writeHead: (inout ByteBuffer) -> Void = { _ in },
        read: (UnsafeMutableRawBufferPointer) throws(DiskError) -> Int?
    ) throws(DiskError) -> ByteBuffer? {
        let isSmall = length <= Self.smallLength
        var buffer = isSmall ? small : large
        // No other reference may be left, or it is not used again.
        if isSmall { small = ByteBuffer() } else { large = ByteBuffer() }
        buffer.clear(minimumCapacity: headLength + length + Self.farEnough)
        writeHead(&buffer)
        buffer.shift(by: Self.shift(of: buffer, for: position))
        var result = Result<Int?, DiskError>.success(nil)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { room in
            do throws(DiskError) {
                let count = try read(UnsafeMutableRawBufferPointer(rebasing: room[..<length]))
                result = .success(count)
                return count ?? 0
            } catch {
                result = .failure(error)
                return 0
            }
        }
        if length <= Self.longestLength {
            if isSmall { small = buffer } else { large = buffer }
        }
        return try result.get() == nil ? nil : buffer
    }

    /// Pages of memory, of which a file's are copied [4 KiB].
    private static let page: UInt = 4096
    /// Bytes [64].
    private static let farEnough = 64

    /// AMD's processors copy up to four times slower where the target lies less than 64 bytes behind the source,
    /// counted from the beginnings of their pages: their stores seem to be ahead of their loads.
    ///
    /// - Returns: How many bytes further on the body is to lie.
    private static func shift(of buffer: ByteBuffer, for position: Int64) -> Int {
        let target =
            buffer.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            &+ UInt(bitPattern: buffer.writerIndex)
        let distance = (target &- UInt(truncatingIfNeeded: position)) % page
        return 0 < distance && distance < farEnough ? farEnough - Int(distance) : 0
    }
}

extension ByteBuffer {
    /// Moves what is in it, which begins at its beginning.
    fileprivate mutating func shift(by count: Int) {
        guard count > 0 else { return }
        let bytes = Array(readableBytesView)
        clear()
        writeRepeatingByte(0, count: count)
        moveReaderIndex(to: count)
        writeBytes(bytes)
    }
}
