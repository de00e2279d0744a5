/// What a parser is fed with: good and nasty examples, and the words of its grammar.
struct Corpus: Sendable {
    fileprivate let examples: [[UInt8]]
    fileprivate let tokens: [[UInt8]]

    init(_ examples: [String], tokens: [String] = []) {
        self.examples = examples.map { Array($0.utf8) }
        self.tokens = (tokens + Self.commonTokens).map { Array($0.utf8) }
    }

    private static let commonTokens = [
        "\0", "\r\n", "\n", "\t", " ", ",", ";", "=", "\"", "\\", "/", "-", ":", "*", "%", "W/",
        "\u{E9}", "e\u{301}", "\u{2028}", "\u{FEFF}", "\u{212A}", "\u{10FFFF}", "..", "//", "?",
        "#", "[", "]", "@",
    ]
}

extension FuzzInput {
    /// An example after some changes, and now and then something else altogether.
    mutating func bytes(_ corpus: Corpus) -> [UInt8] {
        var bytes = pick(corpus.examples)
        switch below(64) {
        case 0: return []
        case 1: return (0..<below(64)).map { _ in UInt8(truncatingIfNeeded: next()) }
        case 2: return (0..<below(12)).flatMap { _ in pick(corpus.tokens) }
        case 3..<12: return bytes
        default: break
        }
        for _ in 0...below(4) { mutate(&bytes, corpus) }
        // The limits on length, and what takes more than linear time.
        if oneIn(512) { bytes = Array(repeatElement(bytes, count: 1 + below(400)).joined()) }
        return bytes
    }

    /// The same as text. Bytes that are no UTF-8 are repaired, as where text comes from the network.
    mutating func text(_ corpus: Corpus) -> String {
        String(decoding: bytes(corpus), as: UTF8.self)
    }

    /// The lines of a field: mostly one.
    mutating func lines(_ corpus: Corpus) -> [String] {
        switch below(12) {
        case 0: []
        case 1, 2: (0..<(1 + below(3))).map { _ in text(corpus) }
        default: [text(corpus)]
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ corpus: Corpus) {
        switch below(12) {
        case 0: flipBit(&bytes)
        case 1: insert([UInt8(truncatingIfNeeded: next())], into: &bytes)
        case 2, 3: insert(pick(corpus.tokens), into: &bytes)
        case 4: bytes.removeSubrange(part(of: bytes, atMost: 8))
        case 5: insert(Array(bytes[part(of: bytes, atMost: 16)]), into: &bytes)
        case 6: bytes.removeSubrange(part(of: bytes, atMost: bytes.count))
        case 7: splice(&bytes, pick(corpus.examples))
        case 8: repeatByte(&bytes)
        case 9: swapCase(&bytes)
        default: replaceNumber(&bytes)
        }
    }

    private mutating func place(in bytes: [UInt8]) -> Int { below(bytes.count + 1) }

    private mutating func part(of bytes: [UInt8], atMost length: Int) -> Range<Int> {
        let start = place(in: bytes)
        return start..<min(bytes.count, start + below(length + 1))
    }

    private mutating func flipBit(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
    }

    private mutating func insert(_ new: [UInt8], into bytes: inout [UInt8]) {
        bytes.insert(contentsOf: new, at: place(in: bytes))
    }

    private mutating func splice(_ bytes: inout [UInt8], _ other: [UInt8]) {
        bytes = Array(bytes.prefix(place(in: bytes)) + other.suffix(place(in: other)))
    }

    private mutating func repeatByte(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = below(bytes.count)
        bytes.insert(contentsOf: repeatElement(bytes[place], count: below(80)), at: place)
    }

    private mutating func swapCase(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes[below(bytes.count)] ^= 0x20
    }

    /// One run of digits becomes another one.
    private mutating func replaceNumber(_ bytes: inout [UInt8]) {
        let isDigit = { (byte: UInt8) in 0x30...0x39 ~= byte }
        let starts = bytes.indices.filter {
            isDigit(bytes[$0]) && ($0 == 0 || !isDigit(bytes[$0 - 1]))
        }
        guard !starts.isEmpty else { return insert(Array(digits().utf8), into: &bytes) }
        let start = pick(starts)
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.endIndex
        bytes.replaceSubrange(start..<end, with: digits().utf8)
    }
}
