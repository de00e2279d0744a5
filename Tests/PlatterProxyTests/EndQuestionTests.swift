import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache
@testable import PlatterProxy

@Suite("What an answer says of the end of an object")
struct EndQuestionTests {
    private static let fields: HTTPFields = [.eTag: "\"1\"", .contentType: "video/mp4"]

    /// An object of 1000 bytes is known, and the byte at 2000 was asked for.
    private func answer(
        _ status: Int, _ name: HTTPField.Name? = nil, _ value: String = ""
    ) -> EndQuestion.Answer {
        var fields = Self.fields
        if let name { fields[name] = value }
        return .init(
            Bypass.Answer(status: status, fields: fields), to: 2000,
            knowing: .init(
                validator: .from(fields: Self.fields, receivedAt: 0), completeLength: 1000,
                contentType: "video/mp4"), receivedAt: 0)
    }

    @Test("a refusal with the known length, or with none, is one of the known end")
    func stands() {
        #expect(answer(416, .contentRange, "bytes */1000") == .stands(status: 416))
        #expect(answer(416) == .stands(status: 416))
        #expect(answer(200, .contentLength, "1000") == .stands(status: 200))
    }

    @Test("a refusal with another length moves the end, unless it contradicts itself")
    func moved() {
        #expect(answer(416, .contentRange, "bytes */1500") == .endsAt(1500))
        #expect(answer(416, .contentRange, "bytes */2000") == .endsAt(2000))
        #expect(answer(416, .contentRange, "bytes */500") == .endsAt(500))
        #expect(answer(416, .contentRange, "bytes */3000") == .unclear)
    }

    @Test("a byte beyond the end, or another length, is of another version")
    func changed() {
        let byte = "bytes 2000-2000/3000"
        #expect(answer(206, .contentRange, byte) == .changed(.completeLength))
        #expect(answer(200, .contentLength, "3000") == .changed(.completeLength))
        #expect(answer(200, .eTag, "\"2\"") == .changed(.validator))
    }

    @Test("what is no answer about the object says nothing")
    func unclear() {
        #expect(answer(206, .contentRange, "bytes 2000-2000/*") == .unclear)
        #expect(answer(200, .contentType, "text/html") == .none(.originInvalid))
        #expect(answer(403) == .refused(status: 403))
    }
}
