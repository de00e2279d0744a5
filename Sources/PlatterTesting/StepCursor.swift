import NIOCore
import PlatterCore

/// A place in the steps of a plan. Body steps are taken piece by piece.
struct StepCursor {
    /// Body bytes to write.
    enum Piece {
        case buffer(ByteBuffer)
        case file(path: String, ByteRange)
    }

    /// What comes next.
    enum Next {
        case framing([UInt8])
        /// At most so many body bytes, 1 or more.
        case body(Int64)
        case wait(Duration?)
        case pace(Int64)
        case end
    }

    private let steps: [Step]
    private var index = 0
    /// Body bytes of the current step that are taken.
    private var taken: Int64 = 0

    init(_ steps: [Step]) { self.steps = steps }

    /// Skips empty body steps.
    mutating func next() -> Next {
        while index < steps.count {
            switch steps[index] {
            case .framing(let bytes): return .framing(bytes)
            case .wait(let duration): return .wait(duration)
            case .pace(let rate): return .pace(rate)
            case .bytes, .ramp, .file:
                let left = steps[index].bodyLength - taken
                if left > 0 { return .body(left) }
                advance()
            }
        }
        return .end
    }

    /// To the next step.
    mutating func advance() {
        index += 1
        taken = 0
    }

    /// At most `count` body bytes of the current step; nil when it has none left. Fewer where a
    /// ramp's buffer ends.
    mutating func take(upTo count: Int) -> Piece? {
        guard index < steps.count else { return nil }
        switch steps[index] {
        case .framing, .wait, .pace:
            return nil
        case .bytes(let bytes):
            let part = bytes.dropFirst(Int(taken)).prefix(count)
            taken += Int64(part.count)
            return part.isEmpty ? nil : .buffer(ByteBuffer(bytes: part))
        case .ramp(let ramp, let range):
            let left = Int(min(range.length - taken, Int64(count)))
            let slice = ramp.slice(from: range.lowerBound + taken, atMost: left)
            taken += Int64(slice.readableBytes)
            return slice.readableBytes > 0 ? .buffer(slice) : nil
        case .file(let path, let range):
            let part = ByteRange.starting(
                at: range.lowerBound + taken, length: Int64(count), limit: range.upperBound)
            taken += part.length
            return part.isEmpty ? nil : .file(path: path, part)
        }
    }
}
