import HTTPTypes
import PlatterCore
import PlatterHTTP

/// What origins answer, and where they point to.
extension FuzzTarget {
    static let originTargets = [
        FuzzTarget("origin-url", weight: 1500) { try fuzzURL(&$0) },
        FuzzTarget("signed-url", weight: 500) { try fuzzSignedURL(&$0) },
        FuzzTarget("request-fields", weight: 500) { try fuzzRequestFields(&$0) },
        FuzzTarget("stored-fields", weight: 500) { try fuzzStoredFields(&$0) },
        FuzzTarget("storability", weight: 500) { try fuzzStorability(&$0) },
        FuzzTarget("preconditions", weight: 500) { try fuzzPreconditions(&$0) },
        FuzzTarget("response-check", weight: 1000) { try fuzzResponseCheck(&$0) },
    ]
}

// MARK: - URLs

private func fuzzURL(_ input: inout FuzzInput) throws {
    let text = input.text(.url)
    guard let url = try? OriginURL(text) else { return }
    try check(url, text)
    let reference = input.text(.reference)
    if let next = try? url.resolving(reference) {
        try check(next, "\(reference) from \(url)")
        let isRelative = !reference.contains(":") && !reference.hasPrefix("//")
        try expect(!isRelative || next.origin == url.origin, "\(reference) leads from \(url) away")
    }
    if let below = try? url.appending(target: reference) {
        try check(below, "\(reference) below \(url)")
        try expect(
            below.origin == url.origin && below.path.hasPrefix(url.path.dropLast()),
            "\(reference) leads out of \(url) to \(below)")
    }
}

/// What makes a URL safe to connect to, to log and to keep as a key.
private func check(_ url: OriginURL, _ text: String) throws {
    try expect((try? OriginURL(url.description)) == url, "\(text.debugDescription) is not \(url)")
    let segments = url.path.split(separator: "/", omittingEmptySubsequences: false)
    try expect(
        !url.host.isEmpty && 1...65_535 ~= url.port && url.path.hasPrefix("/")
            && !segments.contains("..") && !segments.contains(".")
            && url.description.utf8.allSatisfy { 0x21...0x7E ~= $0 }
            && !url.redacted.contains("?\(url.query ?? "…")#"),
        "\(text.debugDescription): \(url)")
    try expect(
        url.path.hasSuffix(url.lastSegment) && !url.lastSegment.contains("/"),
        "\(url) ends with \(url.lastSegment)")
}

private func fuzzSignedURL(_ input: inout FuzzInput) throws {
    guard let url = try? OriginURL("http://h/x?" + input.text(.signedQuery)) else { return }
    guard let expiry = SignedURL.expiry(of: url) else { return }
    // A date without a span of its own is the least that can come out.
    try expect(expiry >= -62_135_596_800, "\(url) expires at \(expiry)")
}

// MARK: - Fields

private func fuzzRequestFields(_ input: inout FuzzInput) throws {
    let pairs = (0..<input.below(5)).map { _ in
        (input.text(input.oneIn(2) ? .names : .cacheControl), input.text(.cacheControl))
    }
    guard let fields = try? RequestFields.parse(pairs) else { return }
    try expect(fields.count == pairs.count, "\(pairs) became \(fields)")
    for (field, pair) in zip(fields, pairs) {
        let isSafe = field.value.utf8.allSatisfy { $0 != 0 && $0 != 0x0A && $0 != 0x0D }
        try expect(
            isSafe && field.name.rawName == pair.0 && field.value.utf8.elementsEqual(pair.1.utf8),
            "\(pair) became \(field)")
    }
}

private func fuzzStoredFields(_ input: inout FuzzInput) throws {
    let fields = input.responseFields()
    let kept = StoredFields.select(from: fields)
    let text = StoredFields.serialised(kept)
    try expect(text.utf8.count <= StoredFields.maximumLength, "\(text.utf8.count) bytes are kept")
    try expect(StoredFields.parse(text) == kept, "\(text.debugDescription) does not come back")
    try expect(StoredFields.select(from: kept) == kept, "\(kept) is less the second time")
    let stored = input.text(.storedFields)
    guard let parsed = StoredFields.parse(stored) else { return }
    try expect(
        StoredFields.serialised(parsed).utf8.elementsEqual(stored.utf8),
        "\(stored.debugDescription) is written otherwise")
}

private func fuzzStorability(_ input: inout FuzzInput) throws {
    let fields = input.responseFields()
    let isAuthorised = input.oneIn(2)
    let decision = Storability.decide(requestHasAuthorization: isAuthorised, fields: fields)
    var forbidding = fields
    forbidding.append(HTTPField(name: .cacheControl, value: "no-store"))
    try expect(
        Storability.decide(requestHasAuthorization: isAuthorised, fields: forbidding)
            == .bypass(.noStore), "\(forbidding) is stored")
    if decision == .store {
        try expect(
            fields[values: .vary].allSatisfy { !$0.contains("*") }
                && !CacheControl.parse(fields[values: .cacheControl]).contains("no-store"),
            "\(fields) is stored")
    }
}

