internal import PlatterCore

/// How the index and the file names spell a validator. The schema checks the same forms; a date with a tag
/// has the form of a tag there, and no tag begins like it: all begin with a quote.
extension Validator {
    var indexText: String {
        switch self {
        case .strong(let tag): "strong \(tag)"
        case .weak(let tag): "weak \(tag)"
        case .modified(let seconds): "modified \(seconds)"
        case .weaklyModified(let seconds): "weakly-modified \(seconds)"
        case .modifiedWithTag(let seconds, let tag): "strong modified \(seconds) \(tag)"
        case .weaklyModifiedWithTag(let seconds, let tag): "weak modified \(seconds) \(tag)"
        case .absent: "absent"
        }
    }

    /// - Returns: nil when the text is none of the forms that `indexText` writes.
    init?(indexText text: String) {
        guard let space = text.utf8.firstIndex(of: UInt8(ascii: " ")) else {
            guard text == "absent" else { return nil }
            self = .absent
            return
        }
        let value = String(text[text.utf8.index(after: space)...])
        let kind = text[..<space]
        switch (kind, Int64(value)) {
        case ("strong", _), ("weak", _):
            self = Self.tagged(value, isStrong: kind == "strong")
        case ("modified", let seconds?): self = .modified(at: seconds)
        case ("weakly-modified", let seconds?): self = .weaklyModified(at: seconds)
        default: return nil
        }
        // Writing it again catches every second spelling: "+1", "007".
        if !indexText.utf8.elementsEqual(text.utf8) { return nil }
    }

    /// Reads `"tag"` and `modified 784111777 "tag"`.
    private static func tagged(_ text: String, isStrong: Bool) -> Validator {
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "modified", let seconds = Int64(words[1]),
            words[2].utf8.first == UInt8(ascii: "\"")
        else { return isStrong ? .strong(tag: text) : .weak(tag: text) }
        let tag = String(words[2])
        return isStrong
            ? .modifiedWithTag(at: seconds, tag: tag)
            : .weaklyModifiedWithTag(at: seconds, tag: tag)
    }
}
