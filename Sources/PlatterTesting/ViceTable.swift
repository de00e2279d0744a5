/// The vices by the names that the control interface knows. `n` is a number of bytes.
enum ViceTable {
    private typealias Reader = (Parameters) throws(ControlCommand.Problem) -> Vice

    static var kinds: [String] { readers.keys.sorted() }

    static func vice(_ query: Parameters) throws(ControlCommand.Problem) -> Vice {
        let kind = try query.text("kind")
        if let reader = readers[kind] { return try reader(query) }
        throw .init(text: "unknown kind: \(kind); known: \(kinds.joined(separator: ", "))")
    }

    private static var readers: [String: Reader] {
        answers.merging(heads) { first, _ in first }.merging(bodies) { first, _ in first }
    }

    private static var answers: [String: Reader] {
        [
            "status": { (query) throws(ControlCommand.Problem) in
                .status(
                    try code(query, or: 503), retryAfter: query["retry_after"],
                    body: query["body"] ?? "")
            },
            "head-refused": { (query) throws(ControlCommand.Problem) in
                .refusesHead(try code(query, or: 405))
            },
            "redirect": { (query) throws(ControlCommand.Problem) in
                .redirects(to: try query.text("to"), code: try code(query, or: 302))
            },
            "error-page": { _ in .errorPage },
            "hangs-up": { (query) throws(ControlCommand.Problem) in
                .hangsUp(try query.ending() ?? .finish)
            },
            "ignores-range": { _ in .ignoresRange },
            "caps-range": { (query) throws(ControlCommand.Problem) in
                .capsRange(try query.bytes("n"))
            },
        ]
    }

    private static var heads: [String: Reader] {
        [
            "no-validator": { _ in .validator(.none) },
            "no-etag": { _ in .validator(.noEntityTag) },
            "no-last-modified": { _ in .validator(.noLastModified) },
            "weak-etag": { _ in .validator(.weakEntityTag) },
            "changing": { (query) throws(ControlCommand.Problem) in
                .validator(
                    .changing(
                        every: Int(try query.bytes("every", or: 1)),
                        versions: Int(try query.bytes("versions", or: .max)),
                        bytes: query["bytes"] == "1"))
            },
            "content-range": { (query) throws(ControlCommand.Problem) in
                .contentRange(try contentRange(query))
            },
            "delayed-head": { (query) throws(ControlCommand.Problem) in
                .head(.delayed(try pause(query)))
            },
            "gzip": { _ in .head(.contentCoding("gzip")) },
            "content-type": { (query) throws(ControlCommand.Problem) in
                .head(.contentType(try query.text("value")))
            },
            "no-accept-ranges": { _ in .head(.noAcceptRanges) },
            "field": { (query) throws(ControlCommand.Problem) in
                .head(.extra(HeaderField(try query.text("name"), try query.text("value"))))
            },
            "preceded": { (query) throws(ControlCommand.Problem) in
                .head(.preceded(by: try query.text("value")))
            },
            "framing": { (query) throws(ControlCommand.Problem) in
                .head(.framing([try query.text("value")]))
            },
            "old-version": { _ in .head(.oldVersion) },
            "no-date": { _ in .head(.noDate) },
            "lower-case": { _ in .head(.lowerCase) },
        ]
    }

    private static var bodies: [String: Reader] {
        [
            "short": { (query) throws(ControlCommand.Problem) in
                .body(.short(by: try query.bytes("n")))
            },
            "long": { (query) throws(ControlCommand.Problem) in
                .body(.long(by: try query.bytes("n")))
            },
            "truncated": { (query) throws(ControlCommand.Problem) in
                .body(.truncated(after: try query.bytes("n")))
            },
            "reset": { (query) throws(ControlCommand.Problem) in
                .body(.reset(after: try query.bytes("n")))
            },
            "stalled": { (query) throws(ControlCommand.Problem) in
                .body(.stalled(after: try query.bytes("n"), try pause(query)))
            },
            "drip": { (query) throws(ControlCommand.Problem) in
                .body(.drip(try query.bytes("rate", or: 1)))
            },
            "chunked": { _ in .body(.chunked) },
            "close-delimited": { _ in .body(.closeDelimited) },
        ]
    }

    /// `fault` by name, or `value` word for word.
    private static func contentRange(
        _ query: Parameters
    ) throws(ControlCommand.Problem) -> ContentRangeVice {
        if let value = query["value"] { return .literal(value) }
        let faults: [String: ContentRangeVice] = [
            "unknown-total": .unknownTotal, "wrong-start": .wrongStart, "wrong-end": .wrongEnd,
            "wrong-total": .wrongTotal, "missing": .missing, "twice": .twice, "shifted": .shifted,
            "other-unit": .otherUnit,
        ]
        let name = try query.text("fault")
        guard let fault = faults[name] else { throw .init(text: "unknown fault: \(name)") }
        return fault
    }

    /// `code`: a final status.
    static func code(
        _ query: Parameters, or standard: Int
    ) throws(ControlCommand.Problem) -> Int {
        let code = try query.bytes("code", or: Int64(standard))
        guard 200...599 ~= code else { throw .init(text: "code is not a status: \(code)") }
        return Int(code)
    }

    /// `seconds`; left out is for ever.
    private static func pause(_ query: Parameters) throws(ControlCommand.Problem) -> Duration? {
        query["seconds"] == nil ? nil : try query.seconds("seconds")
    }
}
