import NIOCore
import PlatterCore
import PlatterTesting
import Testing

@Suite("Ramp content")
struct RampContentTests {
    @Test("every byte is the offset modulo 251, shifted by the seed")
    func formula() {
        for seed in [0, 1, 7, 250, 251, -3] {
            let ramp = RampContent(length: 2000, seed: seed)
            let shift = ((seed % 251) + 251) % 251 * 97
            let expected = (0..<2000).map { UInt8(($0 + shift) % 251) }
            #expect(ramp.bytes(in: 0..<2000) == expected)
            #expect((0..<2000).map { ramp.byte(at: Int64($0)) } == expected)
        }
    }

    @Test("bytes far out are those of the formula")
    func farOut() {
        let start: Int64 = 50_000_000_000_123
        let ramp = RampContent(length: .max, seed: 3)
        let expected = (start..<(start + 700)).map { UInt8(($0 % 251 + 3 * 97) % 251) }
        #expect(ramp.bytes(in: start..<(start + 700)) == expected)
    }

    @Test("two seeds differ in every byte")
    func seedsDiffer() {
        let first = RampContent(length: 251, seed: 4).bytes(in: 0..<251)
        let second = RampContent(length: 251, seed: 5).bytes(in: 0..<251)
        #expect(zip(first, second).allSatisfy { $0 != $1 })
    }

    @Test("a range is cut at the end of the content")
    func cutAtEnd() {
        #expect(RampContent(length: 10).bytes(in: 8..<20) == [8, 9])
        #expect(RampContent(length: 10).bytes(in: 10..<20).isEmpty)
    }

    @Test("slices join to the content over the end of the shared buffer")
    func slicesJoin() {
        let ramp = RampContent(length: 3_000_000, seed: 9)
        var joined: [UInt8] = []
        while joined.count < 3_000_000 {
            let slice = ramp.slice(from: Int64(joined.count), atMost: .max)
            #expect(slice.readableBytes > 0)
            guard slice.readableBytes > 0 else { return }
            joined.append(contentsOf: slice.readableBytesView)
        }
        #expect(joined == ramp.bytes(in: 0..<3_000_000))
        #expect(joined[2_999_999] == UInt8((2_999_999 + 9 * 97) % 251))
    }

    @Test("right bytes have no mismatch")
    func noMismatch() {
        let ramp = RampContent(length: 3_000_000, seed: 2)
        #expect(ramp.firstMismatch(in: ramp.bytes(in: 77..<2_500_000), at: 77) == nil)
    }

    @Test(
        "the first wrong byte is told by its offset in the content", arguments: [0, 1, 1_999_999])
    func mismatch(index: Int) {
        let ramp = RampContent(length: 3_000_000)
        var bytes = ramp.bytes(in: 1000..<2_001_000)
        bytes[index] ^= 1
        bytes[1_999_999] ^= index == 1_999_999 ? 0 : 1
        #expect(ramp.firstMismatch(in: bytes, at: 1000) == 1000 + Int64(index))
    }

    @Test("content that is off by a power of two is wrong from its first byte")
    func powerOfTwo() {
        let ramp = RampContent(length: 1 << 40)
        for shift in 0..<39 {
            let moved = ramp.slice(from: 1 << shift, atMost: 100)
            #expect(ramp.firstMismatch(in: moved, at: 0) == 0)
        }
    }

    @Test("bytes beyond the end are wrong")
    func beyondTheEnd() {
        let long = RampContent(length: 101).bytes(in: 0..<101)
        #expect(RampContent(length: 100).firstMismatch(in: long, at: 0) == 100)
    }
}
