import Logging
import NIOCore
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterStore

/// The bytes of one response on their way to the player: the reader's runs, in slices, as fast as the
/// socket takes them. The head is written with the first bytes, so that until then a failure can still
/// be said with a status.
final class Delivery {
    enum Ending: Hashable {
        case complete
        /// Bytes are missing and will not come: the connection is to be closed after what was sent.
        case short
        /// Nothing was sent and nothing came in time.
        case unavailable
        /// Nothing was sent; the store cannot answer this.
        case failed(FetchFailure)
        /// Something was sent; these bytes are to be streamed from the origin.
        case passRest(ByteRange, StoreFault)
    }

    let reader: Reader
    let services: ProxyServices
    private let index: IndexReader
    let channel: any Channel
    private let head: () -> HTTPResponseHead
    private let detours: (ByteRange, StoreFault) -> Void
    private let ended: (Ending) -> Void
    let slices: FileSlices
    let begun: Moment
    private let pace: ClientPace
    private let start: Int64
    private(set) var isHeadSent = false
    private var isWriting = false
    private let turns: Turns
    /// Bytes that were taken since the turn began.
    private var inTurn: Int64 = 0
    /// The turn is another one's.
    private var isInLine = false
    private var isPaused = false
    /// What ends an earlier one comes too late.
    private var pauses = 0
    /// Up to here bytes have been fetched from the disk into memory.
    var warmedEnd: Int64 = 0
    /// Up to here bytes that could not be read have been fetched again.
    var mendedEnd: Int64 = 0
    private(set) var isOver = false {
        didSet { turns.ends() }
    }
    /// It is really being read: the kernel may hold more of it.
    private var isTrusted = false
    var patience: Patience?
    private var detour = Detour()
    /// While bytes are waited for that are being compared with their checksum.
    var comparison: Scheduled<Void>?
    /// A comparison took too long: for no other one is waited before the store has given bytes again.
    var isImpatient = false
    /// What the store must not give cannot be noted: all the rest comes from the origin.
    var isStoreGivenUp = false
    /// The bytes that the socket is taking from the file by itself.
    var underWay: ByteRange?
    var watch: Scheduled<Void>?

    /// - Parameters:
    ///   - begun: When the request came.
    ///   - pace: Of the connection.
    ///   - detours: Has the origin bring the next bytes; `wentOn` is to be called when it has. No head
    ///     may have been sent by then.
    init(
        reader: Reader, begun: Moment, pace: ClientPace, services: ProxyServices,
        tools: LoopTools,
        channel: any Channel,
        head: @escaping () -> HTTPResponseHead,
        detours: @escaping (ByteRange, StoreFault) -> Void,
        ended: @escaping (Ending) -> Void
    ) {
        self.reader = reader
        self.begun = begun
        self.pace = pace
        self.services = services
        index = tools.index
        turns = tools.turns
        self.channel = channel
        self.head = head
        self.detours = detours
        self.ended = ended
        start = reader.position
        turns.begins()
        slices = FileSlices(file: reader.opened.file, bodies: tools.bodies)
    }

    var opened: Entry.Opened { reader.opened }

    // MARK: - Events

    /// Hands on what is there, one slice after the other, until the socket is full or bytes are missing.
    func pump() {
        inTurn = 0
        handOn()
    }

    private func handOn() {
        guard !isOver, !isWriting, !isPaused, !isInLine, channel.isWritable else { return }
        switch reader.next(index: index) {
        case .run(let run): send(run)
        case .wait:
            pace.pauses()
            wait()
        case .end: complete()
        case .failed(.store): fail(.index(reader.indexError))
        case .failed(let failure): fail(failure)
        }
    }

    func woke(_ wakeup: Wakeup) {
        guard !isOver else { return }
        switch wakeup {
        case .look, .complete: pump()
        case .failed(let failure):
            reader.forgotten()
            // Only a wait ends with it: what is on disk is still handed on, and the next wait asks
            // again.
            if patience != nil { fail(failure) }
        }
    }

    func clientLeft() {
        guard !isOver else { return }
        isOver = true
        release()
    }

    // MARK: - Sending

