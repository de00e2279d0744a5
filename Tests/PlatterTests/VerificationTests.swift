import Testing

@testable import PlatterAdmin

@Suite("What verify says at its end")
struct VerificationTests {
    private typealias Report = AdminMessages.VerificationReport

    private static let lost = Report.File(id: 1, url: "http://origin/a", reason: "it is missing")
    private static let shut = Report.File(id: 2, url: "http://origin/b", reason: "not for us")
    private static let hint = "`platter verify --repair` forgets it."
    private static let forgotten = "was forgotten"

    private func conclusion(
        lost: [Report.File] = [], unopened: [Report.File] = [], isRepaired: Bool
    ) -> String {
        Report(
            entries: 2, runs: 1, bytes: 1, damaged: [], withoutFile: lost, unopened: unopened,
            indexFaults: [], isRepaired: isRepaired
        ).conclusion
    }

    @Test("all is right where nothing was found", arguments: [false, true])
    func clean(isRepaired: Bool) {
        #expect(conclusion(isRepaired: isRepaired) == "All is right.")
    }

    @Test("what can be forgotten is, and that is said")
    func forgotten() {
        let found = conclusion(lost: [Self.lost], isRepaired: false)
        #expect(found.contains(Self.hint))
        let done = conclusion(lost: [Self.lost], isRepaired: true)
        #expect(done.contains(Self.forgotten))
        #expect(!done.contains("stays as it is"))
    }

    @Test(
        "what cannot be opened is not said to be forgotten, nor that it will be",
        arguments: [false, true])
    func unopened(isRepaired: Bool) {
        let text = conclusion(unopened: [Self.shut], isRepaired: isRepaired)
        #expect(text.contains("stays as it is"))
        #expect(!text.contains(Self.hint))
        #expect(!text.contains(Self.forgotten))
    }

    @Test("of both each is said")
    func both() {
        let text = conclusion(lost: [Self.lost], unopened: [Self.shut], isRepaired: true)
        #expect(text.contains(Self.forgotten))
        #expect(text.contains("stays as it is"))
    }
}
