#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The answer of the control interface: JSON, never paced nor counted.
struct ControlReply {
    /// What is done once the answer is on its way: the connection that asked may not survive it.
    struct Afterwards {
        let duration: Duration
        let ending: Ending?
    }

    /// Reported for every command that has nothing to tell.
    private struct Done: Codable {
        var ok = true
    }

    private struct Refusal: Codable {
        let error: String
    }

    private let status: Int
    private let body: [UInt8]
    let afterwards: Afterwards?

    init(to request: OriginRequest, from origin: ScriptedOrigin) {
        do throws(ControlCommand.Problem) {
            let command = try ControlCommand(request)
            try Self.perform(command, on: origin)
            body = command == .stats ? Self.encoded(origin.ledger) : Self.encoded(Done())
            status = 200
            if case .pauseListening(let duration, let ending) = command {
                afterwards = Afterwards(duration: duration, ending: ending)
            } else {
                afterwards = nil
            }
        } catch {
            status = 400
            body = Self.encoded(Refusal(error: error.text))
            afterwards = nil
        }
    }

    func plan(for request: OriginRequest) -> ResponsePlan {
        var draft = ResponseDraft(status: status, body: [.bytes(body)])
        draft.set("Content-Type", "application/json")
        if afterwards != nil { draft.framing = .untilClose }
        return draft.plan(for: request, date: HTTPDate.now())
    }

    private static func perform(
        _ command: ControlCommand, on origin: ScriptedOrigin
    ) throws(ControlCommand.Problem) {
        switch command {
        case .stats, .pauseListening: break
        case .reset: origin.resetLedger()
        case .pace(let query): origin.pace = try ControlCommand.pace(query, from: origin.pace)
        case .behave(let path, let behaviour): origin.behave(behaviour, at: path)
        case .clear:
            origin.clearBehaviours()
            origin.refuseConnections(with: nil)
        case .refuse(let ending): origin.refuseConnections(with: ending)
        case .sign(let path, let rule): origin.sign(path, with: rule)
        case .serve(let path, let resource): origin.serve(resource, at: path)
        }
    }

    private static func encoded(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // The three types above hold only strings, whole numbers and Booleans: they always encode.
        return ((try? encoder.encode(value)).map { [UInt8]($0) } ?? []) + [UInt8(ascii: "\n")]
    }
}
