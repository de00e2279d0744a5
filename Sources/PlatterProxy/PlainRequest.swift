/// The head of a request of which nothing more has to be known: GET, HTTP/1.1, one host, one range with a beginning,
/// and fields that change nothing. Pure.
///
/// The grammar is narrower than that of RFC 9112, so that two parsers never disagree: what is not certain is left to
/// the one behind it.
package struct PlainRequest: Hashable {
    package let target: String
    package let range: PlainRange
    /// Where the range stands in the head, without its unit.
    fileprivate let rangePlace: Range<Int>

    /// Longer ones are not read here [2 KiB].
    private static let longestHead = 2 << 10

    /// Fields without a meaning for what is on disk, besides `Host`, `Range` and `Connection: keep-alive`. What
    /// makes an answer depend on anything is not among them.
    private static let idleFields: [[UInt8]] = [
        "user-agent", "accept", "accept-encoding", "accept-language", "icy-metadata", "referer",
        "cookie", "origin", "dnt", "priority", "sec-ch-ua", "sec-ch-ua-mobile",
        "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site",
    ].map { Array($0.utf8) }

    /// - Parameter bytes: All that has come: exactly one head.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longestHead else { return nil }
        var lines = HeadLines(bytes)
        guard let target = lines.next().flatMap({ Self.target($0) }) else { return nil }
        var range: (wanted: PlainRange, place: Range<Int>)?
        var hasHost = false
        while let line = lines.next() {
            if line.isEmpty {
                guard lines.isAtEnd, hasHost, let range else { return nil }
                self.target = String(decoding: target, as: UTF8.self)
                (self.range, rangePlace) = range
                return
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            let name = line[..<colon]
            guard let value = Self.value(line[(colon + 1)...]) else { return nil }
            switch name.count {
            case 4 where Self.equal(name, "host"):
                guard !hasHost, !value.isEmpty else { return nil }
                hasHost = true
            case 5 where Self.equal(name, "range"):
                guard range == nil, let found = Self.range(value) else { return nil }
                range = found
            case 10 where Self.equal(name, "connection"):
                guard Self.equal(value, "keep-alive") else { return nil }
            default:
                guard Self.idleFields.contains(where: { Self.equal(name, $0) }) else { return nil }
            }
        }
        return nil
    }

    typealias Bytes = Slice<UnsafeRawBufferPointer>

    private static func target(_ line: Bytes) -> Bytes? {
        let (method, version) = ("GET ".utf8, " HTTP/1.1".utf8)
        guard line.count > method.count + version.count, line.starts(with: method),
            line.suffix(version.count).elementsEqual(version)
        else { return nil }
        let target = line.dropFirst(method.count).dropLast(version.count)
        guard target.first == UInt8(ascii: "/"), target.allSatisfy({ isOfTarget($0) }) else {
            return nil
        }
        return target
    }

    /// Letters, digits and what else a path and a query have (RFC 3986 section 3.3 and 3.4).
    private static func isOfTarget(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~!$&'()*+,;=:@%/?".utf8.contains(byte)
        }
    }

    /// - Returns: nil when there is more in it than visible letters and spaces in their midst.
    private static func value(_ rest: Bytes) -> Bytes? {
        let space = UInt8(ascii: " ")
        let value = rest.first == space ? rest.dropFirst() : rest
        guard value.first != space, value.last != space,
            value.allSatisfy({ space...UInt8(ascii: "~") ~= $0 })
        else { return nil }
        return value
    }

    /// `bytes=first-` or `bytes=first-last`.
    private static func range(_ value: Bytes) -> (PlainRange, place: Range<Int>)? {
        let unit = "bytes=".utf8
        guard value.starts(with: unit) else { return nil }
        let set = value.dropFirst(unit.count)
        return PlainRange(set).map { ($0, set.startIndex..<set.endIndex) }
    }

    /// Whether they are these letters, small or large.
    static func equal(_ bytes: Bytes, _ lowercase: StaticString) -> Bool {
        bytes.count == lowercase.utf8CodeUnitCount
            && equal(
                bytes, UnsafeBufferPointer(start: lowercase.utf8Start, count: bytes.count))
    }

    private static func equal(_ bytes: Bytes, _ lowercase: some Collection<UInt8>) -> Bool {
        bytes.count == lowercase.count
            && zip(bytes, lowercase).allSatisfy { byte, letter in
                byte == letter
                    || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte && byte | 0x20 == letter
            }
    }
}

/// A range that begins somewhere.
package struct PlainRange: Hashable {
    package let first: Int64
    /// The last byte wanted; nil: to the end.
    package let last: Int64?

    /// - Parameter set: `first-` or `first-last`.
    fileprivate init?(_ set: PlainRequest.Bytes) {
        guard let dash = set.firstIndex(of: UInt8(ascii: "-")),
            let first = Self.number(set[..<dash])
        else { return nil }
        self.first = first
        let end = set[(dash + 1)...]
        if end.isEmpty {
            last = nil
        } else {
            guard let last = Self.number(end), first <= last else { return nil }
            self.last = last
        }
    }

    /// Up to 18 digits, which fit.
    private static func number(_ digits: PlainRequest.Bytes) -> Int64? {
        guard 1...18 ~= digits.count else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return number
    }
}

/// A head that was read, for those after it that differ in nothing but the range, as those of a player do.
struct PlainPattern {
    private let before: [UInt8]
    private let after: [UInt8]

    /// - Parameter bytes: Of which `request` was read.
    init(_ request: PlainRequest, _ bytes: UnsafeRawBufferPointer) {
        before = Array(bytes[..<request.rangePlace.lowerBound])
        after = Array(bytes[request.rangePlace.upperBound...])
    }

    /// The range of another head; nil when it differs in anything else.
    func range(of bytes: UnsafeRawBufferPointer) -> PlainRange? {
        guard bytes.count > before.count + after.count,
            bytes.prefix(before.count).elementsEqual(before),
            bytes.suffix(after.count).elementsEqual(after)
        else { return nil }
        return PlainRange(bytes.dropFirst(before.count).dropLast(after.count))
    }
}
