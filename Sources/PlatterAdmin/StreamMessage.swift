package import Foundation

extension AdminMessages.Stream {
    /// Brackets and braces that a message may open in all [256]. `JSONDecoder` refuses what is nested
    /// 512 deep, but traps when the text ends at that very bracket (Foundation of Swift 6.3.1).
    private static let bracketLimit = 256

    /// Reads the body of a request.
    ///
    /// - Throws: For whatever is no such message.
    package init(json: Data) throws {
        let brackets = json.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
        guard brackets <= Self.bracketLimit else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "more than \(Self.bracketLimit) brackets"))
        }
        self = try JSONDecoder().decode(Self.self, from: json)
    }
}
