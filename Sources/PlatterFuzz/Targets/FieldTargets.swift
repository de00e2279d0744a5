import HTTPTypes
import PlatterCore
import PlatterHTTP

/// Fields that come from players and origins.
extension FuzzTarget {
    static let fieldTargets = [
        FuzzTarget("range", weight: 1500) { try fuzzRange(&$0) },
        FuzzTarget("content-range", weight: 1500) { try fuzzContentRange(&$0) },
        FuzzTarget("http-date") { try fuzzDate(&$0) },
        FuzzTarget("entity-tag") { try fuzzEntityTag(&$0) },
        FuzzTarget("cache-control") { try fuzzCacheControl(&$0) },
        FuzzTarget("validator") { try fuzzValidator(&$0) },
        FuzzTarget("cache-status") { try fuzzCacheStatus(&$0) },
    ]
}

// MARK: - Range

private func fuzzRange(_ input: inout FuzzInput) throws {
    let lines = input.lines(.range)
    let field = RangeField.parse(lines)
    try expect(field == RangeField.parse(lines), "\(lines) is read in two ways")
    let length = input.oneIn(2) ? Int64(input.below(40)) : input.number()
    try check(field.resolve(completeLength: length), of: lines, length)
    let fetch = field.firstFetch
    if case .set(let specs) = field {
        try check(specs, of: lines)
        if specs.count == 1 {
            let again = RangeField.parse([fetch.fieldValue])
            try expect(again.firstFetch == fetch, "\(lines) asks for \(fetch)")
        }
    } else {
        try expect(fetch == .from(0, upTo: nil), "\(lines) asks for \(fetch)")
    }
    if lines.count == 1, 0..<100 ~= length {
        try expect(
            field.resolve(completeLength: length)
                == RangeOracle.resolve(lines[0], completeLength: Int(length)),
            "\(lines) of \(length) bytes: the oracle disagrees")
    }
}

private func check(_ specs: [RangeSpec], of lines: [String]) throws {
    let texts = try specs.map { spec in
        switch spec {
        case .suffix(let length):
            try expect(length >= 0, "\(lines): \(spec)")
            return "-\(length)"
        case .bounded(let first, let last):
            try expect(first >= 0 && last ?? .max >= first, "\(lines): \(spec)")
            return "\(first)-\(last.map(String.init) ?? "")"
        }
    }
    try expect(1...RangeField.maximumMembers ~= specs.count, "\(lines): \(specs.count) ranges")
    let text = "bytes=" + texts.joined(separator: ",")
    try expect(RangeField.parse([text]) == .set(specs), "\(lines) is not \(text)")
}

private func check(_ resolution: RangeResolution, of lines: [String], _ length: Int64) throws {
    switch resolution {
    case .whole, .unsatisfiable: break
    case .single(let range):
        try expect(
            0 <= range.lowerBound && !range.isEmpty && range.upperBound <= length,
            "\(lines) of \(length): \(range)")
    case .multiple(let parts):
        let ascending = parts.sorted { $0.lowerBound < $1.lowerBound }
        try expect(
            2...RangeField.maximumParts ~= parts.count
                && parts.allSatisfy { !$0.isEmpty && 0 <= $0.lowerBound && $0.upperBound <= length }
                && zip(ascending, ascending.dropFirst()).allSatisfy {
                    $0.upperBound < $1.lowerBound
                }, "\(lines) of \(length): \(parts)")
    }
}

private func fuzzContentRange(_ input: inout FuzzInput) throws {
    let text = input.text(.contentRange)
    guard let parsed = ContentRange.parse(text) else { return }
    switch parsed {
    case .range(let range, let length):
        try expect(
            0 <= range.lowerBound && !range.isEmpty && range.upperBound <= length ?? .max,
            "\(text.debugDescription): \(range) of \(String(describing: length))")
    case .unsatisfied(let length):
        try expect(length ?? 0 >= 0, "\(text.debugDescription): \(parsed)")
    }
    try expect(
        ContentRange.parse(parsed.fieldValue) == parsed,
        "\(text.debugDescription) is not \(parsed.fieldValue)")
}

// MARK: - Dates

/// What the years 1 to 9999 allow, in seconds since 1970.
private let datableSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_800

private func fuzzDate(_ input: inout FuzzInput) throws {
    let (text, now) = (input.text(.date), input.number())
    if let seconds = HTTPDate.parse(text, now: now) {
        try expect(datableSeconds ~= seconds, "\(text.debugDescription): \(seconds)")
        let again = HTTPDate.parse(HTTPDate.format(seconds), now: now)
        // A leap second at the very end of the calendar has no next second.
        try expect(
            again == seconds || seconds == datableSeconds.upperBound,
            "\(text.debugDescription): \(seconds) is not \(HTTPDate.format(seconds))")
    }
    let seconds = input.number()
    let bounded = min(max(seconds, datableSeconds.lowerBound), datableSeconds.upperBound - 1)
    let written = HTTPDate.format(seconds)
    try expect(
        HTTPDate.parse(written, now: now) == bounded && written.utf8.count == 29,
        "\(seconds): \(written)")
}

