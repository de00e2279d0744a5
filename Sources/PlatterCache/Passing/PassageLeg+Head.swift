import HTTPTypes
import PlatterHTTP
import PlatterOrigin

/// The head of the whole for who wants no more. HEAD is never sent: many origins refuse it, or answer something
/// else than to GET. One byte says as much where the origin has ranges.
extension PassageLeg {
    func fetchHead(of resource: Resource) async throws(OriginError) -> OriginResponse {
        let byte = AskedRange.from(0, upTo: 1)
        let response = try await fetch(
            resource, byte, FetchExpectation(asked: byte, identity: nil))
        switch response.status {
        case 206: if let head = response.headOfWhole { return head }
        // There may be no first byte, or no liking for ranges at all.
        case 400, 405, 406, 416, 501: break
        default: return response
        }
        return try await fetch(
            resource, nil, FetchExpectation(asked: .from(0, upTo: nil), identity: nil))
    }
}

extension OriginResponse {
    /// What the answer would be to a request for the whole; nil: it does not say how long that is.
    fileprivate var headOfWhole: OriginResponse? {
        guard case .range(_, let length?)? = fields[.contentRange].flatMap(ContentRange.parse)
        else { return nil }
        var head = self
        head.status = 200
        head.fields[.contentRange] = nil
        head.fields[.contentLength] = "\(length)"
        // Of the one byte.
        for name in ["Content-Digest", "Content-MD5"].compactMap({ HTTPField.Name($0) }) {
            head.fields[name] = nil
        }
        return head
    }
}
