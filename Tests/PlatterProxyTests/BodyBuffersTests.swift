import NIOCore
import PlatterStore
import Testing

@testable import PlatterProxy

@Suite("Memory that bodies are read into")
struct BodyBuffersTests {
    private let buffers = BodyBuffers()

    private func body(
        _ length: Int, at position: Int64 = 0, head: String = "", of byte: UInt8 = 7
    ) throws -> ByteBuffer {
        let filled = try buffers.body(
            length: length, position: position, headLength: head.utf8.count,
            writeHead: { $0.writeString(head) },
            read: { (bytes) throws(DiskError) in
                bytes.initializeMemory(as: UInt8.self, repeating: byte)
                return bytes.count
            })
        return try #require(filled)
    }

    private func address(_ buffer: ByteBuffer) -> UInt {
        buffer.withVeryUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test("is used again once nobody has it any more", arguments: [1000, 64 << 10, 1 << 20])
    func again(length: Int) throws {
        let first = address(try body(length))
        // It has its size by now.
        #expect(address(try body(length)) == first)
        #expect(address(try body(length)) == first)
    }

    @Test("is left to who has it still", arguments: [1000, 64 << 10, 1 << 20])
    func kept(length: Int) throws {
        let first = try body(length, of: 1)
        let second = try body(length, of: 2)
        #expect(first.readableBytesView.allSatisfy { $0 == 1 })
        #expect(second.readableBytesView.allSatisfy { $0 == 2 })
        #expect(address(first) != address(second))
    }

    @Test("is not large for who gets little: a slow client may keep it")
    func small() throws {
        _ = try body(1 << 20)
        #expect(try body(64 << 10).capacity <= 128 << 10)
    }

    @Test(
        "has the body at a place that the processor copies to as fast as it can", arguments: 0..<130
    )
    func place(length: Int) throws {
        let head = String(repeating: "h", count: length)
        for position in [0, 1, 40, 4095, 65_500] as [Int64] {
            let buffer = try body(5000, at: position, head: head)
            #expect(buffer.readableBytes == length + 5000)
            #expect(buffer.getString(at: buffer.readerIndex, length: length) == head)
            #expect(buffer.readableBytesView.dropFirst(length).allSatisfy { $0 == 7 })
            let target = address(buffer) + UInt(buffer.readerIndex + length)
            let distance = (target &- UInt(position)) % 4096
            #expect(distance == 0 || distance >= 64)
        }
    }

    @Test("gives nothing when nothing was read, and less when less was")
    func less() throws {
        let none = try buffers.body(length: 100, position: 0) { (_) throws(DiskError) in nil }
        #expect(none == nil)
        let some = try buffers.body(length: 100, position: 0) { (_) throws(DiskError) in 30 }
        #expect(some?.readableBytes == 30)
        #expect(throws: DiskError.self) {
            try buffers.body(length: 100, position: 0) { (_) throws(DiskError) in
                throw DiskError(.io, "test", path: "film")
            }
        }
        #expect(try body(100).readableBytes == 100)
    }
}
