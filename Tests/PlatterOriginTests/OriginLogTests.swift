import Foundation
import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterHTTP
import PlatterTesting
import Testing

@testable import PlatterOrigin

@Suite("What is logged of origins", .timeLimit(.minutes(5)))
struct OriginLogTests {
    /// Longer than a label may be, so that nobody is asked for it.
    private static let nowhere = String(repeating: "a", count: 64) + ".invalid"

    private struct Bench {
        let origin: ScriptedOrigin
        let client: HTTPOrigin
        let now = NIOLockedValueBox<Int64>(1_795_219_200)
        private let recorder = LogRecorder()

        var log: [String] { recorder.lines }
        var place: String { "127.0.0.1:\(origin.port)" }

        init(_ origin: ScriptedOrigin, _ settings: HTTPOrigin.Settings) {
            self.origin = origin
            let clock: @Sendable () -> Int64 = { [now] in now.withLockedValue { $0 } }
            client = HTTPOrigin(
                group: MultiThreadedEventLoopGroup.singleton, settings: settings,
                log: OriginLog(log: recorder.logger, wallClock: clock), wallClock: clock)
        }

        func fetch(_ url: String? = nil) async -> OriginError? {
            do throws(OriginError) {
                let url = try? OriginURL(url ?? origin.url("/film.mp4?token=secret"))
                guard let url else { return nil }
                let response = try await client.fetch(
                    OriginRequest(
                        url: url, fields: [.authorization: "Basic secret"],
                        range: .from(0, upTo: 100)))
                var report = response.report
                do {
                    for try await _ in response.body {}
                    report.delivered()
                } catch {
                    report.brokeOff(error)
                }
                return nil
            } catch {
                return error
            }
        }

        static func run(
            _ certificate: TestCertificate? = nil, _ settings: HTTPOrigin.Settings = .init(),
            _ body: (Bench) async throws -> Void
        ) async throws {
            try await withScriptedOrigin(certificate: certificate) { origin in
                origin.serve(.ramp(length: 1000), at: "/film.mp4")
                let bench = Bench(origin, settings)
                do {
                    try await body(bench)
                    await bench.client.shutdown()
                } catch {
                    await bench.client.shutdown()
                    throw error
                }
            }
        }
    }

    @Test("one that refuses connections is told of once, and once that it answers again")
    func refused() async throws {
        try await Bench.run { bench in
            try await bench.origin.stopListening(closing: .reset)
            for _ in 0..<10 { #expect(await bench.fetch() == .unreachable) }
            let failed =
                "warning: An origin fails origin=\(bench.place) reason=Connection refused"
            #expect(bench.log == [failed])
            try await bench.origin.resumeListening()
            for _ in 0..<10 { #expect(await bench.fetch() == nil) }
            #expect(
                bench.log == [failed, "notice: An origin answers again origin=\(bench.place)"])
        }
    }

    @Test("one that hangs up, one that answers with a fault, and one without an address")
    func reasons() async throws {
        try await Bench.run { bench in
            bench.origin.behave(.status(503))
            #expect(await bench.fetch() == nil)
            bench.origin.clearBehaviours()
            #expect(await bench.fetch() == nil)
            bench.now.withLockedValue { $0 += 100 }
            bench.origin.behave(.hangsUp(.finish))
            #expect(await bench.fetch() == .unreachable)
            #expect(await bench.fetch("http://\(Self.nowhere)/film?token=secret") == .unreachable)
            #expect(
                bench.log == [
                    "warning: An origin fails origin=\(bench.place) reason=it answers 503",
                    "notice: An origin answers again origin=\(bench.place)",
                    "warning: An origin fails origin=\(bench.place) "
                        + "reason=it closes the connection without an answer",
                    "warning: An origin fails origin=\(Self.nowhere):80 "
                        + "reason=its name has no address",
                ])
        }
    }

