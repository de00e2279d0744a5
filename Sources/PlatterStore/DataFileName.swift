internal import Crypto
package import PlatterCore

/// The name of a data file: 32 hexadecimal digits of the representation's hash, `-`, 16 of salt.
///
/// Nothing else ever reaches a path, so no name can leave the folder. The salt tells apart two
/// files of one representation: a deleted file's name never comes back for a new one.
package struct DataFileName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// What SQLite's GLOB makes of the same rule.
    static let globPattern =
        String(repeating: "[0-9a-f]", count: 32) + "-" + String(repeating: "[0-9a-f]", count: 16)

    /// - Returns: nil when the text is not of our form.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 49, bytes[32] == UInt8(ascii: "-") else { return nil }
        let digits = bytes[..<32] + bytes[33...]
        guard digits.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else { return nil }
        self.text = text
    }

    /// The name for a new file of `representation`.
    ///
    /// - Parameter salt: Random; another one for each file.
    package init(_ representation: Representation, salt: UInt64) {
        let identity = [
            representation.key.text, representation.validator.indexText,
            String(representation.completeLength),
        ]
        var hash = SHA256()
        for part in identity {
            hash.update(data: Array(part.utf8) + [0])
        }
        text = Self.hex(hash.finalize().prefix(16)) + "-" + Self.hex(salt.bigEndianBytes)
    }

    /// The folder of `objects` that holds the file: its first two digits.
    package var folder: String { String(text.prefix(2)) }

    package var description: String { text }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

extension UInt64 {
    fileprivate var bigEndianBytes: [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}
