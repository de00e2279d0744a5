import Foundation
import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("The certificate of an origin", .serialized, .timeLimit(.minutes(5)))
struct OriginCertificateTests {
    private static let credentials = ["Authorization: Basic eDp5"]

    /// A stage whose cache trusts the tests' authority.
    private func run(
        _ certificate: TestCertificate, _ body: (Stage) async throws -> Void
    ) async throws {
        let file = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString).pem"
        try TestCertificate.authority.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await Stage.run(
            certificate: certificate, configure: { $0.originAuthorities = file }, body)
    }

    @Test("of an authority that was named: stored and passed through as without TLS")
    func trusted() async throws {
        try await run(.good) { stage in
            try await stage.expectRange(0..<1_000_000)
            try await stage.expectStored(0..<1_000_000)
            let (head, body) = try await stage.get("bytes=0-99", fields: Self.credentials)
            #expect(head.status == 206)
            stage.expect(body, are: 0..<100)
        }
    }

    @Test(
        "that is not trusted is told of after one try, stored or not, and asked again by the next",
        arguments: [TestCertificate.ofAnotherHost, .expired, .selfSigned])
    func notTrusted(certificate: TestCertificate) async throws {
        try await run(certificate) { stage in
            let requests = [
                ("GET", [], "uri-miss"), ("HEAD", [], "uri-miss"),
                ("GET", Self.credentials, "bypass"), ("HEAD", Self.credentials, "bypass"),
            ]
            for (method, fields, reason) in requests {
                let (head, _) = try await stage.get(method: method, fields: fields)
                #expect(head.status == 502)
                #expect(head["content-length"] == "0")
                #expect(
                    head["cache-status"] == "Platter; fwd=\(reason); detail=origin-certificate")
            }
            #expect(stage.origin.ledger.connectionsAccepted == requests.count)
            #expect(stage.origin.ledger.requests == 0)
            stage.origin.certificate = .good
            try await stage.expectRange(0..<100)
            #expect(stage.origin.ledger.requests == 1)
        }
    }

    @Test(
        "that is not trusted any more: what is on disk is served, and the rest when it is put right"
    )
    func expires() async throws {
        try await run(.good) { stage in
            try await stage.expectRange(0..<1_000_000)
            try await stage.expectStored(0..<1_000_000)
            stage.origin.certificate = .expired
            try await stage.origin.stopListening(closing: .reset)
            try await stage.origin.resumeListening()
            try await stage.until {
                let (head, _) = try await stage.get("bytes=3000000-3000099")
                #expect(head.status >= 500)
                return head["cache-status"]?.hasSuffix("detail=origin-certificate") == true
            }
            try await stage.expectStored(0..<1_000_000)
            stage.origin.certificate = .good
            try await stage.expectRange(3_000_000..<3_000_100)
        }
    }

    @Test("a file of authorities that cannot be used is refused before anything is made")
    func refused() async throws {
        let folder = NSTemporaryDirectory() + "platter-test-\(UUID().uuidString)"
        var configuration = PlatterConfiguration(directory: folder)
        configuration.originAuthorities = folder + ".pem"
        do {
            let platter = try await Platter.start(configuration)
            await platter.stop()
            Issue.record("it must not start")
        } catch let error as PlatterError {
            #expect(error.code == .invalidConfiguration)
            #expect(error.setting == .originAuthorities)
            #expect(error.message == "\(folder).pem: No such file or directory")
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
