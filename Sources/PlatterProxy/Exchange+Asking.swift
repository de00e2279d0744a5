import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP

/// The way of a request for what lies beyond the end that the index knows. The object may have grown since then,
/// as a recording does: only the origin can tell.
extension Exchange {
    /// - Parameter refusal: Of the end that is known. It is the answer, too, while the origin gives none:
    ///   players take it for the end, and an error for a fault.
    func ask(
        at position: Int64, beyond opened: Entry.Opened, refusal: @escaping ResponsePlan.Head
    ) {
        let readers = services.readers
        if readers.queue.keepsWaiting(request.resource) {
            return write(refusal(heads, CacheStatus(forwarded: .miss, detail: trouble)))
        }
        // There is an answer without the origin, so that one that is late is not waited for as long as for bytes.
        let patience = min(readers.waits.hedge, readers.waits.head)
        let question = EndQuestion(
            at: position, beyond: opened, of: request.resource, services: services,
            loop: channel.eventLoop, deadline: begun.advanced(by: patience)
        ) { [weak self] in self?.answered($0, refusal: refusal) }
        phase = .asking(question)
    }

    private func answered(_ answer: EndQuestion.Answer, refusal: ResponsePlan.Head) {
        guard case .asking = phase else { return }
        switch answer {
        case .stands(let status):
            write(refusal(heads, CacheStatus(forwarded: .miss, status: status)))
        case .endsAt(let length): unsatisfiable(completeLength: length)
        case .changed: restart()
        // The challenge is in the origin's fields.
        case .refused(401), .refused(407): pass(.challenge)
        case .refused(let status): refused(status)
        case .unclear: pass(.unsatisfiable)
        case .none(let detail):
            write(refusal(heads, CacheStatus(forwarded: .miss, detail: detail ?? trouble)))
        }
    }
}
