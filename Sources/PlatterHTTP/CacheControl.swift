/// The directives of `Cache-Control` (RFC 9111 section 5.2), read tolerantly: what cannot be read
/// hides nothing else, and is taken at its most restrictive.
package struct CacheControl: Hashable, Sendable {
    package struct Directive: Hashable, Sendable {
        /// In lower case.
        package let name: String
        /// Without quotes and escapes. nil when there is none or it cannot be read.
        package let argument: String?
        /// Whether a `=` followed the name.
        package let hasArgument: Bool
    }

    package let directives: [Directive]

    /// Reads all lines of the field as one list.
    package static func parse(_ lines: [String]) -> CacheControl {
        CacheControl(
            directives: lines.flatMap { line in
                members(FieldSyntax.bytes(line)).compactMap { directive(FieldSyntax.trimmed($0)) }
            })
    }

    /// Whether the directive stands there without an argument, and so means the whole response.
    package func containsUnqualified(_ name: String) -> Bool {
        directives.contains { $0.name == name && !$0.hasArgument }
    }

    package func contains(_ name: String) -> Bool { directives.contains { $0.name == name } }

    /// Seconds of freshness that a shared cache is given explicitly: `s-maxage`, else `max-age`
    /// (RFC 9111 section 4.2.1). Of several the least counts; one that cannot be read counts as 0.
    package var sharedLifetime: Int64? { seconds("s-maxage") ?? seconds("max-age") }

    /// The field names in the arguments of a directive such as `private="Set-Cookie"`, in lower case.
    package func fieldNames(of name: String) -> [String] {
        FieldSyntax.tokens(directives.filter { $0.name == name }.compactMap(\.argument))
    }

    private func seconds(_ name: String) -> Int64? {
        directives.filter { $0.name == name }.map { directive in
            directive.argument.flatMap { FieldSyntax.clampedNumber(FieldSyntax.bytes($0)) } ?? 0
        }.min()
    }
}

extension CacheControl {
    /// The parts between the commas that stand outside quoted strings. A quotation mark without a
    /// partner is an ordinary byte, lest it swallow a `no-store`.
    private static func members(_ line: FieldBytes) -> [FieldBytes] {
        var members: [FieldBytes] = []
        var start = line.startIndex
        var index = start
        // Once one mark has no partner, no later one has: looking again would cost O(n^2).
        var mayBeQuoted = true
        while index < line.endIndex {
            if line[index] == FieldSyntax.comma {
                members.append(line[start..<index])
                start = index + 1
            } else if line[index] == FieldSyntax.quote, mayBeQuoted {
                if let end = closingQuote(line[index...]) {
                    index = end
                } else {
                    mayBeQuoted = false
                }
            }
            index += 1
        }
        members.append(line[start...])
        return members
    }

    /// The index of the mark that ends the quoted string at the start of `bytes`
    /// (RFC 9110 section 5.6.4).
    private static func closingQuote(_ bytes: FieldBytes) -> Int? {
        var index = bytes.startIndex + 1
        while index < bytes.endIndex {
            if bytes[index] == FieldSyntax.quote { return index }
            index += bytes[index] == FieldSyntax.backslash ? 2 : 1
        }
        return nil
    }

    /// A member begins with a token; whatever follows but `=` is dropped, so that `no-store; private`
    /// still forbids storing.
    private static func directive(_ member: FieldBytes) -> Directive? {
        let name = member.prefix(while: FieldSyntax.isTokenByte)
        guard !name.isEmpty else { return nil }
        let rest = FieldSyntax.trimmed(member[name.endIndex...])
        let hasArgument = rest.first == UInt8(ascii: "=")
        return Directive(
            name: FieldSyntax.lowercased(name),
            argument: hasArgument ? argument(FieldSyntax.trimmed(rest.dropFirst())) : nil,
            hasArgument: hasArgument)
    }

    /// A token or a quoted string; both forms mean the same (RFC 9111 section 5.2).
    private static func argument(_ bytes: FieldBytes) -> String? {
        if FieldSyntax.isToken(bytes) { return String(decoding: bytes, as: UTF8.self) }
        guard bytes.first == FieldSyntax.quote, bytes.count >= 2,
            closingQuote(bytes) == bytes.endIndex - 1
        else { return nil }
        var text: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if byte == FieldSyntax.backslash, !isEscaped {
                isEscaped = true
            } else {
                text.append(byte)
                isEscaped = false
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
