import PlatterCore
import Testing

@testable import PlatterCache

@Suite("How far a response goes past the store")
struct DetourTests {
    private static let mib: Int64 = 1 << 20
    private let rest: ByteRange = 5..<(8 << 30)
    private var detour = Detour()

    @Test("up to the next byte that the store has, however far that is")
    mutating func gap() {
        #expect(detour.stretch(of: rest) { _ in 3 << 30 } == 5..<(3 << 30))
    }

    @Test("at least a MiB, also when the next byte is there")
    mutating func least() {
        #expect(detour.stretch(of: rest) { $0 } == 5..<(5 + Self.mib))
    }

    @Test("what is looked for begins after the least, and never ends after the rest")
    mutating func asked() {
        var asked: Int64?
        let stretch = detour.stretch(of: rest) { position in
            asked = position
            return .max
        }
        #expect(asked == 5 + Self.mib)
        #expect(stretch == rest)
    }

    @Test("a rest that is shorter than the least is passed whole, and nothing is looked for")
    mutating func short() {
        let stretch = detour.stretch(of: 7..<1000) { _ in
            Issue.record("looked for")
            return 0
        }
        #expect(stretch == 7..<1000)
        #expect(detour.stretch(of: 7..<7) { $0 } == 7..<7)
    }

    @Test("twice as far each time, until the store gives bytes again")
    mutating func doubling() {
        var position: Int64 = 0
        for number in 0..<13 {
            let stretch = detour.stretch(of: position..<(8 << 30)) { $0 }
            #expect(stretch.length == Self.mib << number)
            position = stretch.upperBound
        }
        detour.storeAnswered()
        #expect(detour.stretch(of: 0..<(8 << 30)) { $0 }.length == Self.mib)
    }

    @Test("without end it gets to the end of any response")
    mutating func end() {
        var position: Int64 = 0
        var stretches = 0
        while position < Int64.max {
            position = detour.stretch(of: position..<Int64.max) { $0 }.upperBound
            stretches += 1
        }
        #expect(stretches == 44)
    }
}
