import Crypto

/// Tells sets of header fields apart without keeping them.
enum Fingerprint {
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
