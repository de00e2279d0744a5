internal import PlatterCore

/// How the index and the file names spell a validator. The schema checks the same forms.
extension Validator {
    var indexText: String {
        switch self {
        case .strong(let tag): "strong \(tag)"
        case .weak(let tag): "weak \(tag)"
        case .modified(let seconds): "modified \(seconds)"
        case .weaklyModified(let seconds): "weakly-modified \(seconds)"
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
        switch (text[..<space], Int64(value)) {
        case ("strong", _): self = .strong(tag: value)
        case ("weak", _): self = .weak(tag: value)
        case ("modified", let seconds?): self = .modified(at: seconds)
        case ("weakly-modified", let seconds?): self = .weaklyModified(at: seconds)
        default: return nil
        }
        // Writing it again catches every second spelling: "+1", "007".
        if !indexText.utf8.elementsEqual(text.utf8) { return nil }
    }
}
