import PlatterTesting

/// What is where: files under `/media/`, ramps under `/ramp/`.
struct SampleCatalogue: Sendable {
    /// nil has no files.
    let root: String?

    func resource(at path: String) -> Resource? {
        if let name = path.dropping("/media/") { return file(name) }
        if let name = path.dropping("/ramp/") { return ramp(name) }
        return nil
    }

    /// No hidden files, and nothing outside the root but what a link in it points to.
    private func file(_ name: Substring) -> Resource? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard let root, parts.allSatisfy({ !$0.isEmpty && $0.first != "." }),
            !name.utf8.contains(0)
        else { return nil }
        return .file(at: "\(root)/\(name)")
    }

    /// `LENGTH` or `LENGTH/SEED`.
    private func ramp(_ name: Substring) -> Resource? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard 1...2 ~= parts.count, let length = ByteCount.parsed(parts[0]) else { return nil }
        guard parts.count == 2 else { return .ramp(length: length) }
        return Int(parts[1]).map { .ramp(length: length, seed: $0) }
    }
}

extension String {
    /// The rest behind `prefix`, or nil when it does not begin so.
    fileprivate func dropping(_ prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
