import PlatterCore
import PlatterTesting

/// The object that the plans are about.
enum Film {
    static let ramp = RampContent(length: 1000)
    static let resource = Resource.ramp(length: 1000)
    /// Its Last-Modified.
    static let date = "Tue, 14 Nov 2023 22:13:20 GMT"

    static func request(
        _ method: String = "GET", _ fields: (String, String)...
    ) -> OriginRequest {
        OriginRequest(method: method, target: "/a", fields: fields.map { HeaderField($0.0, $0.1) })
    }
}

extension ResponsePlan {
    /// The head as text.
    var head: String {
        for case .framing(let bytes) in steps { return String(decoding: bytes, as: UTF8.self) }
        return ""
    }
}
