import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache
@testable import PlatterProxy

@Suite("What a connection asks for again")
struct LastRouteTests {
    private let streams = StreamRegistry()
    private let routes: Routes
    private var last = LastRoute()

    init() throws {
        routes = Routes(
            origin: try OriginURL("http://origin.example/base"), named: [:], streams: streams)
    }

    @Test("is what was asked for then, and what else is asked for is not")
    mutating func again() {
        let targets = ["/a", "/a", "/b?c", "/a", "a", "a", "/a", "/%", "/a"]
        for target in targets {
            #expect(last.route(target, in: routes) == routes.route(target))
        }
        #expect(routes.route("/a") != routes.route("/b?c"))
    }

    @Test("is looked for anew where it may be gone by now")
    mutating func stream() throws {
        let url = try OriginURL("http://origin.example/film")
        let target = streams.register(url, fields: [:])
        #expect(last.route(target, in: routes) == .resource(Resource(url, fields: [:])))
        for number in 0..<StreamRegistry.limit {
            _ = streams.register(url, fields: [.cookie: "\(number)"])
        }
        #expect(last.route(target, in: routes) == .unknown)
    }
}
