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
    private let bodies: BodyBuffers
    private var handle: NIOFileHandle?
    /// Its name is gone: what is in it can be read as long as it is open, but never again.
    private(set) var isUnlinked = false

    init(file: any DataFile, bodies: BodyBuffers) {
        self.file = file
        self.bodies = bodies
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
        /// The disk would have to be waited for.
        case cold
        /// Somebody else has changed the file.
        case changed
        /// The index may say something else of it now: a change was accepted since it was asked, or it tells
        /// of another file.
        case outdated
    }

    /// The bytes of `range`. The file is looked at for each slice: a sendfile from one that was cut
    /// short never ends, and what somebody else wrote into it is not what was recorded.
    ///
    /// - Parameters:
    ///   - acceptedChanges: As of the file, before the index was asked for `range`.
    ///   - mayWait: Whether the disk may be waited for.
    func slice(
        _ range: ByteRange, acceptedChanges: Int, mayWait: Bool = true
    ) throws(DiskError) -> Slice {
        if file.wasPunched(in: range) { return try judged(.short, range, acceptedChanges) }
        if Self.isWorthSending(range) && file.isSettled(range) {
            if !mayWait, !file.isResident(range) { return .cold }
            return try judged(.bytes(try region(range)), range, acceptedChanges)
        }
        guard let copy = try copy(range, mayWait: mayWait) else { return .cold }
        let isWhole = copy.readableBytes == Int(range.length)
        let slice = isWhole ? Slice.bytes(.byteBuffer(copy)) : .short
        return try judged(slice, range, acceptedChanges)
    }

    /// What was read of the file, or is about to be sent, as far as the file is still what it was.
    private func judged(
        _ slice: Slice, _ range: ByteRange, _ acceptedChanges: Int
    ) throws(DiskError) -> Slice {
        let look = try file.look()
        isUnlinked = look.status.linkCount == 0
        if look.foreignChange != nil { return .changed }
        if file.isDetached || file.acceptedChangeCount != acceptedChanges { return .outdated }
        return look.status.size >= range.upperBound ? slice : .short
    }

    /// Whether sendfile can send the bytes, and at less cost than a copy.
    static func isWorthSending(_ range: ByteRange) -> Bool {
        range.length > copyLength && range.upperBound <= lastSentPosition
    }

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

    /// - Returns: nil when the disk would have to be waited for; fewer bytes where the file has no more.
    private func copy(_ range: ByteRange, mayWait: Bool) throws(DiskError) -> ByteBuffer? {
        let file = file
        return try bodies.body(length: Int(range.length), position: range.lowerBound) {
            (bytes) throws(DiskError) in
            mayWait
                ? try file.read(into: bytes, at: range.lowerBound)
                : try file.readResident(into: bytes, at: range.lowerBound)
        }
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
