import Testing

@testable import PlatterTesting

@Suite("Targets that an origin signs")
struct SignedTargetsTests {
    @Test("each request to the path is led to a target of its own, which has its resource")
    func targets() {
        var signed = SignedTargets()
        signed.set(SigningRule(), at: "/a")
        for number in 1...2 {
            let answer = signed.answer(at: "/a", now: 0)
            #expect(answer?.status == 302)
            #expect(answer?.fields == [HeaderField("Location", "/signed/\(number)")])
            #expect(signed.origin(of: "/signed/\(number)") == "/a")
            #expect(signed.answer(at: "/signed/\(number)", now: .max) == nil)
        }
        #expect(signed.origin(of: "/signed/3") == "/signed/3")
        #expect(signed.answer(at: "/b", now: 0) == nil)
    }

    @Test("a target refuses when it was used so often")
    func uses() {
        var signed = SignedTargets()
        signed.set(SigningRule(uses: 2, refusal: 410), at: "/a")
        _ = signed.answer(at: "/a", now: 0)
        let answers = (0..<3).map { _ in signed.answer(at: "/signed/1", now: 0)?.status }
        #expect(answers == [nil, nil, 410])
    }

    @Test("a target refuses when its time is over")
    func time() {
        var signed = SignedTargets()
        signed.set(SigningRule(milliseconds: 100), at: "/a")
        _ = signed.answer(at: "/a", now: 50)
        #expect(signed.answer(at: "/signed/1", now: 149) == nil)
        #expect(signed.answer(at: "/signed/1", now: 150)?.status == 403)
    }

    @Test("a program in another process can have a path signed")
    func control() async throws {
        try await withScriptedOrigin(hasControl: true) { origin in
            origin.serve(.ramp(length: 10), at: "/a")
            let client = try await RawClient.connect(port: origin.port)
            var statuses: [Int] = []
            for target in ["/-/sign?path=/a&uses=1&code=404", "/a", "/signed/1", "/signed/1"] {
                try await client.request("GET", target)
                let head = try await client.head()
                statuses.append(head.status)
                _ = try await client.read(Int(head["content-length"] ?? "") ?? 0)
            }
            #expect(statuses == [200, 302, 200, 404])
            try await client.close()
        }
    }
}
