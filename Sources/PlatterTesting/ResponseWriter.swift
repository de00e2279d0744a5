import NIOCore
import PlatterCore

/// Carries out the plans of one connection, one after the other, on its event loop.
///
/// ```
/// idle -- begin --> ready <--> waiting (a write, a timer, a place at the gate)
///   ^                 |
///   +---- plan over --+
/// ```
final class ResponseWriter {
    private enum Phase {
        case idle
        case ready
        case waiting
    }

    /// So many steps without a pause, then the other connections of the loop have their turn.
    private static let stepsInTurn = 48

    private let origin: ScriptedOrigin
    private let context: ChannelHandlerContext
    private let onEnd: (Ending) -> Void
    private var phase = Phase.idle
    private var isRunning = false
    private var timer: Scheduled<Void>?
    private var cursor = StepCursor([])
    private var ending = Ending.finish
    /// nil for a control answer: not counted, not paced.
    private var answer: OriginState.Answer?
    private var file: OpenFile?
    private var connectionGate = Gate(rate: nil)
    /// Set by a step of the plan; goes before the connection's gate.
    private var responseGate: Gate?
    /// Bytes that the narrower gate let through and the common one did not yet.
    private var admitted = 0
    /// Bytes that both let through.
    private var cleared = 0

    /// - Parameter onEnd: Called when a plan is carried out; closing is the caller's.
    init(
        origin: ScriptedOrigin, context: ChannelHandlerContext, onEnd: @escaping (Ending) -> Void
    ) {
        self.origin = origin
        self.context = context
        self.onEnd = onEnd
    }

    func begin(_ plan: ResponsePlan, counting answer: OriginState.Answer?) {
        let rate = origin.pace.connectionBandwidth
        if connectionGate.rate != rate { connectionGate = Gate(rate: rate) }
        responseGate = nil
        (admitted, cleared) = (0, 0)
        cursor = StepCursor(plan.steps)
        ending = plan.ending
        self.answer = answer
        phase = .ready
        run()
    }

    /// The connection is gone.
    func cancel() {
        phase = .idle
        timer?.cancel()
        file?.close()
        file = nil
    }

    private func run() {
        // A write that is done at once calls back into the loop that made it.
        guard !isRunning else { return }
        isRunning = true
        defer { isRunning = false }
        var steps = 0
        while phase == .ready {
            steps += 1
            if steps > Self.stepsInTurn { return hold(.zero) }
            step()
        }
    }

    private func step() {
        switch cursor.next() {
        case .framing(let bytes):
            context.write(data(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
            cursor.advance()
        case .pace(let rate):
            responseGate = Gate(rate: rate)
            cursor.advance()
        case .wait(let duration):
            cursor.advance()
            duration.map(hold) ?? holdForEver()
        case .body(let left):
            sendBody(left)
        case .end:
            end()
        }
    }

    private func sendBody(_ left: Int64) {
        guard answer != nil else { return write(upTo: Gate.largestSlice) }
        guard cleared == 0 else { return write(upTo: cleared) }
        let now = Moment.uptime()
        let slot: Gate.Slot
        if admitted == 0 {
            slot = narrowSlot(upTo: Int(min(left, Int64(Gate.largestSlice))), now: now)
            admitted = slot.bytes
        } else {
            slot = origin.slot(upTo: admitted, now: now)
            admitted -= slot.bytes
            cleared = slot.bytes
        }
        if slot.at > now { hold(slot.at.since(now)) }
    }

    private func narrowSlot(upTo wanted: Int, now: Moment) -> Gate.Slot {
        if var gate = responseGate {
            defer { responseGate = gate }
            return gate.slot(upTo: wanted, sharers: 1, now: now)
        }
        return connectionGate.slot(upTo: wanted, sharers: 1, now: now)
    }

    private func write(upTo count: Int) {
        guard let piece = cursor.take(upTo: count), let (body, written) = data(of: piece) else {
            // A file that shrank, or a script beyond its ramp: the bytes promised are not there.
            ending = .reset
            return end()
        }
        cleared -= min(cleared, written)
        phase = .waiting
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            guard case .success = result else { return context.close(promise: nil) }
            if let answer { origin.wrote(written, answer) }
            proceed()
        }
        context.writeAndFlush(data(body), promise: promise)
    }

    private func end() {
        phase = .waiting
        guard ending != .keepAlive else {
            context.flush()
            return over()
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in over() }
        context.writeAndFlush(data(.byteBuffer(ByteBuffer())), promise: promise)
    }

    private func over() {
        guard phase == .waiting else { return }
        phase = .idle
        file?.close()
        file = nil
        if let answer { origin.finished(answer) }
        onEnd(ending)
    }

    private func proceed() {
        guard phase == .waiting else { return }
        phase = .ready
        run()
    }
}

extension ResponseWriter {
    private func hold(_ duration: Duration) {
        phase = .waiting
        context.flush()
        let delay = TimeAmount.nanoseconds(max(0, duration.nanosecondsClamped))
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in proceed() }
    }

    private func holdForEver() {
        phase = .waiting
        context.flush()
    }

    private func data(_ body: IOData) -> NIOAny { NIOAny(body) }

    /// - Returns: nil when the file cannot give those bytes.
    private func data(of piece: StepCursor.Piece) -> (IOData, Int)? {
        switch piece {
        case .buffer(let buffer):
            return (.byteBuffer(buffer), buffer.readableBytes)
        case .file(let path, let range):
            if file?.path != path {
                file?.close()
                file = OpenFile(path: path)
            }
            return file?.region(range).map { (.fileRegion($0), Int(range.length)) }
        }
    }
}

extension Moment {
    /// The monotonic clock of the event loops.
    static func uptime() -> Moment {
        Moment(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }
}
