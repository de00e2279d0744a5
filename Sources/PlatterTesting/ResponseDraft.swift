import NIOHTTP1
import PlatterCore

/// A response that is being made worse: head fields, body steps and how the body ends, still apart.
struct ResponseDraft {
    /// How the receiver learns where the body ends (RFC 9112 section 6).
    enum Framing: Hashable {
        case length
        case chunked
        case untilClose
        /// These lines say it, right or wrong.
        case lines([String])
    }

    /// 1 MiB: few lines for a large film, and still several chunks in a small one.
    static let chunkLength: Int64 = 1 << 20

    var status: Int
    var fields: [HeaderField] = []
    /// Sent unless the answer has no body by its nature: to HEAD, 204, 304.
    var body: [Step] = []
    /// What Content-Length says, in bytes; decided before the body is spoilt.
    var contentLength: Int64 = 0
    var framing = Framing.length
    /// The bytes of a 206 and the total of their representation.
    var part: (range: ByteRange, total: Int64)?
    /// Before the head.
    var delay: [Step] = []
    var isOldVersion = false
    var hasDate = true
    var hasLowerCase = false
    /// Set by a vice that ends the connection.
    var ending: Ending?

    init(status: Int, fields: [HeaderField] = [], body: [Step] = []) {
        self.status = status
        self.fields = fields
        self.body = body
        contentLength = body.bodyLength
    }

    mutating func set(_ name: String, _ value: String?) {
        fields.removeAll { $0.isNamed(name) }
        if let value { fields.append(HeaderField(name, value)) }
    }

    /// The steps in order: delay, head, body. `ending` is how a healthy connection goes on.
    func plan(for request: OriginRequest, date: Int64) -> ResponsePlan {
        var draft = self
        if framing == .chunked && request.isOldVersion { draft.framing = .untilClose }
        let hasBody = request.method != "HEAD" && status != 204 && status != 304
        let closes = request.wantsClose || draft.framing == .untilClose || isOldVersion
        let steps = delay + [draft.head(date: date, closes: closes)] + (hasBody ? draft.framed : [])
        return ResponsePlan(
            status: status, steps: steps,
            ending: (hasBody ? ending : nil) ?? (closes ? .finish : .keepAlive))
    }

    private func head(date: Int64, closes: Bool) -> Step {
        let reason = HTTPResponseStatus(statusCode: status).reasonPhrase
        var lines = hasDate ? ["Date: \(HTTPDate.text(date))"] : []
        lines += fields.map { "\(hasLowerCase ? $0.name.lowercased() : $0.name): \($0.value)" }
        switch framing {
        case .length where status == 204 || status == 304: break
        case .length: lines.append("Content-Length: \(contentLength)")
        case .chunked: lines.append("Transfer-Encoding: chunked")
        case .untilClose: break
        case .lines(let own): lines += own
        }
        if closes { lines.append("Connection: close") }
        lines.insert("HTTP/1.\(isOldVersion ? 0 : 1) \(status) \(reason)", at: 0)
        return .raw(lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// A chunked body that was cut has no last-chunk: that is how the receiver knows.
    private var framed: [Step] {
        guard framing == .chunked else { return body }
        let chunks = body.chunked(by: Self.chunkLength)
        return ending == nil ? chunks + [.raw("0\r\n\r\n")] : chunks
    }
}
