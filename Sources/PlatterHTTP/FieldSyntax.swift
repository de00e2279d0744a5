package import HTTPTypes
import PlatterCore

/// The bytes of a field value, or a part of them. Field syntax is defined on bytes; `Character`s join
/// CR with LF, and `String` equality folds canonically equivalent text together.
typealias FieldBytes = ArraySlice<UInt8>

/// The pieces of grammar that several fields share (RFC 9110 section 5.6). Everything is one pass.
enum FieldSyntax {
    static let comma = UInt8(ascii: ",")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")

    static func bytes(_ text: String) -> FieldBytes { Array(text.utf8)[...] }

    /// OWS: space and horizontal tab (RFC 9110 section 5.6.3).
    static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    static func trimmed(_ bytes: FieldBytes) -> FieldBytes {
        var rest = bytes.drop(while: isWhitespace)
        while let last = rest.last, isWhitespace(last) { rest.removeLast() }
        return rest
    }

    /// tchar (RFC 9110 section 5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C,
            0x7E:
            true
        default: false
        }
    }

    static func isToken(_ bytes: FieldBytes) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isTokenByte)
    }

    /// ASCII only, so that no locale has a say.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    static func lowercased(_ bytes: FieldBytes) -> String {
        String(decoding: bytes.map { lowercased($0) }, as: UTF8.self)
    }

    /// Whether `bytes` are the ASCII `text`, letter case aside. `text` is in lower case.
    static func equal(_ bytes: FieldBytes, _ text: String) -> Bool {
        bytes.lazy.map { lowercased($0) }.elementsEqual(text.utf8)
    }

    /// 1*DIGIT as a number; `Int64.max` when it does not fit; nil when it is not all digits.
    static func clampedNumber(_ bytes: FieldBytes) -> Int64? {
        guard !bytes.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard let digit = digit(byte) else { return nil }
            value = value.multipliedClamped(by: 10).addingClamped(digit)
        }
        return value
    }

    /// 1*DIGIT as a number; nil when it is not all digits or does not fit.
    static func exactNumber(_ bytes: FieldBytes) -> Int64? {
        guard !bytes.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard let digit = digit(byte) else { return nil }
            let (tens, tensOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = tens.addingReportingOverflow(digit)
            guard !tensOverflow, !sumOverflow else { return nil }
            value = sum
        }
        return value
    }

    private static func digit(_ byte: UInt8) -> Int64? {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte ? Int64(byte & 0x0F) : nil
    }

    /// The tokens of a list field in lower case, over all its lines. Members that are no token are
    /// left out (RFC 9110 section 5.6.1).
    static func tokens(_ lines: [String]) -> [String] {
        lines.flatMap { line in
            bytes(line).split(separator: comma).map { trimmed($0) }.filter { isToken($0) }
                .map { lowercased($0) }
        }
    }
}

extension HTTPFields {
    /// Whether the content is in no content coding, so that byte offsets are those of the media
    /// (RFC 9110 sections 8.4 and 14.1.2). Something that is no token counts as a coding.
    var areUncoded: Bool { has(only: "identity", in: .contentEncoding) }

    /// Whether the body is in no transfer coding but the one that everybody undoes
    /// (RFC 9112 section 6.1).
    package var areUncodedInTransfer: Bool { has(only: "chunked", in: .transferEncoding) }

    private func has(only coding: String, in name: HTTPField.Name) -> Bool {
        self[values: name].allSatisfy { line in
            FieldSyntax.bytes(line).split(separator: FieldSyntax.comma).allSatisfy { member in
                let member = FieldSyntax.trimmed(member)
                return member.isEmpty || FieldSyntax.equal(member, coding)
            }
        }
    }
}
