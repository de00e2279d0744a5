package import PlatterCore

/// What a Range field asks for (RFC 9110 section 14.2), read without Platter's own parser: the
/// origin must not share the mistakes of the code that it tests.
package enum AskedRange: Hashable, Sendable {
    /// No range, several, another unit or nonsense: the whole representation is sent.
    case whole
    /// Both ends inclusive; nil is to the end.
    case from(Int64, through: Int64?)
    case suffix(Int64)

    /// How a range lies in a representation.
    package enum Place: Hashable, Sendable {
        case whole
        case part(ByteRange)
        case unsatisfiable
    }

    package init(_ value: String?) {
        self = Self.parsed(value) ?? .whole
    }

    private static func parsed(_ value: String?) -> AskedRange? {
        guard let value, value.lowercased().hasPrefix("bytes=") else { return nil }
        let set = value.dropFirst(6)
        guard !set.contains(",") else { return nil }
        let ends = set.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.filter { $0 != " " && $0 != "\t" } }
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy(isDigit) }) else { return nil }
        switch (ends[0].isEmpty, ends[1].isEmpty) {
        case (true, true): return nil
        case (true, false): return .suffix(number(ends[1]))
        case (false, true): return .from(number(ends[0]), through: nil)
        case (false, false):
            let (first, last) = (number(ends[0]), number(ends[1]))
            return first <= last ? .from(first, through: last) : nil
        }
    }

    /// Where the range lies in a representation of `length` bytes.
    package func place(in length: Int64) -> Place {
        switch self {
        case .whole:
            return .whole
        case .suffix(let count):
            guard count > 0, length > 0 else { return .unsatisfiable }
            return .part(max(0, length - count)..<length)
        case .from(let first, let last):
            guard first < length else { return .unsatisfiable }
            let end = min(length, (last ?? .max).addingClamped(1))
            return .part(first..<end)
        }
    }

    /// The first byte asked for, in a representation of `length` bytes; 0 without a range.
    package func start(in length: Int64) -> Int64 {
        switch self {
        case .whole: 0
        case .from(let first, _): first
        case .suffix(let count): max(0, length - count)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    /// The digits were checked, so that only a too large number is left to fail: the largest then.
    private static func number(_ digits: some StringProtocol) -> Int64 {
        Int64(digits) ?? .max
    }
}