    private func send(_ run: ByteRange) {
        endWait()
        isImpatient = false
        let length = FileSlices.length(
            of: run, soFar: reader.position - start, isFast: pace.isFast)
        let range = ByteRange.starting(at: run.lowerBound, length: length)
        do {
            let bytes: IOData
            let slice = try slices.slice(
                range, acceptedChanges: reader.acceptedChanges,
                mayWait: range.upperBound <= warmedEnd)
            switch slice {
            case .bytes(let slice): bytes = slice
            case .cold: return warm(range)
            case .short: return lost(range)
            case .changed: return recheck()
            case .outdated: return pump()
            }
            detour.storeAnswered()
            // The next request opens the file by its name, and finds out.
            if slices.isUnlinked { services.table.forget(reader.entry) }
            if !isHeadSent {
                isHeadSent = true
                channel.write(HTTPServerResponsePart.head(head()), promise: nil)
            }
            reader.handedOn(upTo: range.upperBound)
            isWriting = true
            pace.begins(now: services.readers.clock.now)
            if case .fileRegion = bytes { watchOver(range) }
            let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
            channel.writeAndFlush(HTTPServerResponsePart.body(bytes)).whenComplete { result in
                bound.value.sent(range, result)
            }
        } catch {
            unreadable(range, error)
        }
    }

    private func sent(_ range: ByteRange, _ result: Result<Void, any Error>) {
        isWriting = false
        underWay = nil
        if case .failure(let error as IOError) = result {
            let error = DiskError(
                errno: error.errnoCode, doing: "send the file", path: opened.file.path)
            // All others are the socket's.
            if error.code == .io { diskFailed(range, error) }
        }
        guard !isOver else { return release() }
        guard case .success = result else { return }
        pace.took(range.length, now: services.readers.clock.now)
        if !isTrusted, range.upperBound - start >= UnsentLimit.threshold {
            isTrusted = true
            // Where it fails the first limit stays, which is only slower.
            channel.setOption(UnsentLimit.option, value: UnsentLimit.later).whenFailure { _ in }
        }
        reader.taken(upTo: range.upperBound, index: index)
        inTurn = inTurn.addingClamped(range.length)
        if inTurn >= turns.length && !rest.isEmpty { takeTurn() } else { handOn() }
    }

    private func takeTurn() {
        isInLine = true
        turns.wait { [self] in
            isInLine = false
            pump()
        }
    }

    // MARK: - Pausing

    /// Nothing is handed on before the pause ends.
    ///
    /// - Returns: Its number.
    func pause() -> Int {
        isPaused = true
        pauses += 1
        return pauses
    }

    /// - Returns: Whether that pause was not over yet.
    func endPause(_ number: Int) -> Bool {
        guard isPaused, number == pauses else { return false }
        isPaused = false
        return !isOver
    }

    // MARK: - Ending

    func timedOut() {
        if !isHeadSent { reader.linger() }
        end(isHeadSent ? .short : .unavailable)
    }

    private func complete() {
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        end(.complete)
    }

    /// The store cannot give the next bytes.
    func fail(_ fault: StoreFault) {
        if let stretch = nextStretch(of: rest, fault) { return pass(stretch, fault) }
        end(isHeadSent ? .passRest(rest, fault) : .failed(.store))
    }

    private func fail(_ failure: FetchFailure) {
        if failure == .store { return fail(.storing) }
        guard isHeadSent else { return end(.failed(failure)) }
        switch failure {
        case .store, .bypass: end(.passRest(rest, .storing))
        // The version is the same, and its next request will be given from the other file.
        case .changed where opened.file.isDetached: end(.passRest(rest, .detached))
        case .status, .unsatisfiable, .changed, .unreachable, .badCertificate, .stopped:
            end(.short)
        }
    }

    /// - Returns: nil when all the rest is to be passed.
    private func nextStretch(of rest: ByteRange, _ fault: StoreFault) -> ByteRange? {
        // An origin without ranges would have to send again all that comes before each stretch.
        guard !isOver, !isStoreGivenUp, !services.damage.isSuspect, !reader.entry.lacksRanges
        else { return nil }
        let stretch = detour.stretch(of: rest) { position in
            // A slow disk takes nothing new either, and is not asked for more than it has to.
            fault.isOfReading || services.latency.isSlow
                ? position : reader.nextPresent(from: position, index: index)
        }
        return stretch.upperBound < rest.upperBound ? stretch : nil
    }

    private var rest: ByteRange { reader.position..<reader.range.upperBound }

    private func pass(_ stretch: ByteRange, _ fault: StoreFault) {
        endWait()
        // The origin is not to be asked for the same bytes twice.
        reader.forgotten()
        _ = pause()
        detours(stretch, fault)
    }

    /// The origin has brought all bytes before `position`, and the head if there was none.
    func wentOn(to position: Int64) {
        guard endPause(pauses) else { return }
        isHeadSent = true
        reader.handedOn(upTo: position)
        if services.latency.isSlow { fail(.slowDisk) } else { pump() }
    }

    private func end(_ ending: Ending) {
        guard !isOver else { return }
        isOver = true
        if !isWriting { release() }
        endWait()
        reader.close()
        ended(ending)
    }

    private func release() {
        endWait()
        watch?.cancel()
        reader.close()
        if !isWriting { slices.close() }
    }
}
