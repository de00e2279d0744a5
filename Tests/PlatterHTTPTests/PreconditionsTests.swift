import HTTPTypes
import PlatterHTTP
import Testing

private let current = RepresentationMetadata(
    etag: EntityTag.parse("\"current\""), lastModified: 784_111_777, lastModifiedIsStrong: true)
private let now: Int64 = 1_795_219_200
private let modified = "Sun, 06 Nov 1994 08:49:37 GMT"
private let earlier = "Sun, 06 Nov 1994 08:49:36 GMT"
private let later = "Sun, 06 Nov 1994 08:49:38 GMT"

private func outcome(
    _ fields: HTTPFields, method: HTTPRequest.Method = .get,
    of metadata: RepresentationMetadata = current
) -> PreconditionOutcome {
    Preconditions.evaluate(method: method, fields: fields, current: metadata, now: now)
}

@Suite("All combinations of the five conditional fields")
struct PreconditionTruthTableTests {
    /// A conditional field that is not there, or whose condition holds or not.
    enum Condition: CaseIterable {
        case absent
        case holds
        case fails
    }

    struct Row {
        var ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince, ifRange: Condition
    }

    static var rows: [Row] {
        let all = Condition.allCases
        return all.flatMap { a in
            all.flatMap { b in
                all.flatMap { c in
                    all.flatMap { d in
                        all.map {
                            Row(
                                ifMatch: a, ifUnmodifiedSince: b, ifNoneMatch: c,
                                ifModifiedSince: d, ifRange: $0)
                        }
                    }
                }
            }
        }
    }

    @Test("a GET with Range follows the steps of RFC 9110 section 13.2.2 in all 243 rows")
    func getWithRange() {
        #expect(Self.rows.count == 243)
        for row in Self.rows {
            var fields = fields(row)
            fields[.range] = "bytes=0-1"
            #expect(outcome(fields) == expected(row, isGet: true, hasRange: true), "\(row)")
        }
    }

    @Test("without Range, If-Range means nothing in all 243 rows")
    func getWithoutRange() {
        for row in Self.rows {
            #expect(
                outcome(fields(row)) == expected(row, isGet: true, hasRange: false), "\(row)")
        }
    }

    @Test("a HEAD has the same outcome but never a range in all 243 rows")
    func head() {
        for row in Self.rows {
            var fields = fields(row)
            fields[.range] = "bytes=0-1"
            #expect(
                outcome(fields, method: .head) == expected(row, isGet: false, hasRange: true),
                "\(row)")
        }
    }

    private func fields(_ row: Row) -> HTTPFields {
        var fields = HTTPFields()
        func set(_ name: HTTPField.Name, _ condition: Condition, _ holds: String, _ fails: String) {
            switch condition {
            case .absent: break
            case .holds: fields[name] = holds
            case .fails: fields[name] = fails
            }
        }
        set(.ifMatch, row.ifMatch, "\"current\"", "\"other\"")
        set(.ifUnmodifiedSince, row.ifUnmodifiedSince, modified, earlier)
        set(.ifNoneMatch, row.ifNoneMatch, "\"other\"", "\"current\"")
        set(.ifModifiedSince, row.ifModifiedSince, earlier, modified)
        set(.ifRange, row.ifRange, "\"current\"", "\"other\"")
        return fields
    }

    /// The numbered steps of RFC 9110 section 13.2.2, walked one by one.
    private func expected(_ row: Row, isGet: Bool, hasRange: Bool) -> PreconditionOutcome {
        var step = row.ifMatch != .absent ? 1 : 2
        while true {
            switch step {
            case 1:
                if row.ifMatch == .fails { return .failed }
                step = 3
            case 2:
                if row.ifUnmodifiedSince == .fails { return .failed }
                step = 3
            case 3:
                if row.ifNoneMatch == .fails { return .notModified }
                step = row.ifNoneMatch == .absent ? 4 : 5
            case 4:
                if row.ifModifiedSince == .fails { return .notModified }
                step = 5
            default:
                let ignoresRange = hasRange && row.ifRange == .fails
                return .proceed(honourRange: isGet && !ignoresRange)
            }
        }
    }
}

@Suite("Single conditional fields")
struct PreconditionFieldTests {
    private let weak = RepresentationMetadata(
        etag: EntityTag.parse("W/\"current\""), lastModified: 784_111_777,
        lastModifiedIsStrong: false)
    private let bare = RepresentationMetadata(
        etag: nil, lastModified: nil, lastModifiedIsStrong: false)
    private let proceeds = PreconditionOutcome.proceed(honourRange: true)

