import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@Suite("A 200 to a range")
struct WholeResponseTests {
    private func whole(_ changes: [(HTTPField.Name, [String])] = []) -> HTTPFields {
        Scenario.fields([(.contentRange, []), (.contentLength, ["5000"])] + changes)
    }

    @Test("asked from 0 it is usable")
    func fromZero() {
        #expect(
            Scenario.verdict(200, whole(), asked: .from(0, upTo: 100))
                == .whole(Scenario.head(0..<5000)))
        #expect(
            Scenario.verdict(200, whole(), asked: .from(0, upTo: nil))
                == .whole(Scenario.head(0..<5000)))
        #expect(
            Scenario.verdict(200, whole(), asked: .suffix(5000)) == .whole(Scenario.head(0..<5000)))
    }

    @Test("opening an entry it is usable whatever was asked")
    func opening() {
        for asked in [AskedRange.from(0, upTo: 10), .from(1000, upTo: nil), .suffix(10)] {
            #expect(
                Scenario.verdict(200, whole(), asked: asked, identity: nil)
                    == .whole(Scenario.head(0..<5000)))
        }
    }

    @Test("asked from later on it is the whole all the same")
    func fromLater() {
        #expect(Scenario.verdict(200, whole()) == .whole(Scenario.head(0..<5000)))
        #expect(
            Scenario.verdict(200, whole(), asked: .suffix(4999))
                == .whole(Scenario.head(0..<5000)))
    }

    @Test("without a length it is not usable")
    func noLength() {
        let unknown = whole([(.contentLength, [])])
        #expect(
            Scenario.verdict(200, unknown, asked: .from(0, upTo: nil))
                == .wholeUnusable(.lengthUnknown))
        #expect(
            Scenario.verdict(200, unknown, asked: .from(0, upTo: nil), identity: nil)
                == .wholeUnusable(.lengthUnknown))
    }

    @Test("of an empty object it has no bytes")
    func empty() {
        let empty = whole([(.contentLength, ["0"])])
        #expect(
            Scenario.verdict(200, empty, asked: .from(0, upTo: nil), identity: nil)
                == .whole(Scenario.head(0..<0, of: 0)))
    }

    @Test("one that says that it is a part is neither, and no version")
    func partWithWrongStatus() {
        let part = whole([
            (.contentRange, ["bytes 100-199/5000"]), (.contentLength, ["100"]),
        ])
        for asked in [AskedRange.from(0, upTo: nil), .from(100, upTo: 200)] {
            #expect(Scenario.verdict(200, part, asked: asked) == .malformed(.contentRangeOfWhole))
            #expect(
                Scenario.verdict(200, part, asked: asked, identity: nil)
                    == .malformed(.contentRangeOfWhole))
        }
    }

    @Test("one that says that the part is all of it is the whole")
    func wholeAsPart() {
        let field: (HTTPField.Name, [String]) = (.contentRange, ["bytes 0-4999/5000"])
        for asked in [AskedRange.from(0, upTo: nil), .from(100, upTo: 200)] {
            #expect(
                Scenario.verdict(200, whole([field]), asked: asked)
                    == .whole(Scenario.head(0..<5000)))
        }
        for (range, length) in [
            ("bytes 0-4999/5001", "5000"), ("bytes 0-4999/*", "5000"),
            ("bytes 0-4999/5000", "5001"), ("bytes 0-4998/5000", "5000"),
        ] {
            let fields = whole([(.contentRange, [range]), (.contentLength, [length])])
            #expect(Scenario.verdict(200, fields) == .malformed(.contentRangeOfWhole))
        }
        let unknown = whole([field, (.contentLength, [])])
        #expect(Scenario.verdict(200, unknown) == .wholeUnusable(.lengthUnknown))
    }

    @Test("another version is told wherever it was asked from")
    func changed() {
        for asked in [AskedRange.from(0, upTo: 10), .from(1000, upTo: nil)] {
            #expect(
                Scenario.verdict(200, whole([(.eTag, ["\"v2\""])]), asked: asked)
                    == .changed(.validator))
            #expect(
                Scenario.verdict(200, whole([(.contentLength, ["4999"])]), asked: asked)
                    == .changed(.completeLength))
            #expect(
                Scenario.verdict(200, whole([(.eTag, []), (.contentLength, [])]), asked: asked)
                    == .changed(.validator))
        }
    }

    @Test("an error page with status 200 is no new version, but a document")
    func softError() {
        let page = whole([
            (.contentType, ["text/html"]), (.eTag, []), (.lastModified, []),
            (.contentLength, ["123"]),
        ])
        #expect(Scenario.verdict(200, page) == .changed(.contentType))
        #expect(Scenario.verdict(200, page, asked: .from(0, upTo: nil)) == .changed(.contentType))
    }

    @Test("an answer that names neither a version nor media is no new version")
    func anonymous() {
        let bare: [(HTTPField.Name, [String])] = [
            (.eTag, []), (.lastModified, []), (.contentLength, ["20"]),
        ]
        for type in [[], ["text/plain"], ["TEXT/css; charset=utf-8"], ["nonsense"]] {
            #expect(
                Scenario.verdict(200, whole(bare + [(.contentType, type)]))
                    == .malformed(.anonymous))
        }
        // It may be the film all the same.
        for changes in [
            bare + [(.contentType, ["video/mp4"])],
            [(.contentType, []), (.eTag, []), (.contentLength, ["20"])],
        ] {
            #expect(Scenario.verdict(200, whole(changes)) == .changed(.validator))
        }
        // There was no media before, so that none is missed.
        for type in [nil, "text/vtt"] as [String?] {
            let entry = RepresentationIdentity(
                validator: .strong(tag: "\"v1\""), completeLength: 5000, contentType: type)
            #expect(
                Scenario.verdict(200, whole(bare + [(.contentType, [])]), identity: entry)
                    == .changed(.validator))
        }
    }

    @Test("a coded body or an invalid length is malformed")
    func malformed() {
        #expect(
            Scenario.verdict(200, whole([(.contentEncoding, ["gzip"])]))
                == .malformed(.contentCoded))
        #expect(
            Scenario.verdict(200, whole([(.contentLength, ["5000, 5000"])]))
                == .malformed(.contentLengthInvalid))
    }
}

