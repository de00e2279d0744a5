import PlatterCore

/// What a program in another process asks of an origin: `/-/NAME?PARAMETERS`. All are GET;
/// parameters that are left out keep their meaning from the Swift call of the same name.
enum ControlCommand: Hashable {
    /// Why a command cannot be read; its text goes to the client.
    struct Problem: Error, Hashable {
        let text: String
    }

    static let prefix = "/-/"

    /// Counters and log.
    case stats
    /// Counters and log start anew.
    case reset
    /// `bandwidth`, `connection_bandwidth` (bytes a second, 0 is unlimited), `latency`,
    /// `connection_latency` (milliseconds), `connections` (0 is no limit). Those left out stay.
    case pace([String: String])
    /// `path` (none is every path), `kind` with its parameters (`ViceTable`), `count`, `from`,
    /// `new_connection=1`.
    case behave(path: String?, Behaviour)
    /// No vices, no refusal.
    case clear
    /// `ending` is `finish`, `reset`, or `none` to serve again.
    case refuse(Ending?)
    /// A ramp at `path`: `length`, `seed`, `type`.
    case serve(path: String, Resource)
    /// `path` redirects to targets that work for `uses` requests or `seconds`, and answer `code` then.
    case sign(path: String, SigningRule)
    /// `seconds`, `ending` (`reset` when left out; `none` leaves connections open).
    case pauseListening(Duration, Ending?)

    init(_ request: OriginRequest) throws(Problem) {
        let query = Parameters(request.query)
        switch request.path.dropFirst(Self.prefix.count) {
        case "stats": self = .stats
        case "reset": self = .reset
        case "pace": self = .pace(request.query)
        case "behave": self = .behave(path: query["path"], try Self.behaviour(query))
        case "clear": self = .clear
        case "refuse": self = .refuse(try query.ending())
        case "serve":
            let path = try query.text("path")
            let resource = Resource.ramp(
                length: try query.bytes("length"), seed: Int(try query.bytes("seed", or: 0)),
                contentType: query["type"] ?? MediaType.ofFile(named: path))
            self = .serve(path: path, resource)
        case "sign": self = .sign(path: try query.text("path"), try Self.signing(query))
        case "pause-listening":
            self = .pauseListening(try query.seconds("seconds"), try query.ending())
        default:
            throw Problem(text: "unknown command: \(request.path)")
        }
    }

    private static func behaviour(_ query: Parameters) throws(Problem) -> Behaviour {
        let count = query["count"] == nil ? nil : try Int(query.bytes("count"))
        return Behaviour(
            try ViceTable.vice(query), times: count,
            startingAt: try query.bytes("from", or: 0),
            onlyOnNewConnection: query["new_connection"] == "1")
    }

    private static func signing(_ query: Parameters) throws(Problem) -> SigningRule {
        let uses = query["uses"] == nil ? nil : try Int(query.bytes("uses"))
        let time = query["seconds"] == nil ? nil : try query.seconds("seconds")
        var rule = SigningRule(
            uses: uses, milliseconds: time.map { $0.nanosecondsClamped / 1_000_000 })
        rule.refusal.status = try ViceTable.code(query, or: 403)
        return rule
    }

    /// The pace that a `pace` command asks for, from the one in force.
    static func pace(_ query: [String: String], from old: Pace) throws(Problem) -> Pace {
        let query = Parameters(query)
        var pace = old
        func limit(_ name: String, _ old: Int64?) throws(Problem) -> Int64? {
            let value = try query.bytes(name, or: old ?? 0)
            return value > 0 ? value : nil
        }
        pace.bandwidth = try limit("bandwidth", old.bandwidth)
        pace.connectionBandwidth = try limit("connection_bandwidth", old.connectionBandwidth)
        pace.maximumConnections = try limit("connections", old.maximumConnections.map(Int64.init))
            .map { Int(clamping: $0) }
        if query["latency"] != nil { pace.latency = try query.milliseconds("latency") }
        if query["connection_latency"] != nil {
            pace.connectionLatency = try query.milliseconds("connection_latency")
        }
        return pace
    }
}

/// The parameters of a command, checked as they are read.
struct Parameters {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    subscript(name: String) -> String? { values[name] }

    func text(_ name: String) throws(ControlCommand.Problem) -> String {
        guard let value = values[name] else { throw .init(text: "\(name) is missing") }
        return value
    }

    /// A size or another whole number, 0 or more; `or` when it is left out.
    func bytes(_ name: String, or standard: Int64? = nil) throws(ControlCommand.Problem) -> Int64 {
        if values[name] == nil, let standard { return standard }
        guard let value = ByteCount.parsed(try text(name)) else {
            throw .init(text: "\(name) is not a number of bytes: \(values[name] ?? "")")
        }
        return value
    }

    /// With a fraction, at most a year.
    func seconds(_ name: String) throws(ControlCommand.Problem) -> Duration {
        guard let value = Double(try text(name)), 0...31_536_000 ~= value else {
            throw .init(text: "\(name) is not a duration: \(values[name] ?? "")")
        }
        return .seconds(value)
    }

    func milliseconds(_ name: String) throws(ControlCommand.Problem) -> Duration {
        try seconds(name) / 1000
    }

    /// `reset` when left out, nil for `none`.
    func ending() throws(ControlCommand.Problem) -> Ending? {
        switch values["ending"] {
        case nil, "reset": return .reset
        case "finish": return .finish
        case "none": return nil
        case let other?: throw .init(text: "ending is reset, finish or none, not \(other)")
        }
    }
}