    @Test("If-Match holds for a weak tag whose mark the player stripped")
    func strippedMark() { #expect(outcome([.ifMatch: "\"current\""], of: weak) == proceeds) }

    @Test("If-Match holds for one of several tags on several lines")
    func ifMatchLines() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .ifMatch, value: "\"a\", \"b\""))
        fields.append(HTTPField(name: .ifMatch, value: "\"current\""))
        #expect(outcome(fields) == proceeds)
    }

    @Test("If-Match with a star holds for a representation without a tag")
    func ifMatchStar() { #expect(outcome([.ifMatch: "*"], of: bare) == proceeds) }

    @Test("If-Match with a tag fails when there is none to compare")
    func ifMatchWithoutTag() { #expect(outcome([.ifMatch: "\"a\""], of: bare) == .failed) }

    @Test("If-Match that cannot be read matches nothing", arguments: ["", "current", "\"current"])
    func ifMatchMalformed(_ value: String) { #expect(outcome([.ifMatch: value]) == .failed) }

    @Test("If-None-Match compares weakly")
    func ifNoneMatchWeak() {
        #expect(outcome([.ifNoneMatch: "W/\"current\""]) == .notModified)
        #expect(outcome([.ifNoneMatch: "\"current\""], of: weak) == .notModified)
    }

    @Test("If-None-Match finds its tag in a list over several lines")
    func ifNoneMatchLines() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .ifNoneMatch, value: "\"a\",, \"b,c\""))
        fields.append(HTTPField(name: .ifNoneMatch, value: "W/\"current\""))
        #expect(outcome(fields) == .notModified)
    }

    @Test("If-None-Match with a star is a 304 for any representation")
    func ifNoneMatchStar() { #expect(outcome([.ifNoneMatch: "*"], of: bare) == .notModified) }

    @Test("If-None-Match that cannot be read still hides If-Modified-Since")
    func ifNoneMatchMalformed() {
        #expect(outcome([.ifNoneMatch: "current", .ifModifiedSince: later]) == proceeds)
    }

    @Test("a date later than the modification is a 304, and no failure")
    func laterDates() {
        #expect(outcome([.ifModifiedSince: later]) == .notModified)
        #expect(outcome([.ifUnmodifiedSince: later]) == proceeds)
    }

    @Test(
        "a date that cannot be read is ignored",
        arguments: ["", "0", "yesterday", "Sun, 06 Nov 1994 08:49:38 UTC"])
    func invalidDates(_ date: String) {
        #expect(outcome([.ifModifiedSince: date]) == proceeds)
        #expect(outcome([.ifUnmodifiedSince: date]) == proceeds)
    }

    @Test("two lines of a date are ignored")
    func repeatedDate() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .ifModifiedSince, value: later))
        fields.append(HTTPField(name: .ifModifiedSince, value: later))
        #expect(outcome(fields) == proceeds)
    }

    @Test("a date is ignored when the modification is unknown")
    func unknownModification() {
        #expect(outcome([.ifModifiedSince: later], of: bare) == proceeds)
        #expect(outcome([.ifUnmodifiedSince: earlier], of: bare) == proceeds)
    }

    @Test(
        "If-Range with a tag holds only between strong tags",
        arguments: [
            ("\"current\"", "\"current\"", true), ("W/\"current\"", "\"current\"", false),
            ("\"current\"", "W/\"current\"", false), ("W/\"current\"", "W/\"current\"", false),
            ("\"other\"", "\"current\"", false),
        ])
    func ifRangeTag(_ condition: String, _ etag: String, _ holds: Bool) {
        let metadata = RepresentationMetadata(
            etag: EntityTag.parse(etag), lastModified: nil, lastModifiedIsStrong: false)
        #expect(
            outcome([.range: "bytes=0-", .ifRange: condition], of: metadata)
                == .proceed(honourRange: holds))
    }

    @Test("If-Range with a date holds only for the very date, in any format, and a strong one")
    func ifRangeDate() {
        func holds(_ date: String, _ metadata: RepresentationMetadata) -> Bool {
            outcome([.range: "bytes=0-", .ifRange: date], of: metadata) == proceeds
        }
        #expect(holds(modified, current))
        #expect(holds("Sunday, 06-Nov-94 08:49:37 GMT", current))
        #expect(!holds(earlier, current))
        #expect(!holds(later, current))
        #expect(!holds(modified, weak))
        #expect(!holds(modified, bare))
    }

    @Test(
        "If-Range that cannot be read does not hold",
        arguments: ["", "current", "*", "\"current\", \"other\"", "0"])
    func ifRangeMalformed(_ value: String) {
        #expect(
            outcome([.range: "bytes=0-", .ifRange: value]) == .proceed(honourRange: false))
    }

    @Test("two lines of If-Range do not hold, even when they are equal")
    func repeatedIfRange() {
        var fields: HTTPFields = [.range: "bytes=0-"]
        fields.append(HTTPField(name: .ifRange, value: "\"current\""))
        fields.append(HTTPField(name: .ifRange, value: "\"current\""))
        #expect(outcome(fields) == .proceed(honourRange: false))
    }

    @Test("no conditional field lets a GET proceed with its range, and a HEAD without")
    func unconditional() {
        #expect(outcome([.range: "bytes=0-"]) == proceeds)
        #expect(outcome([.range: "bytes=0-"], method: .head) == .proceed(honourRange: false))
    }

    @Test("nothing is decided for methods that the origin answers", arguments: ["POST", "PUT"])
    func otherMethods(_ name: String) throws {
        let method = try #require(HTTPRequest.Method(name))
        let fields: HTTPFields = [.ifMatch: "\"other\"", .ifNoneMatch: "*", .range: "bytes=0-"]
        #expect(outcome(fields, method: method) == .proceed(honourRange: false))
    }
}