    @Test("one that does not speak TLS says why, without what was asked")
    func noTLS() async throws {
        try await Bench.run { bench in
            #expect(
                await bench.fetch("https://\(bench.place)/film?token=secret") == .unreachable)
            #expect(bench.log.count == 1)
            #expect(bench.log.allSatisfy { $0.hasPrefix("warning: An origin fails origin=") })
            #expect(!bench.log.joined().contains("secret"))
        }
    }

    @Test(
        "one whose certificate is not trusted: what is wrong and what to do, and nothing is asked",
        arguments: [
            (.ofAnotherHost, "its certificate is for another host name"),
            (.expired, "it has expired, or its authority is not known here; renew it"),
            (.selfSigned, "name the authority (--origin-ca)"),
        ] as [(TestCertificate, String)])
    func badCertificate(certificate: TestCertificate, reason: String) async throws {
        let settings = try Self.trusting(TestCertificate.authority)
        try await Bench.run(certificate, settings) { bench in
            for _ in 0..<3 { #expect(await bench.fetch() == .badCertificate) }
            #expect(bench.log.count == 1)
            #expect(bench.log.first?.contains("origin=\(bench.place) reason=its certif") == true)
            #expect(bench.log.first?.contains(reason) == true)
            #expect(bench.origin.ledger.requests == 0)
            bench.origin.certificate = .good
            #expect(await bench.fetch() == nil)
            #expect(bench.log.last == "notice: An origin answers again origin=\(bench.place)")
        }
    }

    @Test(
        "a certificate is told of also of one that failed otherwise before, and that it answers once"
    )
    func badCertificateAfterwards() async throws {
        try await Bench.run(.good) { bench in
            try await bench.origin.stopListening(closing: .reset)
            #expect(await bench.fetch() == .unreachable)
            try await bench.origin.resumeListening()
            for _ in 0..<3 { #expect(await bench.fetch() == .badCertificate) }
            #expect(bench.log.count == 2)
            #expect(bench.log.first?.hasSuffix("reason=Connection refused") == true)
            #expect(bench.log.last?.contains("its certificate is not trusted") == true)
        }
        try await Bench.run(.expired, Self.trusting(TestCertificate.authority)) { bench in
            try await bench.origin.stopListening(closing: .reset)
            #expect(await bench.fetch() == .unreachable)
            try await bench.origin.resumeListening()
            #expect(await bench.fetch() == .badCertificate)
            bench.origin.certificate = .good
            for _ in 0..<3 { #expect(await bench.fetch() == nil) }
            #expect(bench.log.count == 3)
        }
    }

    @Test(
        "authorities that are named are trusted, and so is a certificate that was signed by itself",
        arguments: [
            (.good, TestCertificate.authority), (.selfSigned, TestCertificate.selfSigned.pem),
            (.good, TestCertificate.selfSigned.pem + "\n" + TestCertificate.authority),
        ] as [(TestCertificate, String)])
    func authorities(certificate: TestCertificate, trusted: String) async throws {
        try await Bench.run(certificate, Self.trusting(trusted)) { bench in
            #expect(await bench.fetch() == nil)
            #expect(bench.log == [])
        }
        try await Bench.run(certificate) { bench in
            #expect(await bench.fetch() == .badCertificate)
        }
    }

    private static func trusting(_ pem: String) throws -> HTTPOrigin.Settings {
        let file = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString).pem"
        try pem.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        var settings = HTTPOrigin.Settings()
        settings.authorities = try CertificateAuthorities(file: file)
        return settings
    }

    @Test(
        "a file of authorities that holds none is refused",
        arguments: ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    func noAuthorities(pem: String) {
        #expect(throws: CertificateAuthorities.Flaw.self) { try Self.trusting(pem) }
        #expect(throws: CertificateAuthorities.Flaw.self) {
            try Self.trusting(TestCertificate.authority + "\n-----BEGIN CERTIFICATE-----\nAAAA\n")
        }
    }

    @Test("so is one that is missing")
    func missingAuthorities() {
        let missing = CertificateAuthorities.Flaw(
            description: "/nowhere/ca.pem: No such file or directory")
        #expect(throws: missing) { try CertificateAuthorities(file: "/nowhere/ca.pem") }
    }

    @Test("one that is given up is told of, unless it had no time", arguments: [4, 5])
    func givenUp(seconds: Int64) async throws {
        try await Bench.run { bench in
            bench.origin.behave(.head(.delayed(nil)))
            let fetch = Task { await bench.fetch() }
            _ = try await bench.origin.wait { $0.requests == 1 }
            bench.now.withLockedValue { $0 += seconds }
            fetch.cancel()
            #expect(await fetch.value == .cancelled)
            let line = "warning: An origin fails origin=\(bench.place) reason=no answer in time"
            #expect(bench.log == (seconds < 5 ? [] : [line]))
        }
    }

    #if os(Linux)
        @Test(
            "one that takes no connection, or says nothing to TLS, is given up when the time for that is over",
            arguments: [
                ("http://127.0.0.1", false), ("http://localhost", false),
                ("https://127.0.0.1", true),
            ])
        func noConnection(base: String, hasRoom: Bool) async throws {
            let queue = try FullQueue(hasRoom: hasRoom)
            // Nothing else has a time limit.
            var settings = HTTPOrigin.Settings()
            settings.connectTimeout = .milliseconds(100)
            settings.stallTimeout = nil
            try await Bench.run(nil, settings) { bench in
                let host = base.split(separator: "/").last.map(String.init) ?? ""
                let place = "\(host):\(queue.port)"
                #expect(await bench.fetch("\(base):\(queue.port)/film") == .timedOut)
                #expect(
                    bench.log == [
                        "warning: An origin fails origin=\(place) reason=no connection in time"
                    ])
            }
            withExtendedLifetime(queue) {}
        }
    #endif

    @Test(
        "one whose bodies break off is told of once, and not by their heads that it answers again")
    func breaksOff() async throws {
        try await Bench.run { bench in
            bench.origin.behave(.body(.truncated(after: 10)))
            for _ in 0..<10 { #expect(await bench.fetch() == nil) }
            let failed =
                "warning: An origin fails origin=\(bench.place) reason=its answers break off"
            #expect(bench.log.count == 1)
            #expect(bench.log.first?.hasPrefix(failed) == true)
            bench.origin.clearBehaviours()
            for _ in 0..<3 { #expect(await bench.fetch() == nil) }
            #expect(bench.log.count == 2)
            #expect(bench.log.last == "notice: An origin answers again origin=\(bench.place)")
        }
    }

    @Test(
        "one that redirects to nowhere is told of once, and not by its redirects that it answers again",
        arguments: [
            ("/film.mp4?token=secret", "it redirects in a circle"),
            ("ftp://a.example/", "it redirects to nowhere, or to what is no https any more"),
        ])
    func misleads(location: String, reason: String) async throws {
        try await Bench.run { bench in
            bench.origin.behave(.redirects(to: location))
            for _ in 0..<10 { #expect(await bench.fetch() == .badRedirect) }
            let failed = "warning: An origin fails origin=\(bench.place) reason=\(reason)"
            #expect(bench.log == [failed])
            bench.origin.clearBehaviours()
            #expect(await bench.fetch() == nil)
            #expect(
                bench.log == [failed, "notice: An origin answers again origin=\(bench.place)"])
        }
    }

    @Test("one that redirects to itself and fails there is not told of as answering again")
    func misdirected() async throws {
        try await Bench.run { bench in
            bench.origin.behave(.redirects(to: bench.origin.url("/other")), at: "/film.mp4")
            bench.origin.behave(.status(503), at: "/other")
            #expect(await bench.fetch(bench.origin.url("/film.mp4")) == nil)
            #expect(
                bench.log == [
                    "warning: An origin fails origin=\(bench.place) reason=it answers 503"
                ])
        }
    }

    @Test("where a redirect leads, that host is told of which fails")
    func redirected() async throws {
        try await Bench.run { bench in
            bench.origin.behave(.redirects(to: "http://\(Self.nowhere)/film"))
            #expect(await bench.fetch() == .unreachable)
            #expect(
                bench.log == [
                    "warning: An origin fails origin=\(Self.nowhere):80 "
                        + "reason=its name has no address"
                ])
        }
    }
}
