package import PlatterCore

/// One thing that the origin does while it answers.
package enum Step: Hashable, Sendable {
    /// Bytes that are not body: a head, a chunk's line. Not paced and not counted.
    case framing([UInt8])
    /// Body bytes.
    case bytes([UInt8])
    case ramp(RampContent, ByteRange)
    case file(path: String, ByteRange)
    /// Nothing for a while; nil is for ever.
    case wait(Duration?)
    /// From here on this response goes no faster, in bytes a second, at least 1.
    case pace(Int64)

    /// Raw text for a script, not counted as body.
    package static func raw(_ text: String) -> Step { .framing([UInt8](text.utf8)) }

    /// Body text.
    package static func text(_ text: String) -> Step { .bytes([UInt8](text.utf8)) }

    /// Body bytes that it sends.
    package var bodyLength: Int64 {
        switch self {
        case .framing, .wait, .pace: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .ramp(_, let range): range.length
        case .file(_, let range): range.length
        }
    }

    /// The body bytes `range` of this step, counted from its first. Only for steps with a body.
    func part(_ range: ByteRange) -> Step {
        switch self {
        case .framing, .wait, .pace:
            return self
        case .bytes(let bytes):
            let inside = range.clamped(to: 0..<Int64(bytes.count))
            return .bytes([UInt8](bytes[Int(inside.lowerBound)..<Int(inside.upperBound)]))
        case .ramp(let ramp, let whole):
            return .ramp(ramp, Self.part(range, of: whole))
        case .file(let path, let whole):
            return .file(path: path, Self.part(range, of: whole))
        }
    }

    private static func part(_ range: ByteRange, of whole: ByteRange) -> ByteRange {
        let inside = range.clamped(to: 0..<whole.length)
        return (whole.lowerBound + inside.lowerBound)..<(whole.lowerBound + inside.upperBound)
    }
}

/// How a connection goes on after a response.
package enum Ending: Hashable, Sendable {
    case keepAlive
    /// FIN.
    case finish
    /// RST (SO_LINGER 0). What the kernel has not sent yet is lost, as with a real reset.
    case reset
}

extension [Step] {
    /// Body bytes that all of them send.
    package var bodyLength: Int64 { reduce(0) { $0.addingClamped($1.bodyLength) } }

    /// The steps before and from the body byte `offset` on. Steps without a body go to the side of
    /// the byte before them.
    func split(atByte offset: Int64) -> (before: [Step], after: [Step]) {
        var before: [Step] = []
        var after: [Step] = []
        var position: Int64 = 0
        for step in self {
            let length = step.bodyLength
            let inside = Swift.min(Swift.max(0, offset - position), length)
            if inside == length && (length > 0 || after.isEmpty) {
                before.append(step)
            } else if inside == 0 {
                after.append(step)
            } else {
                before.append(step.part(0..<inside))
                after.append(step.part(inside..<length))
            }
            position = position.addingClamped(length)
        }
        return (before, after)
    }

    /// The body in chunks of at most `length` bytes, without the last-chunk (RFC 9112 section 7.1).
    func chunked(by length: Int64) -> [Step] {
        flatMap { step -> [Step] in
            var pieces: [Step] = []
            var position: Int64 = 0
            guard step.bodyLength > 0 else { return [step] }
            while position < step.bodyLength {
                let end = Swift.min(position + length, step.bodyLength)
                pieces.append(.raw("\(String(end - position, radix: 16))\r\n"))
                pieces.append(step.part(position..<end))
                pieces.append(.raw("\r\n"))
                position = end
            }
            return pieces
        }
    }
}
