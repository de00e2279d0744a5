/// A path that only redirects, to targets that stop working.
package struct SigningRule: Hashable, Sendable {
    /// Requests that a target answers; nil is any number.
    package var uses: Int?
    /// How long it answers, in milliseconds; nil is for ever.
    package var milliseconds: Int64?
    /// What it answers afterwards.
    package var refusal: CannedAnswer
    /// Of the redirect.
    package var status = 302
    package var fields: [HeaderField] = []
    /// What comes before the path of a target, such as `http://localhost:1234`; empty is this origin.
    package var base = ""
    /// What comes after it, such as `?e=1795219200`.
    package var query = ""

    package init(uses: Int? = nil, milliseconds: Int64? = nil, refusal: Int = 403) {
        self.uses = uses
        self.milliseconds = milliseconds
        self.refusal = CannedAnswer(status: refusal)
    }
}

/// The targets that an origin has signed. Pure.
struct SignedTargets {
    private struct Target {
        let path: String
        let rule: SigningRule
        let signedAt: Int64
        var uses = 0
    }

    /// Older ones are forgotten, and not found.
    private static let limit = 10_000
    private static let prefix = "/signed/"

    private var rules: [String: SigningRule] = [:]
    private var targets: [Int: Target] = [:]
    private var next = 1

    mutating func set(_ rule: SigningRule?, at path: String) { rules[path] = rule }

    /// The path whose resource a path has.
    func origin(of path: String) -> String {
        number(of: path).flatMap { targets[$0]?.path } ?? path
    }

    /// The redirect to a new target, or the refusal of an old one. Counts.
    ///
    /// - Parameter milliseconds: The present.
    mutating func answer(at path: String, now milliseconds: Int64) -> CannedAnswer? {
        if let rule = rules[path] { return redirect(path, rule, milliseconds) }
        guard let number = number(of: path), var target = targets[number] else { return nil }
        defer { targets[number] = target }
        target.uses += 1
        let age = milliseconds - target.signedAt
        let isSpent = target.rule.uses.map { target.uses > $0 } ?? false
        let isOld = target.rule.milliseconds.map { age >= $0 } ?? false
        return isSpent || isOld ? target.rule.refusal : nil
    }

    private mutating func redirect(
        _ path: String, _ rule: SigningRule, _ milliseconds: Int64
    ) -> CannedAnswer {
        let number = next
        next += 1
        targets[number] = Target(path: path, rule: rule, signedAt: milliseconds)
        targets[number - Self.limit] = nil
        let location = "\(rule.base)\(Self.prefix)\(number)\(rule.query)"
        return CannedAnswer(
            status: rule.status, fields: [HeaderField("Location", location)] + rule.fields)
    }

    private func number(of path: String) -> Int? {
        path.hasPrefix(Self.prefix) ? Int(path.dropFirst(Self.prefix.count)) : nil
    }
}