// MARK: - Validators

private func fuzzEntityTag(_ input: inout FuzzInput) throws {
    let text = input.text(.entityTag)
    if let tag = EntityTag.parse(text) {
        try expect(
            tag.fieldValue.utf8.count <= EntityTag.maximumLength
                && EntityTag.parse(tag.fieldValue) == tag && tag.weaklyMatches(tag)
                && tag.stronglyMatches(tag) == !tag.isWeak,
            "\(text.debugDescription) is not \(tag.fieldValue)")
    }
    let lines = input.lines(.entityTag)
    guard case .tags(let tags)? = EntityTagList.parse(lines) else { return }
    let joined = tags.map(\.fieldValue).joined(separator: ", ")
    try expect(
        !tags.isEmpty && EntityTagList.parse([joined]) == .tags(tags), "\(lines) is not \(joined)")
    try expect(
        EntityTagList.tags(tags).weaklyContains(tags.last)
            && !EntityTagList.tags(tags).weaklyContains(nil), "\(lines) lacks its last tag")
}

private func fuzzValidator(_ input: inout FuzzInput) throws {
    let text = input.text(.validator)
    let validator = Validator(serialised: text)
    if let validator {
        try expect(
            validator.serialised.utf8.elementsEqual(text.utf8),
            "\(text.debugDescription) is written as \(validator.serialised.debugDescription)")
    }
    let receivedAt = input.number()
    let found = Validator.from(
        fields: input.fields([.eTag, .lastModified, .date]), receivedAt: receivedAt)
    try expect(
        Validator(serialised: found.serialised) == found, "\(found) does not come back as it was")
    guard let validator else { return }
    try expect(
        found.hasSameVersion(as: validator) == validator.hasSameVersion(as: found)
            && found.hasSameVersion(as: found), "\(found) and \(validator)")
}

// MARK: - Cache fields

private func fuzzCacheControl(_ input: inout FuzzInput) throws {
    let lines = input.lines(.cacheControl)
    let control = CacheControl.parse(lines)
    try expect(control == CacheControl.parse(lines), "\(lines) is read in two ways")
    try expect(control.sharedLifetime ?? 0 >= 0, "\(lines): \(control)")
    let written = control.directives.map { directive in
        guard directive.hasArgument else { return directive.name }
        return directive.name + "=" + (directive.argument.map(quoted) ?? "")
    }
    try expect(
        CacheControl.parse(written) == control, "\(lines) is not \(written)")
    for name in control.fieldNames(of: "private") {
        try expect(!name.isEmpty && name == name.lowercased(), "\(lines) names \(name)")
    }
    // What stands in quotation marks is an argument, whatever it looks like.
    let argument = input.text(.cacheControl)
    let hidden = CacheControl.parse(["x=\(quoted(argument)), y"])
    try expect(
        hidden.directives.map(\.name) == ["x", "y"] && hidden.directives[0].argument == argument,
        "\(argument.debugDescription) in quotation marks is read as \(hidden)")
}

private func quoted(_ text: String) -> String {
    let escaped = text.utf8.flatMap { byte in byte == 0x22 || byte == 0x5C ? [0x5C, byte] : [byte] }
    return "\"" + String(decoding: escaped, as: UTF8.self) + "\""
}

private func fuzzCacheStatus(_ input: inout FuzzInput) throws {
    let reasons: [CacheStatus.Outcome] =
        CacheStatus.ForwardReason.allCases.map { .forward($0) } + [.hit]
    let status = CacheStatus(
        input.pick(reasons), forwardStatus: input.oneIn(2) ? Int(input.number()) : nil,
        isStored: input.oneIn(2), isCollapsed: input.oneIn(2),
        timeToLive: input.oneIn(2) ? input.number() : nil,
        detail: input.oneIn(2) ? input.text(.entityTag) : nil)
    let member = status.member
    try expect(
        member.utf8.allSatisfy { 0x20...0x7E ~= $0 }, "\(status): \(member.debugDescription)")
    let longest = member.utf8.split { !(0x30...0x39 ~= $0) }.map(\.count).max() ?? 0
    try expect(status.detail != nil || longest <= 15, "\(status): \(member)")
    let upstream = input.text(.cacheControl)
    try expect(
        status.fieldValue(after: upstream).hasSuffix(member), "\(upstream) swallows \(member)")
}
