import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Redirects to targets that stop working", .serialized, .timeLimit(.minutes(5)))
struct RedirectTests {
    /// How often the film was asked for itself, instead of a target.
    private func resolutions(_ stage: Stage) -> Int {
        stage.origin.ledger.paths[Stage.path]?.requests ?? 0
    }

    @Test("all pieces of a film go to the target that the first was led to")
    func once() async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule())
            stage.origin.behave(.capsRange(300_000))
            stage.expect(try await stage.get().body, are: 0..<5_000_000)
            #expect(stage.origin.ledger.requests > 10)
            #expect(resolutions(stage) == 1)
        }
    }

    static let refusals: [CannedAnswer] =
        [400, 401, 403, 404, 410, 416].map { CannedAnswer(status: $0, body: "Request has expired") }
        + [
            CannedAnswer(status: 200, contentType: "text/html", body: "<p>Please sign in.</p>"),
            CannedAnswer(status: 302, fields: [HeaderField("Location", "/login")]),
        ]

    @Test("a target that expires every few requests is never noticed", arguments: refusals)
    func expiring(refusal: CannedAnswer) async throws {
        try await Stage.run { stage in
            var rule = SigningRule(uses: 3)
            rule.refusal = refusal
            stage.origin.sign(Stage.path, with: rule)
            stage.origin.behave(.capsRange(200_000))
            let (head, body) = try await stage.get()
            #expect(head.status == 200)
            stage.expect(body, are: 0..<5_000_000)
            let served = stage.origin.ledger.log.filter { $0.status == 206 }.count
            #expect(served >= 25)
            // One for every three pieces; two pieces may be refused at once.
            #expect(resolutions(stage) <= served / 3 + 3)
            #expect(resolutions(stage) >= served / 3)
        }
    }

    static let placeholders: [CannedAnswer] = [
        CannedAnswer(
            status: 200, fields: [HeaderField("ETag", "\"expired\"")], contentType: "video/mp4",
            body: "expired"),
        CannedAnswer(status: 200, body: "expired"),
        CannedAnswer(
            status: 206, fields: [HeaderField("Content-Range", "bytes 0-6/7")],
            contentType: "video/mp4", body: "expired"),
    ]

    @Test(
        "a target that has expired and sends something else is no new version",
        arguments: placeholders)
    func placeholder(answer: CannedAnswer) async throws {
        try await Stage.run { stage in
            var rule = SigningRule(uses: 1)
            rule.refusal = answer
            stage.origin.sign(Stage.path, with: rule)
            for start in [0, 4_000_000, 2_000_000] as [Int64] {
                let (head, body) = try await stage.get("bytes=\(start)-\(start + 99_999)")
                #expect(head.status == 206)
                stage.expect(body, are: start..<(start + 100_000))
            }
            #expect(resolutions(stage) <= 4)
            stage.origin.resetLedger()
            stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000)
            #expect(stage.origin.ledger.requests == 0)
        }
    }

    @Test("a seek after the target has expired gets its bytes, cold and with the head")
    func seek() async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule(uses: 1))
            for start in [0, 4_000_000, 2_000_000] as [Int64] {
                let (head, body) = try await stage.get("bytes=\(start)-\(start + 99_999)")
                #expect(head.status == 206)
                stage.expect(body, are: start..<(start + 100_000))
            }
            #expect(resolutions(stage) <= 4)
        }
    }

    @Test(
        "an object that is really refused is refused, at the start and later",
        arguments: [403, 404])
    func forbidden(status: Int) async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule(uses: 0, refusal: status))
            #expect(try await stage.get("bytes=0-99").head.status == status)
            #expect(stage.origin.ledger.requests == 2)
            stage.origin.sign(Stage.path, with: SigningRule(uses: 1))
            #expect(try await stage.get("bytes=0-99").head.status == 206)
            stage.origin.sign(Stage.path, with: SigningRule(uses: 0, refusal: status))
            let (head, body) = try await stage.get("bytes=3000000-3000099")
            #expect(head.status == status)
            #expect(body.isEmpty)
        }
    }

    @Test("a target that has gone away is replaced by what the film says now")
    func away() async throws {
        try await withScriptedOrigin(host: "127.0.0.2") { mirror in
            mirror.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: "/mirrored.mp4")
            try await Stage.run { stage in
                stage.origin.behave(.redirects(to: mirror.url("/mirrored.mp4")), at: Stage.path)
                stage.expect(try await stage.get("bytes=0-99999").body, are: 0..<100_000)
                try await mirror.stopListening(closing: .reset)
                stage.origin.clearBehaviours()
                stage.origin.sign(Stage.path, with: SigningRule())
                let (head, body) = try await stage.get("bytes=1000000-")
                #expect(head.status == 206)
                stage.expect(body, are: 1_000_000..<5_000_000)
                try await mirror.resumeListening()
            }
        }
    }

    @Test("a target that does not answer any more is not asked by the next try")
    func hanging() async throws {
        try await withScriptedOrigin(host: "127.0.0.2") { mirror in
            mirror.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: "/mirrored.mp4")
            try await Stage.run { stage in
                stage.origin.behave(.redirects(to: mirror.url("/mirrored.mp4")), at: Stage.path)
                try await stage.expectRange(0..<100_000)
                mirror.behave(.head(.delayed(nil)))
                stage.origin.clearBehaviours()
                stage.origin.sign(Stage.path, with: SigningRule())
                try await stage.expectRange(1_000_000..<2_000_000)
                #expect(resolutions(stage) == 2)
            }
        }
    }

    @Test(
        "a redirect whose body does not come, or only drips, is followed all the same",
        arguments: [BodyVice.stalled(after: 1, nil), .drip(1)])
    func stalled(vice: BodyVice) async throws {
        try await Stage.run { stage in
            let moved = CannedAnswer(
                status: 302, fields: [HeaderField("Location", "/there.mp4")],
                body: "It is over there, as everybody knows.")
            stage.origin.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: "/there.mp4")
            stage.origin.behave(.answers(moved), at: Stage.path)
            stage.origin.behave(.body(vice), at: Stage.path)
            try await stage.expectRange(1_000_000..<2_000_000)
        }
    }

    @Test("readers at several places ask the film once")
    func together() async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule())
            _ = try await stage.get("bytes=0-99")
            try await withThrowingTaskGroup(of: (Int64, [UInt8]).self) { group in
                for start in [1_000_000, 2_000_000, 3_000_000, 4_000_000] as [Int64] {
                    group.addTask {
                        (start, try await stage.get("bytes=\(start)-\(start + 999_999)").body)
                    }
                }
                for try await (start, body) in group {
                    stage.expect(body, are: start..<(start + 1_000_000))
                }
            }
            #expect(resolutions(stage) == 1)
        }
    }

    @Test("what is passed by is led to the same target each time too")
    func passed() async throws {
        try await Stage.run { stage in
            stage.origin.sign(Stage.path, with: SigningRule(uses: 4))
            stage.origin.behave(.validator(.none))
            for _ in 0..<6 {
                let (head, body) = try await stage.get("bytes=1000-1999")
                #expect(head.status == 206)
                stage.expect(body, are: 1000..<2000)
            }
            // The first by the way of fetches, the others past the store.
            #expect(resolutions(stage) == 3)
        }
    }

    @Test("credentials stay with the origin they were given for, at the first hop and later ones")
    func credentials() async throws {
        try await withScriptedOrigin { mirror in
            mirror.serve(.ramp(length: Stage.length, entityTag: "\"v1\""), at: "/mirrored.mp4")
            try await Stage.run { stage in
                stage.origin.behave(.redirects(to: mirror.url("/mirrored.mp4")), at: Stage.path)
                let secrets = [
                    "Authorization", "Cookie", "X-Plex-Token", "X-Emby-Token",
                    "X-MediaBrowser-Token",
                ]
                let local = try stage.platter.localURL(
                    for: stage.origin.url(Stage.path),
                    headers: secrets.map { ($0, "canary") } + [("User-Agent", "Player/1")])
                let path = String(local.dropFirst(stage.platter.baseURL.count))
                for start in [0, 4_000_000] as [Int64] {
                    let range = "bytes=\(start)-\(start + 99)"
                    stage.expect(
                        try await stage.get(range, path: path).body, are: start..<(start + 100))
                }
                let first = try #require(stage.origin.ledger.log.first)
                #expect(secrets.allSatisfy { name in first.fields.contains { $0.isNamed(name) } })
                #expect(mirror.ledger.requests >= 2)
                for record in mirror.ledger.log {
                    #expect(!record.fields.contains { $0.value.contains("canary") })
                    #expect(record.range?.hasPrefix("bytes=") == true)
                    let sent = record.fields.map { "\($0.name.lowercased()): \($0.value)" }
                    #expect(sent.contains("accept-encoding: identity"))
                    #expect(sent.contains("user-agent: Player/1"))
                }
            }
        }
    }

    @Test("no redirect of the origin reaches a player", arguments: [301, 302, 303, 307, 308])
    func hidden(status: Int) async throws {
        try await Stage.run { stage in
            var rule = SigningRule()
            rule.status = status
            stage.origin.sign(Stage.path, with: rule)
            for range in [nil, "bytes=0-9", "bytes=-10", "bytes=3000000-"] as [String?] {
                let (head, _) = try await stage.get(range)
                #expect(head.status == (range == nil ? 200 : 206))
                #expect(head["location"] == nil)
            }
            #expect(try await stage.get(method: "HEAD").head.status == 200)
        }
    }

    @Test(
        "nor does one that leads nowhere", arguments: ["", "/film.mp4", "ftp://a.example/", "//"])
    func nowhere(location: String) async throws {
        try await Stage.run { stage in
            stage.origin.behave(.redirects(to: location))
            for _ in 0..<2 {
                let (head, body) = try await stage.get("bytes=0-9")
                #expect(head.status == 502)
                #expect(head["location"] == nil)
                #expect(body.isEmpty)
            }
            stage.origin.clearBehaviours()
            try await stage.expectRange(0..<1000)
        }
    }
}
