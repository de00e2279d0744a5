import NIOCore
import NIOPosix
import PlatterCache
import PlatterCore
import PlatterStore

/// The bytes of a file in pieces that fit the socket: small ones copied, large ones by sendfile. But what has
/// not reached the disk is copied too, and the file looked at after that: the system tells that it has lost bytes
/// before it forgets them, while a sendfile reads later than anybody can ask.
///
/// Not Sendable: one response's, on its event loop.
final class FileSlices {
    /// Up to here a copy is cheaper than a sendfile of its own [64 KiB].
    static let copyLength: Int64 = 64 << 10
    /// The first slices of a response are short, so that what a probe leaves unread is known soon.
    static let firstLength: Int64 = 256 << 10
    /// One slice at most, so that one client does not hold up the others of its loop [1 MiB].
    static let longestLength: Int64 = 1 << 20
    /// What ends behind this position is copied: NIO counts the place in a file that it sends from in 56 bits, and
    /// silently drops the others [2^56 - 1].
    private static let lastSentPosition: Int64 = (1 << 56) - 1

    private let file: any DataFile
    private let allocator: ByteBufferAllocator
    private var handle: NIOFileHandle?
    /// Its name is gone: what is in it can be read as long as it is open, but never again.
    private(set) var isUnlinked = false

    init(file: any DataFile, allocator: ByteBufferAllocator) {
        self.file = file
        self.allocator = allocator
    }

    /// How much of a run to hand on at once.
    ///
    /// - Parameters:
    ///   - soFar: Bytes of the response handed on before.
    ///   - isFast: As of `ClientPace`.
    static func length(of run: ByteRange, soFar: Int64, isFast: Bool) -> Int64 {
        guard isFast else { return min(run.length, copyLength) }
        return min(run.length, soFar < longestLength ? firstLength : longestLength)
    }

    enum Slice {
        case bytes(IOData)
        /// The file does not have them any more: it has become too short, or has given them back.
        case short
        /// Somebody else has changed the file.
        case changed
        /// The index may say something else of it now: a change was accepted since it was asked, or it tells
        /// of another file.
        case outdated
    }

    /// The bytes of `range`. The file is looked at for each slice: a sendfile from one that was cut
    /// short never ends, and what somebody else wrote into it is not what was recorded.
    ///
    /// - Parameter acceptedChanges: As of the file, before the index was asked for `range`.
    func slice(_ range: ByteRange, acceptedChanges: Int) throws(DiskError) -> Slice {
        let isThere = try holds(range)
        let bytes =
            if !isThere || file.wasPunched(in: range) {
                IOData?.none
            } else if Self.isWorthSending(range) && file.isSettled(range) {
                try region(range)
            } else {
                try copy(range)
            }
        if try file.foreignChange() != nil { return .changed }
        if file.isDetached || file.acceptedChangeCount != acceptedChanges { return .outdated }
        return bytes.map { .bytes($0) } ?? .short
    }

    /// Whether sendfile can send the bytes, and at less cost than a copy.
    static func isWorthSending(_ range: ByteRange) -> Bool {
        range.length > copyLength && range.upperBound <= lastSentPosition
    }

    /// Whether the bytes can be handed on without waiting for the disk.
    func isResident(_ range: ByteRange) -> Bool { file.isResident(range) }

    /// Whether the file has become too short for `range`.
    func lacks(_ range: ByteRange) -> Bool {
        guard let status = try? file.status() else { return true }
        return status.size < range.upperBound
    }

    /// Reads bytes so that they are in memory when they are handed on. May wait for the disk.
    static func fetch(_ range: ByteRange, of file: any DataFile) throws(DiskError) {
        let length = Int(min(range.length, copyLength))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
        defer { buffer.deallocate() }
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = Int(min(Int64(length), range.upperBound - position))
            let count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            // Whoever hands them on finds out that the file is too short.
            if count == 0 { return }
            position += Int64(count)
        }
    }

    private func copy(_ range: ByteRange) throws(DiskError) -> IOData? {
        let length = Int(range.length)
        var buffer = allocator.buffer(capacity: length)
        var failure: DiskError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
            let wanted = UnsafeMutableRawBufferPointer(rebasing: bytes[..<length])
            do throws(DiskError) {
                return try file.read(into: wanted, at: range.lowerBound)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return buffer.readableBytes == length ? .byteBuffer(buffer) : nil
    }

    private func holds(_ range: ByteRange) throws(DiskError) -> Bool {
        let status = try file.status()
        isUnlinked = status.linkCount == 0
        return status.size >= range.upperBound
    }

    private func region(_ range: ByteRange) throws(DiskError) -> IOData {
        .fileRegion(
            FileRegion(
                fileHandle: try open(), readerIndex: Int(range.lowerBound),
                endIndex: Int(range.upperBound)))
    }

    /// A handle of this response: NIO wants to own what it sends from.
    private func open() throws(DiskError) -> NIOFileHandle {
        if let handle { return handle }
        do {
            let borrowed = NIOFileHandle(
                _deprecatedTakingOwnershipOfDescriptor: file.fileDescriptor)
            defer { _ = try? borrowed.takeDescriptorOwnership() }
            let own = try borrowed.duplicate()
            handle = own
            return own
        } catch {
            throw DiskError(.other, "no more files can be opened: \(error)", path: file.path)
        }
    }

    /// Call when no slice is being written any more.
    func close() {
        // Only a handle that is closed already fails to close.
        try? handle?.close()
        handle = nil
    }
}
