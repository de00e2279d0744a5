import PlatterCore

/// A resource as it is for one request, and the right answer from it: conditions and ranges of RFC
/// 9110 sections 13 and 14.
struct Selection {
    private var resource: Resource
    private var ignoresRange = false
    /// Bytes.
    private var cap = Int64.max

    init(resource: Resource, vices: [Vice]) {
        self.resource = resource
        for vice in vices {
            switch vice {
            case .ignoresRange: ignoresRange = true
            case .capsRange(let length): cap = max(1, length)
            case .validator(let vice): apply(vice)
            case .answers, .hangsUp, .contentRange, .head, .body: break
            }
        }
    }

    private mutating func apply(_ vice: ValidatorVice) {
        switch vice {
        case .none:
            resource.entityTag = nil
            resource.lastModified = nil
        case .noEntityTag: resource.entityTag = nil
        case .noLastModified: resource.lastModified = nil
        case .weakEntityTag: resource.entityTag = resource.entityTag.map(Self.weakened)
        case .version(let number, let bytes) where number > 0:
            resource.entityTag = resource.entityTag.map { "\($0.dropLast())-v\(number)\"" }
            guard bytes, case .ramp(let ramp) = resource.content else { return }
            resource.content = .ramp(ramp.version(number))
        case .version, .changing: break
        }
    }

    /// The order of RFC 9110 section 13.2.2.
    func answer(to request: OriginRequest) -> ResponseDraft {
        guard request.method == "GET" || request.method == "HEAD" else {
            return ResponseDraft(status: 405, fields: [HeaderField("Allow", "GET, HEAD")])
        }
        if let tags = request.value(of: "If-Match"), !matches(tags, weakly: false) {
            return ResponseDraft(status: 412, fields: validators)
        }
        if isUnchanged(for: request) { return ResponseDraft(status: 304, fields: validators) }
        // Range is defined for GET alone (section 14.2).
        guard request.method == "GET", !ignoresRange, mayAnswerRange(request) else { return whole }
        switch AskedRange(request.value(of: "Range")).place(in: resource.length) {
        case .whole: return whole
        case .part(let range):
            return part(.starting(at: range.lowerBound, length: min(range.length, cap)))
        case .unsatisfiable:
            return ResponseDraft(
                status: 416, fields: [HeaderField("Content-Range", "bytes */\(resource.length)")])
        }
    }

    private var whole: ResponseDraft {
        let body = resource.step(for: 0..<resource.length)
        return ResponseDraft(status: 200, fields: fields, body: body)
    }

    private func part(_ range: ByteRange) -> ResponseDraft {
        var draft = ResponseDraft(status: 206, fields: fields, body: resource.step(for: range))
        draft.part = (range, resource.length)
        let value = ResponseDraft.contentRange(
            range.lowerBound, range.upperBound - 1, total: resource.length)
        draft.set("Content-Range", value)
        return draft
    }

    private var fields: [HeaderField] {
        let acceptance = ignoresRange ? [] : [HeaderField("Accept-Ranges", "bytes")]
        return [HeaderField("Content-Type", resource.contentType)] + acceptance + validators
    }

    private var validators: [HeaderField] {
        var result: [HeaderField] = []
        if let tag = resource.entityTag { result.append(HeaderField("ETag", tag)) }
        if let date = resource.lastModified {
            result.append(HeaderField("Last-Modified", HTTPDate.text(date)))
        }
        return result
    }

    private func isUnchanged(for request: OriginRequest) -> Bool {
        if let tags = request.value(of: "If-None-Match") { return matches(tags, weakly: true) }
        guard let date = request.value(of: "If-Modified-Since") else { return false }
        // The exact date only: an origin may compare so, and clients send back what they got.
        return resource.lastModified.map { HTTPDate.text($0) == date } ?? false
    }

    /// If-Range needs a strong match (section 13.1.5); without it there is nothing to fail.
    private func mayAnswerRange(_ request: OriginRequest) -> Bool {
        guard let condition = request.value(of: "If-Range") else { return true }
        if condition.hasPrefix("\"") || condition.hasPrefix("W/") {
            return matches(condition, weakly: false)
        }
        return resource.lastModified.map { HTTPDate.text($0) == condition } ?? false
    }

    /// Entity tags with a comma inside are not made here, so a split at commas will do.
    private func matches(_ list: String, weakly: Bool) -> Bool {
        let tags = list.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        if tags == ["*"] { return true }
        guard let own = resource.entityTag else { return false }
        if weakly { return tags.contains { Self.weakened($0) == Self.weakened(own) } }
        return !own.hasPrefix("W/") && tags.contains(own)
    }

    private static func weakened(_ tag: String) -> String {
        tag.hasPrefix("W/") ? tag : "W/" + tag
    }
}
