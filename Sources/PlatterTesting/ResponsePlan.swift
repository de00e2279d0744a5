/// What the origin does to answer one request: pure, from request, resource and vices.
package struct ResponsePlan: Hashable, Sendable {
    /// For the log; 0 when nothing is answered.
    package var status: Int
    package var steps: [Step]
    package var ending: Ending

    package init(status: Int, steps: [Step], ending: Ending) {
        self.status = status
        self.steps = steps
        self.ending = ending
    }

    /// - Parameters:
    ///   - resource: nil is answered 404.
    ///   - vices: Those that the origin has for this request, in order.
    ///   - date: For the Date field, in seconds since 1970.
    package init(
        for request: OriginRequest, resource: Resource?, vices: [Vice] = [], date: Int64 = 0
    ) {
        if let ending = vices.firstHangUp {
            self.init(status: 0, steps: [], ending: ending)
        } else if let canned = vices.firstAnswer(to: request) {
            self = Self.finished(canned.draft, vices, request, date)
        } else if let resource {
            self = Self.answer(request, resource, vices, date)
        } else {
            self = ResponseDraft(status: 404).plan(for: request, date: date)
        }
    }

    /// The same, but nothing happens for the first `duration`.
    package func delayed(by duration: Duration) -> ResponsePlan {
        guard duration > .zero else { return self }
        return ResponsePlan(status: status, steps: [.wait(duration)] + steps, ending: ending)
    }

    private static func answer(
        _ request: OriginRequest, _ resource: Resource, _ vices: [Vice], _ date: Int64
    ) -> ResponsePlan {
        if case .script(let steps, let ending) = resource.content {
            return ResponsePlan(status: 0, steps: steps, ending: ending)
        }
        let selection = Selection(resource: resource, vices: vices)
        return finished(selection.answer(to: request), vices, request, date)
    }

    private static func finished(
        _ draft: ResponseDraft, _ vices: [Vice], _ request: OriginRequest, _ date: Int64
    ) -> ResponsePlan {
        var draft = draft
        for vice in vices { draft.apply(vice) }
        return draft.plan(for: request, date: date)
    }
}

extension [Vice] {
    fileprivate var firstHangUp: Ending? {
        for case .hangsUp(let ending) in self { return ending }
        return nil
    }

    fileprivate func firstAnswer(to request: OriginRequest) -> CannedAnswer? {
        for case .answers(let answer) in self
        where !answer.onlyToHead || request.method == "HEAD" {
            return answer
        }
        return nil
    }
}

extension CannedAnswer {
    fileprivate var draft: ResponseDraft {
        var draft = ResponseDraft(
            status: status, fields: fields, body: body.isEmpty ? [] : [.text(body)])
        if !body.isEmpty { draft.set("Content-Type", contentType) }
        return draft
    }
}
