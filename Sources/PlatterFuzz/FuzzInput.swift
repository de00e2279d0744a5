/// Where one execution takes its choices from: the same ones for the same seed, target and number, so
/// that each can be run again alone (SplitMix64).
struct FuzzInput: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64, target: String, execution: UInt64) {
        state = seed
        for byte in target.utf8 { state = Self.mixed(state ^ UInt64(byte)) }
        state = Self.mixed(state ^ execution)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, `count`, which is above 0.
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    mutating func pick<Element>(_ values: [Element]) -> Element { values[below(values.count)] }

    // MARK: - Numbers

    /// Where arithmetic breaks: the powers of two and ten, and what the code has limits at.
    private static let edges: [Int64] = [
        0, 1, 9, 10, 64, 99, 251, 255, 256, 1000, 3600, 4096, 65_535, 65_536, 86_400, 1 << 20,
        10 << 20, 1 << 30, 1 << 31, 1 << 32, 5_000_000_000, 253_402_300_799, 1 << 53,
        999_999_999_999_999, 1 << 62, .max,
    ]

    /// Any number, more often one beside an edge.
    mutating func number() -> Int64 {
        switch below(8) {
        case 0: Int64(bitPattern: next())
        case 1: Int64(bitPattern: next() >> UInt64(below(64)))
        case 2: Int64.min &+ Int64(below(3))
        case 3: -(pick(Self.edges) &- Int64(below(3)))
        case 4: Int64(below(100))
        default: pick(Self.edges) &+ Int64(below(5) - 2)
        }
    }

    /// A number from 0 to `Int64.max`.
    mutating func natural() -> Int64 { number() & .max }

    /// A number from 0 to `limit`, often at one of its ends.
    mutating func natural(upTo limit: Int64) -> Int64 {
        switch below(4) {
        case 0: min(limit, Int64(below(3)))
        case 1: max(0, limit - Int64(below(3)))
        default: Int64(truncatingIfNeeded: next() % (UInt64(limit) + 1))
        }
    }

    /// A range of bytes within a length, perhaps empty.
    mutating func range(within length: Int64) -> Range<Int64> {
        let first = natural(upTo: length)
        let second = natural(upTo: length)
        return min(first, second)..<max(first, second)
    }

    /// Decimal digits, with or without what a parser must not take.
    mutating func digits() -> String {
        switch below(10) {
        case 0: String(next())
        case 1: "9223372036854775807"
        case 2: "9223372036854775808"
        case 3: "18446744073709551616"
        case 4: "1" + String(repeating: "0", count: 17 + below(30))
        case 5: String(repeating: "0", count: below(40)) + String(natural())
        case 6: pick(["+", "-", " ", "0x"]) + String(natural())
        case 7: ""
        default: String(natural())
        }
    }
}
