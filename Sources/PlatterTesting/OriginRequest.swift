/// One header field, as it was on the wire.
package struct HeaderField: Hashable, Sendable, Codable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Field names compare without case (RFC 9110 section 5.1).
    package func isNamed(_ other: String) -> Bool { name.lowercased() == other.lowercased() }
}

/// What the origin was asked.
package struct OriginRequest: Hashable, Sendable {
    package var method: String
    /// The request target as sent: path and query.
    package var target: String
    package var fields: [HeaderField]
    /// HTTP/1.0: no chunks, and the connection closes unless asked to stay.
    package var isOldVersion: Bool
    package var isFirstOnConnection: Bool

    package init(
        method: String = "GET", target: String, fields: [HeaderField] = [],
        isOldVersion: Bool = false, isFirstOnConnection: Bool = true
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.isOldVersion = isOldVersion
        self.isFirstOnConnection = isFirstOnConnection
    }

    /// The target up to the query, percent-decoded.
    package var path: String {
        PercentCoding.decoded(target.prefix { $0 != "?" })
    }

    /// The parameters of the query, decoded; of two with one name the last.
    package var query: [String: String] {
        guard let mark = target.firstIndex(of: "?") else { return [:] }
        var result: [String: String] = [:]
        for pair in target[target.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? PercentCoding.decoded(parts[1], plusIsSpace: true) : ""
            result[PercentCoding.decoded(parts[0], plusIsSpace: true)] = value
        }
        return result
    }

    /// The first field of that name.
    package func value(of name: String) -> String? {
        fields.first { $0.isNamed(name) }?.value
    }

    /// Whether the connection ends with this response (RFC 9112 section 9.3).
    package var wantsClose: Bool {
        let options = (value(of: "Connection") ?? "").lowercased()
        return isOldVersion ? !options.contains("keep-alive") : options.contains("close")
    }
}

/// Percent-encoding (RFC 3986 section 2.1). A broken escape stays as it is.
enum PercentCoding {
    static func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") })
        else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = escape(rest.prefix(2)) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func escape(_ digits: Substring.UTF8View) -> UInt8? {
        guard digits.count == 2, digits.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit })
        else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
