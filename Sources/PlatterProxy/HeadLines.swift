/// The lines of a head, which all end with CRLF.
struct HeadLines {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    /// - Returns: Without its end; nil when there is none more, or when it ends in another way.
    mutating func next() -> Slice<UnsafeRawBufferPointer>? {
        var end = position
        while end < bytes.count, bytes[end] != UInt8(ascii: "\r"),
            bytes[end] != UInt8(ascii: "\n")
        {
            end += 1
        }
        guard end + 1 < bytes.count, bytes[end] == UInt8(ascii: "\r"),
            bytes[end + 1] == UInt8(ascii: "\n")
        else { return nil }
        defer { position = end + 2 }
        return bytes[position..<end]
    }
}
