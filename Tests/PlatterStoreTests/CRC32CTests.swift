import CPlatter
import PlatterStore
import Testing

/// The checksum by one way, of bytes from `offset` on, so that alignment varies.
private func crc(_ bytes: [UInt8], path: Int32, from offset: Int = 0, after: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { all in
        let part = UnsafeRawBufferPointer(rebasing: all[offset...])
        return platter_crc32c_by_path(path, after, part.baseAddress, part.count)
    }
}

/// Bit by bit, as the definition has it.
private func plainCRC(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var state = ~UInt32(0)
    for byte in bytes {
        state ^= UInt32(byte)
        for _ in 0..<8 { state = state & 1 == 1 ? state >> 1 ^ 0x82F6_3B78 : state >> 1 }
    }
    return ~state
}

@Suite("CRC32C")
struct CRC32CTests {
    static let vectors: [([UInt8], UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283),
        ([], 0),
        (Array(repeating: 0, count: 32), 0x8A91_36AA),
        (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E),
        (Array((0..<32).reversed()), 0x113F_DB5C),
    ]

    @Test("the vectors of RFC 3720 come out", arguments: vectors)
    func vector(bytes: [UInt8], expected: UInt32) {
        #expect(bytes.withUnsafeBytes { Checksum.crc32c(of: $0) } == expected)
        #expect(crc(bytes, path: 0) == expected)
        #expect(crc(bytes, path: 1) == expected)
    }

    @Test(
        "every way gives the plain definition's sum at every length around its block sizes",
        arguments: [0, 1, 7, 8, 9, 255, 767, 768, 769, 1_543, 24_575, 24_576, 24_577, 60_001])
    func lengths(length: Int) {
        let bytes = content(0..<Int64(length + 8))
        for offset in 0..<8 {
            let expected = plainCRC(bytes[offset...])
            #expect(crc(bytes, path: 0, from: offset) == expected)
            #expect(crc(bytes, path: 1, from: offset) == expected)
        }
    }

    @Test("a processor's own instruction is used where there is one")
    func choice() {
        #if arch(x86_64) || arch(arm64)
            #expect(platter_crc32c_has_path(1) == 1)
        #endif
        #expect(platter_crc32c_has_path(0) == 1)
    }

    @Test("a checksum can be continued", arguments: [0, 1, 500, 30_000, 49_999, 50_000])
    func continuation(cut: Int) {
        let bytes = content(0..<50_000)
        for path in Int32(0)...1 {
            let first = crc(Array(bytes[..<cut]), path: path)
            #expect(crc(Array(bytes[cut...]), path: path, after: first) == plainCRC(bytes))
        }
    }

    @Test("the sums of two parts combine to the sum of both", arguments: [0, 1, 3, 4_096, 65_537])
    func combination(cut: Int64) {
        let whole = run(0..<65_537)
        let combined = Checksum.combine(
            run(0..<cut).crc32c, run(cut..<65_537).crc32c, length: 65_537 - cut)
        #expect(combined == whole.crc32c)
    }

    @Test("combining is right beyond 32 bits of length")
    func longCombination() {
        // Appending n zeros twice is appending 2n zeros, whatever n is.
        let first: UInt32 = 0xE306_9283
        let length: Int64 = 5 << 30
        var zeros = plainCRC([0])
        var power: Int64 = 1
        var sum: UInt32 = 0
        for bit in 0..<33 {
            if length >> bit & 1 == 1 { sum = Checksum.combine(sum, zeros, length: power) }
            zeros = Checksum.combine(zeros, zeros, length: power)
            power *= 2
        }
        let atOnce = Checksum.combine(first, sum, length: length)
        var inSteps = first
        var mebibyte = plainCRC([0])
        for bit in 0..<20 {
            mebibyte = Checksum.combine(mebibyte, mebibyte, length: 1 << Int64(bit))
        }
        for _ in 0..<(length >> 20) {
            inSteps = Checksum.combine(inSteps, mebibyte, length: 1 << 20)
        }
        #expect(atOnce == inSteps)
    }
}
