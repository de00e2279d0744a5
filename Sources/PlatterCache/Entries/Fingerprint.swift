import Crypto

/// Tells sets of header fields, and other texts that may be secret, apart without showing them.
package enum Fingerprint {
    /// For people: what tells a handful of them apart [8], and is too short to tell what a secret is.
    package static func short(_ text: String) -> String { String(of([text]).prefix(8)) }

    /// 32 hexadecimal digits of a SHA-256 over the lines.
    static func of(_ lines: [String]) -> String {
        var hash = SHA256()
        for line in lines { hash.update(data: Array(line.utf8) + [0]) }
        let digits = Array("0123456789abcdef".utf8)
        let text = hash.finalize().prefix(16).flatMap { byte in
            [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
