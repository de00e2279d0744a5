import Platter
import Testing

@Suite("Settings")
struct ConfigurationTests {
    private func configuration(
        _ change: (inout PlatterConfiguration) -> Void
    ) -> PlatterConfiguration {
        var configuration = PlatterConfiguration(directory: "/cache")
        change(&configuration)
        return configuration
    }

    @Test(
        "of the two numbers of fetches one that is not set follows the other",
        arguments: [
            (nil, nil, 6, 3), (2, nil, 2, 2), (1, nil, 1, 1), (20, nil, 20, 3), (nil, 2, 6, 2),
            (nil, 8, 8, 8), (nil, 64, 64, 64), (4, 4, 4, 4),
        ] as [(Int?, Int?, Int, Int)])
    func fetches(total: Int?, perOrigin: Int?, wantedTotal: Int, wantedPerOrigin: Int) {
        let configuration = configuration {
            $0.fetches = total
            $0.fetchesPerOrigin = perOrigin
        }
        #expect(configuration.mostFetches.total == wantedTotal)
        #expect(configuration.mostFetches.perOrigin == wantedPerOrigin)
        #expect(configuration.flaws.isEmpty)
    }

    @Test(
        "two that contradict each other, and numbers beyond the limits, are told of once",
        arguments: [
            (2, 3, .fetchesPerOrigin), (0, nil, .fetches), (65, nil, .fetches),
            (nil, 65, .fetchesPerOrigin), (nil, 0, .fetchesPerOrigin), (0, 3, .fetches),
            (2, 65, .fetchesPerOrigin),
        ] as [(Int?, Int?, PlatterConfiguration.Setting)])
    func contradiction(total: Int?, perOrigin: Int?, setting: PlatterConfiguration.Setting) {
        let configuration = configuration {
            $0.fetches = total
            $0.fetchesPerOrigin = perOrigin
        }
        #expect(configuration.flaws.map(\.setting) == [setting])
    }

    @Test("a small cache has small chunks, unless their size is set")
    func chunks() {
        func length(_ mebibytes: Int64) -> Int64 {
            configuration { $0.maximumSize = mebibytes << 20 }.lengthOfChunks
        }
        #expect(length(64) == 2 << 20)
        #expect(length(200) == 6 << 20)
        #expect(length(319) == 8 << 20)
        #expect(length(320) == 10 << 20)
        #expect(length(10 << 10) == 10 << 20)
        let set = configuration {
            $0.maximumSize = 64 << 20
            $0.chunkLength = 64 << 10
        }
        #expect(set.lengthOfChunks == 64 << 10)
    }

    @Test("a flaw is told with the name under which a program sets it")
    func names() {
        let configuration = configuration {
            $0.maximumSize = 1
            $0.chunkLength = 100
            $0.bandwidth = 5
            $0.readAheadSeconds = .nan
            $0.trustedOrigins = ["x"]
        }
        let names = configuration.problems.map { $0.prefix { $0 != ":" } }
        #expect(
            names == [
                "maximumSize", "chunkLength", "readAheadSeconds", "bandwidth", "trustedOrigins x",
            ])
    }

    @Test(
        "an origin is a scheme, a host and a path, and what else is in it is named",
        arguments: [
            ("http://h/?x", "?"), ("http://h/#x", "#"), ("http://h#", "#"),
            ("http://u:p@h", "platter url --header"), ("ftp://h", "http://"),
        ])
    func originURL(text: String, remedy: String) throws {
        let flawed = configuration { $0.origin = text }
        #expect(flawed.flaws.map(\.setting) == [.origin])
        #expect(try #require(flawed.flaws.first).reason.contains(remedy))
    }

    @Test("a trusted origin that this server does not have is worth a warning, and no more")
    func strangers() {
        let known = configuration {
            $0.origin = "http://a.example/films"
            $0.namedOrigins = ["b": "http://b.example:80"]
            $0.trustedOrigins = ["http://a.example", "http://b.example/"]
        }
        #expect(known.warnings.isEmpty)
        for stranger in ["https://a.example", "http://a.example:8080", "http://c.example"] {
            let other = configuration {
                $0.origin = "http://a.example"
                $0.trustedOrigins = ["http://a.example", stranger]
            }
            #expect(other.warnings.count == 1)
            #expect(other.warnings.allSatisfy { $0.hasPrefix(stranger) })
            #expect(other.flaws.isEmpty)
        }
        let registeredOnly = configuration { $0.trustedOrigins = ["http://c.example"] }
        #expect(registeredOnly.warnings.isEmpty)
    }

    @Test(
        "an address that others may reach is worth a warning",
        arguments: [
            ("127.0.0.1", false), ("127.1.2.3", false), ("::1", false), ("localhost", false),
            ("0.0.0.0", true), ("::", true), ("192.168.1.2", true), ("nas.example", true),
            ("127.0.0.1.example", true), ("127.0.0.example", true),
        ])
    func openAddresses(host: String, isOpen: Bool) {
        let players = configuration { $0.host = host }
        #expect(players.warnings.count == (isOpen ? 1 : 0))
        let admin = configuration { $0.admin = .init(host: host, port: 7778) }
        #expect(admin.warnings.count == (isOpen ? 1 : 0))
        let inherited = configuration {
            $0.host = host
            $0.inheritedSocket = 3
        }
        #expect(inherited.warnings.isEmpty)
    }

    @Test("players and the admin interface need two addresses")
    func addresses() {
        let both = configuration {
            $0.port = 7777
            $0.admin = .init(host: "127.0.0.1", port: 7777)
        }
        #expect(both.flaws.map(\.setting) == [.admin])
        let free = configuration { $0.admin = .init(host: "127.0.0.1", port: 0) }
        #expect(free.flaws.isEmpty)
    }
}