@Suite("Other statuses")
struct OtherStatusTests {
    @Test("a 416 tells the complete length if it can")
    func unsatisfiable() {
        #expect(
            Scenario.verdict(416, [.contentRange: "bytes */4000"])
                == .unsatisfiable(completeLength: 4000))
        #expect(Scenario.verdict(416, [:]) == .unsatisfiable(completeLength: nil))
        #expect(
            Scenario.verdict(416, [.contentRange: "bytes 0-1/4000"])
                == .unsatisfiable(completeLength: nil))
        #expect(
            Scenario.verdict(416, [.contentRange: "4000"]) == .unsatisfiable(completeLength: nil))
    }

    @Test("a redirect gives its location as it stands", arguments: [301, 302, 303, 307, 308])
    func redirect(_ status: Int) {
        #expect(
            Scenario.verdict(status, [.location: "../other?x=1"])
                == .redirect(location: "../other?x=1"))
    }

    @Test("a redirect without one location is malformed")
    func redirectNowhere() {
        #expect(Scenario.verdict(302, [:]) == .malformed(.locationMissing))
        #expect(Scenario.verdict(302, [.location: ""]) == .malformed(.locationMissing))
        var two = HTTPFields()
        two.append(HTTPField(name: .location, value: "/a"))
        two.append(HTTPField(name: .location, value: "/b"))
        #expect(Scenario.verdict(302, two) == .malformed(.locationMissing))
    }

    @Test(
        "a passing trouble is worth asking again",
        arguments: [408, 425, 429, 500, 501, 502, 503, 504, 507, 599])
    func retryable(_ status: Int) {
        #expect(Scenario.verdict(status, [:]) == .retryable(status: status, retryAfter: nil))
    }

    @Test(
        "Retry-After is read as seconds or a date, at most an hour, and garbage is none",
        arguments: [
            ("0", 0), ("120", 120), (" 7 ", 7), ("3600", 3600), ("3601", 3600),
            ("315360000", 3600), ("99999999999999999999", 3600),
            ("Sat, 21 Nov 2026 00:01:00 GMT", 60), ("Fri, 20 Nov 2026 23:59:00 GMT", 0),
            ("Sun, 21 Nov 2036 00:00:00 GMT", 3600), ("Saturday, 21-Nov-26 00:00:05 GMT", 5),
            ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil), ("1, 2", nil), ("1e3", nil),
        ] as [(String, Int64?)])
    func retryAfter(_ value: String, _ seconds: Int64?) {
        #expect(
            Scenario.verdict(503, [.retryAfter: value])
                == .retryable(status: 503, retryAfter: seconds))
    }

    @Test("a date to retry at does not trap at either end of time")
    func extremeRetryAfter() {
        let fields: HTTPFields = [.retryAfter: "Sat, 21 Nov 2026 00:01:00 GMT"]
        #expect(
            Scenario.verdict(503, fields, receivedAt: .max)
                == .retryable(status: 503, retryAfter: 0))
        #expect(
            Scenario.verdict(503, fields, receivedAt: .min)
                == .retryable(status: 503, retryAfter: 3600))
    }

    @Test(
        "other client errors are final", arguments: [400, 401, 403, 404, 405, 410, 412, 451, 499])
    func rejected(_ status: Int) {
        #expect(Scenario.verdict(status, [:]) == .rejected(status: status))
    }

    @Test(
        "a status that no range request calls for is malformed",
        arguments: [
            Int.min, -1, 0, 100, 103, 199, 201, 203, 204, 207, 226, 300, 304, 305, 600, .max,
        ])
    func unexpected(_ status: Int) {
        #expect(Scenario.verdict(status, Scenario.fields()) == .malformed(.unexpectedStatus))
    }

    @Test("every reason reads as text")
    func reasons() {
        #expect("\(Verdict.MalformedReason.wrongStart)" == "range starts elsewhere")
        #expect("\(Verdict.ChangeReason.validator)" == "another validator")
        #expect("\(Verdict.UnusableReason.lengthUnknown)" == "a 200 without Content-Length")
    }

    @Test("no status and no fields make a verdict trap")
    func fuzz() {
        var random = SeededGenerator(seed: 8)
        let names: [HTTPField.Name] = [
            .contentRange, .contentLength, .eTag, .lastModified, .date, .contentType,
            .contentEncoding, .location, .retryAfter,
        ]
        let values = [
            "", "0", "-1", "bytes 0-0/1", "bytes 0-9223372036854775806/9223372036854775807",
            "bytes 9223372036854775806-9223372036854775806/9223372036854775807", "bytes */*",
            "9223372036854775807", "\"v1\"", Scenario.modified, "text/html", "gzip", "/", "\u{FF}",
        ]
        let asks: [AskedRange] = [
            .from(0, upTo: nil), .from(.max, upTo: .max), .from(.max - 1, upTo: .min),
            .suffix(.max), .suffix(0), .suffix(.min),
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var fields = HTTPFields()
            for name in names where Bool.random(using: &random) {
                fields[name] = values[Int.random(in: 0..<values.count, using: &random)]
            }
            let asked = asks[Int.random(in: 0..<asks.count, using: &random)]
            let result = Scenario.verdict(
                [200, 206, 416, 503][Int.random(in: 0..<4, using: &random)], fields, asked: asked,
                identity: nil)
            if case .partial(let head) = result {
                accepted += 1
                #expect(!head.body.isEmpty && head.body.upperBound <= head.completeLength)
            }
        }
        #expect(accepted > 0)
    }
}
