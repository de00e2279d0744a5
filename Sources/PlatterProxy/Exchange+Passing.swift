import Logging
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP

/// The ways past the store.
extension Exchange {
    /// However long the store took before it gave up [3 s].
    private static let leastHeadTime = Duration.seconds(3)

    /// - Parameter isWhole: Ask for all of it, whatever the player asked for.
    func pass(_ detail: StatusDetail, isWhole: Bool = false) {
        notePassing(detail)
        let range = isWhole ? nil : request.passedRange
        startPassage { [isHead = request.isHead, fields = request.fields, headDeadline] passage in
            passage.passAll(
                range: range, isHead: isHead, conditions: fields, detail: detail,
                deadline: headDeadline)
        }
    }

    private var headDeadline: Moment {
        max(
            begun.advanced(by: services.readers.waits.head),
            services.readers.clock.now.advanced(by: Self.leastHeadTime))
    }

    /// The store cannot give the bytes, but the version is known and so is the answer.
    func passPlanned(_ delivery: Delivery) {
        let plan = ResponsePlan(
            request: request, opened: delivery.opened, now: services.wallClock())
        guard case .bytes(let range, let head) = plan.content else { return pass(.store) }
        notePassing(.store)
        let status = CacheStatus(forwarded: .miss, detail: .store)
        startPassage { [heads, headDeadline] passage in
            passage.passBytes(
                of: delivery.opened, range: range, head: head(heads, status),
                deadline: headDeadline)
        }
    }

    /// The store cannot give the rest of a response.
    func passRest(
        _ range: ByteRange, of opened: Entry.Opened, because fault: StoreFault
    ) {
        services.log.notice(
            "A response goes on past the store",
            metadata: [
                "url": "\(request.resource.url.redacted)", "from": "\(range.lowerBound)",
                "reason": "\(fault)",
            ])
        let deadline = services.readers.clock.now.advanced(by: services.readers.waits.body)
        startPassage { passage in
            passage.passBytes(of: opened, range: range, head: nil, deadline: deadline)
        }
    }

    /// The store cannot give the next bytes of a response; what comes after them is asked of it again.
    func takeDetour(_ range: ByteRange, of delivery: Delivery, because fault: StoreFault) {
        services.log.notice(
            "A part of a response goes past the store",
            metadata: [
                "url": "\(request.resource.url.redacted)", "range": "\(range)",
                "reason": "\(fault)",
            ])
        var head: HTTPResponseHead?
        var deadline = services.readers.clock.now.advanced(by: services.readers.waits.body)
        if !delivery.isHeadSent {
            let plan = ResponsePlan(
                request: request, opened: delivery.opened, now: services.wallClock())
            guard case .bytes(_, let make) = plan.content else {
                delivery.clientLeft()
                return pass(.store)
            }
            head = make(heads, CacheStatus(forwarded: .miss, detail: .store))
            deadline = headDeadline
        }
        startPassage(before: delivery, from: range.upperBound) { passage in
            passage.passBytes(
                of: delivery.opened, range: range, head: head, isLast: false, deadline: deadline)
        }
    }

    /// Each step away from the store is to be seen; those that are no fault are not for everybody's eyes.
    private func notePassing(_ detail: StatusDetail) {
        services.log.log(
            level: detail.isFaultOfStore ? .notice : .info, "A request is passed through",
            metadata: ["url": "\(request.resource.url.redacted)", "reason": "\(detail.rawValue)"])
    }

    /// - Parameter delivery: Goes on from a position when the passage is complete.
    private func startPassage(
        before delivery: Delivery? = nil, from position: Int64 = 0, _ start: (Passage) -> Void
    ) {
        let passage = Passage(
            resource: request.passedResource, services: services, channel: channel, heads: heads,
            isHTTP10: request.isHTTP10
        ) { [weak self] ending in
            if let delivery {
                guard ending != .complete else {
                    self?.detourEnded(delivery, at: position)
                    return
                }
                delivery.clientLeft()
            }
            switch ending {
            case .complete, .answered: self?.done(isReusable: self?.request.isKeepAlive ?? false)
            case .short: self?.done(isReusable: false)
            case .unreachable: self?.unavailable()
            case .crowded: self?.unavailable(.crowded)
            case .badCertificate: self?.notTrusted()
            case .invalid: self?.refused(502)
            case .refused: self?.pass(.store)
            }
        }
        if let delivery {
            phase = .detour(passage, delivery)
        } else {
            phase = .passing(passage)
        }
        start(passage)
    }

    private func detourEnded(_ delivery: Delivery, at position: Int64) {
        guard case .detour = phase else { return }
        phase = .answering(delivery)
        delivery.wentOn(to: position)
    }
}
