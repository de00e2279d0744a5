import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@Suite("Validators of responses")
struct ValidatorTests {
    private static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let modifiedAt: Int64 = 784_111_777

    private func validator(_ fields: HTTPFields, receivedAt: Int64 = 1_795_219_200) -> Validator {
        .from(fields: fields, receivedAt: receivedAt)
    }

    @Test("an entity tag is preferred to a date")
    func tagFirst() {
        #expect(
            validator([.eTag: "\"a\"", .lastModified: Self.modified]) == .strong(tag: "\"a\""))
    }

    @Test("a weak entity tag stands beside a date, which says whether both are strong")
    func tagAndDate() {
        let date = HTTPDate.format(Self.modifiedAt + 1)
        #expect(
            validator([.eTag: "W/\"a\"", .lastModified: Self.modified, .date: date])
                == .modifiedWithTag(at: Self.modifiedAt, tag: "\"a\""))
        #expect(
            validator([.eTag: "W/\"a\"", .lastModified: Self.modified, .date: Self.modified])
                == .weaklyModifiedWithTag(at: Self.modifiedAt, tag: "\"a\""))
        #expect(validator([.eTag: "W/\"a\"", .date: date]) == .weak(tag: "\"a\""))
        #expect(Validator.modifiedWithTag(at: 5, tag: "\"a\"").isStrong)
        #expect(!Validator.weaklyModifiedWithTag(at: 5, tag: "\"a\"").isStrong)
    }

    @Test("a date one second older than the response is strong")
    func strongDate() {
        #expect(
            validator([.lastModified: Self.modified, .date: "Sun, 06 Nov 1994 08:49:38 GMT"])
                == .modified(at: Self.modifiedAt))
    }

    @Test(
        "a date as old as the response or younger is weak",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT",
        ])
    func weakDate(_ date: String) {
        #expect(
            validator([.lastModified: Self.modified, .date: date])
                == .weaklyModified(at: Self.modifiedAt))
    }

    @Test("the time of receipt stands in for a missing or invalid Date, with a minute to spare")
    func noDate() {
        let fields: HTTPFields = [.lastModified: Self.modified]
        #expect(
            validator(fields, receivedAt: Self.modifiedAt + 60) == .modified(at: Self.modifiedAt))
        #expect(
            validator(fields, receivedAt: Self.modifiedAt + 59)
                == .weaklyModified(at: Self.modifiedAt))
        #expect(
            validator(
                [.lastModified: Self.modified, .date: "now"], receivedAt: Self.modifiedAt + 59)
                == .weaklyModified(at: Self.modifiedAt))
    }

    @Test(
        "a malformed entity tag counts as absent",
        arguments: ["abc", "\"a", "w/\"a\"", "", "\"\u{FFFD}\""])
    func malformedTag(_ tag: String) {
        #expect(validator([.eTag: tag]) == .absent)
        #expect(
            validator([.eTag: tag, .lastModified: Self.modified])
                == .modified(at: Self.modifiedAt))
    }

    @Test("two entity tags are none")
    func repeatedTag() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .eTag, value: "\"a\""))
        fields.append(HTTPField(name: .eTag, value: "\"b\""))
        #expect(validator(fields) == .absent)
    }

    @Test("tags whose bytes are not UTF-8 are not mistaken for each other")
    func notUTF8() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .eTag, value: [0x22, 0xFE, 0x22]))
        #expect(validator(fields) == .absent)
    }

    @Test("no validator field is absent")
    func absent() {
        #expect(validator([:]) == .absent)
        #expect(validator([.lastModified: "yesterday"]) == .absent)
    }

    @Test("the receipt at the end of time does not trap")
    func extremeReceipt() {
        let fields: HTTPFields = [.lastModified: Self.modified]
        #expect(validator(fields, receivedAt: .max) == .modified(at: Self.modifiedAt))
        #expect(validator(fields, receivedAt: .min) == .weaklyModified(at: Self.modifiedAt))
    }
}

@Suite("Comparing and storing validators")
struct ValidatorTextTests {
    private static let all: [Validator] = [
        .strong(tag: "\"a\""), .strong(tag: "\"b\""), .strong(tag: "\"absent\""),
        .weak(tag: "\"a\""), .weak(tag: "\"b\""), .modified(at: 0), .modified(at: 784_111_777),
        .modified(at: -62_135_596_800), .weaklyModified(at: 784_111_777),
        .weaklyModified(at: -1), .absent, .modifiedWithTag(at: 784_111_777, tag: "\"a\""),
        .modifiedWithTag(at: 784_111_777, tag: "\"b\""), .modifiedWithTag(at: 0, tag: "\"a\""),
        .weaklyModifiedWithTag(at: 784_111_777, tag: "\"a\""),
        .weaklyModifiedWithTag(at: -1, tag: "\"\""),
    ]

    @Test("only equal validators have the same version, strength of a date aside")
    func sameVersion() {
        for one in Self.all {
            for other in Self.all {
                #expect(
                    one.hasSameVersion(as: other) == (datesAside(one) == datesAside(other)),
                    "\(one) \(other)")
            }
        }
    }

    @Test("a date that has grown strong is still the same version")
    func grownStrong() {
        #expect(Validator.modified(at: 5).hasSameVersion(as: .weaklyModified(at: 5)))
        #expect(Validator.weaklyModified(at: 5).hasSameVersion(as: .modified(at: 5)))
        #expect(!Validator.weaklyModified(at: 5).hasSameVersion(as: .modified(at: 6)))
    }

    @Test("a tag that appears or disappears is another version")
    func presence() {
        #expect(!Validator.strong(tag: "\"a\"").hasSameVersion(as: .absent))
        #expect(!Validator.modified(at: 5).hasSameVersion(as: .strong(tag: "\"a\"")))
        #expect(!Validator.strong(tag: "\"a\"").hasSameVersion(as: .weak(tag: "\"a\"")))
    }

    @Test("every validator is read back from its text")
    func roundTrip() {
        for validator in Self.all {
            #expect(Validator(serialised: validator.serialised) == validator)
        }
    }

    @Test("no two validators have the same text")
    func distinctTexts() {
        #expect(Set(Self.all.map(\.serialised)).count == Self.all.count)
    }

    @Test(
        "text that was not written by us is refused",
        arguments: [
            "", " ", "abc", "\"a", " \"a\"", "\"a\" ", "w/\"a\"", "modified", "modified ",
            "modified x", "modified +1", "modified 01", "modified -0", "modified 1 2",
            "modified  1", "Modified 1", "weakly-modified", "modified 9223372036854775808",
            "modified 1 \"a\"", "modified 1 w/\"a\"", "modified W/\"a\"", "modified 01 W/\"a\"",
            "modified 1  W/\"a\"", "modified 1 W/\"a\" ", "weakly-modified 1 \"a\"",
            "absent ", " absent", "absent x", "Absent", "\"a\"\n",
        ])
    func refused(_ text: String) { #expect(Validator(serialised: text) == nil) }

    /// The whole truth of the exception: a weak date is read as a strong one.
    private func datesAside(_ validator: Validator) -> Validator {
        switch validator {
        case .weaklyModified(let at): .modified(at: at)
        case .weaklyModifiedWithTag(let at, let tag): .modifiedWithTag(at: at, tag: tag)
        case .strong, .weak, .modified, .modifiedWithTag, .absent: validator
        }
    }
}
