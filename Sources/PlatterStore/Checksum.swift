internal import CPlatter
package import PlatterCore

/// CRC32C, which guards every recorded run (RFC 3720 appendix B.4 has the polynomial).
package enum Checksum {
    /// Bytes read at a time when a file is checked: 256 KiB.
    private static let pieceLength = 256 << 10

    /// The checksum of `bytes` when they follow bytes whose checksum is `previous`; 0 for the
    /// first.
    package static func crc32c(of bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0)
        -> UInt32
    {
        platter_crc32c(previous, bytes.baseAddress, bytes.count)
    }

    /// The checksum of two runs laid end to end.
    ///
    /// - Parameter length: Bytes of the second run, 0 or more.
    package static func combine(_ first: UInt32, _ second: UInt32, length: Int64) -> UInt32 {
        platter_crc32c_combine(first, second, UInt64(max(0, length)))
    }

    /// The checksum of `range` of a file, read in pieces, and from the disk: that memory has the right bytes
    /// proves nothing.
    ///
    /// - Throws: What the file throws; `.truncated` when it ends before the range does, or has given some of
    ///   it back.
    package static func crc32c(
        of file: any DataFile, range: ByteRange
    ) throws(DiskError) -> UInt32 {
        guard !file.wasPunched(in: range) else {
            throw DiskError(
                .truncated, "bytes of it were given back to the disk; fetch them again",
                path: file.path)
        }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceLength, alignment: 4096)
        defer { piece.deallocate() }
        var crc: UInt32 = 0
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = Int(min(Int64(pieceLength), range.upperBound - position))
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<wanted])
            guard try file.readFromDisk(into: part, at: position) == wanted else {
                throw DiskError(
                    .truncated, "the file ends before byte \(range.upperBound); fetch it again",
                    path: file.path)
            }
            crc = crc32c(of: UnsafeRawBufferPointer(part), after: crc)
            position += Int64(wanted)
        }
        return crc
    }
}
