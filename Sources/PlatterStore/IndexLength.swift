internal import NIOConcurrencyHelpers

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Notices that somebody has cut the database off in its place. SQLite does not: it reads zeros after the end, takes
/// a file of 0 bytes for a new database, and throws the log of that away.
final class IndexLength: Sendable {
    /// The part of the first page that says how long the database is [100 bytes].
    static let headLength = 100

    private let descriptor: Int32?
    /// At the last look [bytes].
    private let last: NIOLockedValueBox<Int64>

    /// - Parameter descriptor: Of the database, open for longer than this lives; nil: nothing is noticed.
    init(descriptor: Int32?) {
        self.descriptor = descriptor
        last = NIOLockedValueBox(descriptor.flatMap(Self.length) ?? 0)
    }

    /// Whether the database has become shorter since the last look, and is shorter than it should be. A look that
    /// fails says nothing.
    func isCut() -> Bool {
        guard let descriptor, let length = Self.length(descriptor) else { return false }
        guard length < last.withLockedValue({ $0 }) else {
            last.withLockedValue { $0 = length }
            return false
        }
        guard let head = Self.head(descriptor) else { return false }
        if Self.isCut(length, head: head) {
            // Somebody who is at it now is asked at the next look.
            return Self.length(descriptor) == length
        }
        last.withLockedValue { $0 = length }
        return false
    }

    /// SQLite makes a database shorter (after a VACUUM by any program) only when the first page says so already, and
    /// longer the other way round: so only one that has become shorter is judged.
    ///
    /// - Parameters:
    ///   - length: Of the database [bytes].
    ///   - head: Its first 100 bytes, or fewer where there are no more.
    static func isCut(_ length: Int64, head: [UInt8]) -> Bool {
        guard head.count == headLength, head.starts(with: Array("SQLite format 3\0".utf8)) else {
            return true
        }
        // Else it is not known which version has written the number of pages.
        guard head[24..<28].elementsEqual(head[92..<96]) else { return false }
        let size = number(head[16..<18])
        let (pageLength, pageCount) = (size == 1 ? 65_536 : size, number(head[28..<32]))
        // At most 65,536 times 2^32.
        return length < pageLength * pageCount
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        bytes.reduce(0) { $0 << 8 | Int64($1) }
    }

    private static func length(_ descriptor: Int32) -> Int64? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : nil
    }

    private static func head(_ descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: headLength)
        let count = pread(descriptor, &bytes, headLength, 0)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }
}
