import HTTPTypes
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin

@testable import PlatterCache

extension ModelOrigin {
    /// Which version a response is of, for the model alone.
    static let versionField = HTTPField.Name("X-Version")!
}

/// What origins answer.
extension CoreWorld {
    private func fields(_ version: Version) -> HTTPFields {
        var fields: HTTPFields = [:]
        fields[.contentType] = "video/mp4"
        fields[ModelOrigin.versionField] = "\(version.number)"
        switch version.validator {
        case .strong(let tag): fields[.eTag] = tag
        case .weak(let tag): fields[.eTag] = "W/" + tag
        case .modified(let time), .weaklyModified(let time):
            fields[.lastModified] = HTTPDate.format(time)
            fields[.date] = HTTPDate.format(time + 5)
        case .modifiedWithTag(let time, let tag), .weaklyModifiedWithTag(let time, let tag):
            fields[.eTag] = "W/" + tag
            fields[.lastModified] = HTTPDate.format(time)
            fields[.date] = HTTPDate.format(time + 5)
        case .absent: break
        }
        return fields
    }

    /// A good answer; a body may end early.
    func good(_ call: Call, _ film: ModelFilm, isShort: Bool = false, breaks: Bool = false) {
        let version = film.version
        var fields = fields(version)
        var body = 0..<version.length
        var status = 200
        if let asked = call.request.range, !film.lacksRanges {
            guard let range = asked.resolve(version.length) else {
                fields = [:]
                fields[.contentRange] = "bytes */\(version.length)"
                note("call \(call.number) for \(asked): 416")
                return call.answer(416, fields, .init(version: nil, rest: 0..<0, breaks: false))
            }
            body = range
            // A server may send less than it was asked for.
            if !isCalm, random.once(in: 12), case .from = asked {
                body = range.lowerBound..<range.lowerBound + 1 + random.below(range.length)
            }
            status = 206
            fields[.contentRange] =
                "bytes \(body.lowerBound)-\(body.upperBound - 1)/\(version.length)"
        }
        fields[.contentLength] = "\(body.length)"
        note("call \(call.number): \(status) \(body) of version \(version.number)")
        var rest = body
        if isShort || breaks {
            rest = body.lowerBound..<body.lowerBound + random.below(body.length)
        }
        call.answer(status, fields, .init(version: version, rest: rest, breaks: breaks))
    }

    func misbehave(_ call: Call, _ film: ModelFilm) {
        count("misbehaviour")
        switch random.below(12) {
        case 0:
            note("call \(call.number): no connection")
            call.refuse(random.once(in: 2) ? .unreachable : .timedOut)
        case 1: refuse(call, 503, retryAfter: random.below(20))
        case 2: refuse(call, 429, retryAfter: random.below(5))
        case 3: refuse(call, random.once(in: 2) ? 404 : 403)
        case 4: refuse(call, 502)
        case 5: page(call)
        case 6: liar(call, film)
        // Nothing for now.
        case 7: break
        case 8: good(call, film, isShort: true)
        default: good(call, film, breaks: true)
        }
    }

    private func refuse(_ call: Call, _ status: Int, retryAfter: Int64? = nil) {
        var fields: HTTPFields = [:]
        if let retryAfter { fields[.retryAfter] = "\(retryAfter)" }
        note("call \(call.number): \(status)")
        call.answer(status, fields, .init(version: nil, rest: 0..<0, breaks: false))
    }

    /// A login page where the film was.
    private func page(_ call: Call) {
        var fields: HTTPFields = [:]
        fields[.contentType] = "text/html"
        fields[.contentLength] = "40"
        fields[.eTag] = "\"page\""
        note("call \(call.number): a page")
        call.answer(200, fields, .init(version: nil, rest: 0..<40, breaks: false))
    }

    /// A head that contradicts itself or the question; never with bytes that it does not name.
    private func liar(_ call: Call, _ film: ModelFilm) {
        let version = film.version
        var fields = fields(version)
        fields[ModelOrigin.versionField] = nil
        let start = random.below(version.length)
        switch random.below(4) {
        case 0: fields[.contentRange] = "bytes \(start)-\(start)/*"
        case 1: fields[.contentRange] = "bytes \(start + 1)-\(start)/\(version.length)"
        case 2: fields[.contentEncoding] = "gzip"
        default: break
        }
        note("call \(call.number): 206 \(fields[.contentRange] ?? "without a range")")
        call.answer(206, fields, .init(version: version, rest: start..<start + 1, breaks: false))
    }

    /// The films of an origin are others now, or those of before again.
    func changeVersion() {
        let film = Int(random.below(Int64(films.count)))
        let known = films[film].versions.count
        if known > 1, random.once(in: 2) {
            films[film].current = Int(random.below(Int64(known)))
        } else if known < 5 {
            films[film].versions.append(newVersion())
            films[film].current = known
        }
        note("film \(film) is version \(films[film].version) now")
    }
}
