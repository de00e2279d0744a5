/// What a codec for HTTP/1 was given, as far as it tells whether the codec waits for more.
package struct CodecInput {
    /// What is longer is not looked at any more, nor anything that comes after it [8 KiB].
    static let limit = 8 << 10

    private enum State {
        case idle
        /// What came since it was idle.
        case within([UInt8])
        case unknown
    }

    private var state = State.idle

    package init() {}

    /// Whether it has had whole heads and nothing else, none of which anything belongs to that comes later.
    package var isIdle: Bool { if case .idle = state { true } else { false } }

    /// It is given these.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .unknown: break
        case .idle where Self.areWholeHeads(bytes): break
        case .idle: state = bytes.count <= Self.limit ? .within(Array(bytes)) : .unknown
        case .within(var all):
            guard all.count + bytes.count <= Self.limit else {
                state = .unknown
                return
            }
            state = .unknown
            all += bytes
            // Only there a head may end: all is not to be looked at for each piece.
            let mayEnd = all.last == UInt8(ascii: "\n")
            state = mayEnd && all.withUnsafeBytes(Self.areWholeHeads) ? .idle : .within(all)
        }
    }

    private static let version = " HTTP/1.1".utf8

    private static func areWholeHeads(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var lines = HeadLines(bytes)
        repeat {
            // Of all other methods something may follow: a body, another protocol, the rest of a preface.
            guard let request = lines.next(),
                request.starts(with: "GET ".utf8) || request.starts(with: "HEAD ".utf8),
                request.suffix(Self.version.count).elementsEqual(Self.version),
                passFields(&lines)
            else { return false }
        } while !lines.isAtEnd
        return true
    }

    /// - Returns: Whether the head has an end, and nothing follows it.
    private static func passFields(_ lines: inout HeadLines) -> Bool {
        while let line = lines.next() {
            if line.isEmpty { return true }
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            if PlainRequest.equal(name, "content-length")
                || PlainRequest.equal(name, "transfer-encoding")
                || PlainRequest.equal(name, "upgrade")
            {
                return false
            }
        }
        return false
    }
}
