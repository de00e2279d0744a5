import PlatterCore

extension ResponseDraft {
    /// Makes head or body worse. Vices that decide what is answered at all were asked before.
    mutating func apply(_ vice: Vice) {
        switch vice {
        case .answers, .hangsUp, .ignoresRange, .capsRange, .validator: break
        case .contentRange(let vice): apply(vice)
        case .head(let vice): apply(vice)
        case .body(let vice): apply(vice)
        }
    }

    private mutating func apply(_ vice: ContentRangeVice) {
        guard let part else { return }
        let first = part.range.lowerBound
        let last = part.range.upperBound - 1
        let next = (first: first.addingClamped(1), last: last.addingClamped(1))
        let right = Self.contentRange(first, last, total: part.total)
        switch vice {
        case .unknownTotal: set("Content-Range", "bytes \(first)-\(last)/*")
        case .wrongStart: set("Content-Range", "bytes \(next.first)-\(last)/\(part.total)")
        case .wrongEnd: set("Content-Range", "bytes \(first)-\(next.last)/\(part.total)")
        case .wrongTotal:
            set("Content-Range", Self.contentRange(first, last, total: part.total.addingClamped(1)))
        case .missing: set("Content-Range", nil)
        case .twice:
            let other = Self.contentRange(next.first, next.last, total: part.total)
            fields.append(HeaderField("Content-Range", other))
        case .shifted:
            set("Content-Range", Self.contentRange(next.first, next.last, total: part.total))
        case .otherUnit: set("Content-Range", "seconds" + right.dropFirst(5))
        case .literal(let text): set("Content-Range", text)
        }
    }

    /// A Content-Range with inclusive ends (RFC 9110 section 14.4).
    static func contentRange(_ first: Int64, _ last: Int64, total: Int64) -> String {
        "bytes \(first)-\(last)/\(total)"
    }

    private mutating func apply(_ vice: HeadVice) {
        switch vice {
        case .delayed(let duration): delay.append(.wait(duration))
        case .contentCoding(let coding): set("Content-Encoding", coding)
        case .contentType(let type): set("Content-Type", type)
        case .noAcceptRanges: set("Accept-Ranges", nil)
        case .extra(let field): fields.append(field)
        case .preceded(let text): delay.append(.raw(text))
        case .framing(let lines): framing = .lines(lines)
        case .contentLength(let difference):
            contentLength = contentLength.addingClamped(difference)
        case .oldVersion: isOldVersion = true
        case .noDate: hasDate = false
        case .lowerCase: hasLowerCase = true
        }
    }

    private mutating func apply(_ vice: BodyVice) {
        switch vice {
        case .short(let count): cut(after: max(0, body.bodyLength - max(0, count)), ending: .finish)
        case .long(let count): body.append(.bytes(Self.smuggled(count)))
        case .truncated(let count): cut(after: count, ending: .finish)
        case .reset(let count): cut(after: count, ending: .reset)
        case .stalled(let count, let duration):
            guard count < body.bodyLength else { return }
            let (before, after) = body.split(atByte: count)
            body = before + [.wait(duration)] + after
        case .drip(let rate): body.insert(.pace(rate), at: 0)
        case .chunked: framing = .chunked
        case .closeDelimited: framing = .untilClose
        }
    }

    private mutating func cut(after count: Int64, ending: Ending) {
        guard count < body.bodyLength else { return }
        body = body.split(atByte: count).before
        self.ending = ending
    }

    /// 16 MiB: they are made in memory.
    private static let smuggledLimit: Int64 = 16 << 20

    /// Bytes that a careless client takes for its next response.
    private static func smuggled(_ count: Int64) -> [UInt8] {
        let pattern = [UInt8]("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!".utf8)
        return (0..<Int(min(max(0, count), smuggledLimit))).map { pattern[$0 % pattern.count] }
    }
}