private func fuzzPreconditions(_ input: inout FuzzInput) throws {
    let fields = input.fields([
        .ifMatch, .ifNoneMatch, .ifRange, .ifModifiedSince, .ifUnmodifiedSince, .range,
    ])
    let current = RepresentationMetadata(
        fields: input.fields([.eTag, .lastModified, .date]), receivedAt: input.number())
    let method = input.pick([HTTPRequest.Method.get, .head, .post])
    let outcome = Preconditions.evaluate(
        method: method, fields: fields, current: current, now: input.number())
    let description = "\(method) \(fields) of \(current): \(outcome)"
    if method == .post { try expect(outcome == .proceed(honourRange: false), description) }
    if method == .head { try expect(outcome != .proceed(honourRange: true), description) }
    let isConditional = fields.contains { $0.name.canonicalName.hasPrefix("if-") }
    try expect(isConditional || outcome != .failed && outcome != .notModified, description)
}

// MARK: - Heads

private func fuzzResponseCheck(_ input: inout FuzzInput) throws {
    let fields = input.responseFields()
    let asked: AskedRange =
        switch input.below(3) {
        case 0: .suffix(input.natural())
        case 1: .from(input.natural(), upTo: nil)
        default: .from(input.natural(), upTo: input.natural())
        }
    let status = input.pick([206, 206, 206, 200, 200, 416, 302, 429, 503, 404, Int(input.number())])
    try HeadCheck(status: status, fields: likely(fields, asked, &input), asked: asked).run(&input)
}

/// Chance alone would seldom pass the checks: often the head is of the range that was asked for.
private func likely(
    _ fields: HTTPFields, _ asked: AskedRange, _ input: inout FuzzInput
) -> HTTPFields {
    guard !input.oneIn(3), case .from(let first, _) = asked else { return fields }
    var fields = fields
    let length = input.natural()
    let last = first.addingClamped(input.natural(upTo: 1 << 20))
    fields[.contentRange] = "bytes \(first)-\(last)/\(length)"
    fields[.contentEncoding] = nil
    if !input.oneIn(4) { fields[.contentType] = "video/mp4" }
    if !input.oneIn(3) { fields[.contentLength] = nil }
    if input.oneIn(2) { fields[.eTag] = "\"v\(input.below(2))\"" }
    return fields
}

/// A head, what it answers, and the promises of the verdict.
struct HeadCheck {
    let status: Int
    let fields: HTTPFields
    let asked: AskedRange

    func run(_ input: inout FuzzInput) throws {
        let identity = RepresentationIdentity(
            validator: input.validator(), completeLength: input.natural(),
            contentType: input.oneIn(2) ? "video/mp4" : nil)
        let expectation = FetchExpectation(
            asked: asked, identity: input.oneIn(2) ? identity : nil)
        let receivedAt = input.number()
        let verdict = ResponseCheck.verdict(
            status: status, fields: fields, expectation: expectation, receivedAt: receivedAt)
        switch verdict {
        case .partial(let head): try check(partial: head, expectation)
        case .whole(let head):
            try require(head.body == 0..<head.completeLength, verdict)
            try check(head, expectation)
        case .unsatisfiable(let length): try require(length ?? 0 >= 0, verdict)
        case .retryable(let status, let after):
            try require(0...ResponseCheck.longestRetryAfter ~= after ?? 0, verdict)
            try require(status == self.status, verdict)
        case .redirect(let location): _ = try? OriginURL("http://a/b/c").resolving(location)
        case .rejected(let status): try require(400...499 ~= status, verdict)
        case .wholeUnusable, .changed, .malformed: break
        }
    }

    private func check(partial head: AcceptedHead, _ expectation: FetchExpectation) throws {
        try require(
            0 <= head.body.lowerBound && !head.body.isEmpty
                && head.body.upperBound <= head.completeLength, .partial(head))
        switch asked {
        case .from(let first, let end):
            try require(
                head.body.lowerBound == first && head.body.upperBound <= end ?? .max,
                .partial(head))
        case .suffix(let length):
            try require(
                head.body.upperBound == head.completeLength && head.bodyLength <= length,
                .partial(head))
        }
        try check(head, expectation)
    }

    private func check(_ head: AcceptedHead, _ expectation: FetchExpectation) throws {
        guard let identity = expectation.identity else { return }
        try require(
            head.completeLength == identity.completeLength
                && head.validator.hasSameVersion(as: identity.validator), .partial(head))
    }

    private func require(_ holds: Bool, _ verdict: Verdict) throws {
        try expect(holds, "\(asked) was answered by \(status) \(fields): \(verdict)")
    }
}
