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
        case passRest(ByteRange)
    }

    private let reader: Reader
    private let services: ProxyServices
    private let index: IndexReader
    private let channel: any Channel
    private let head: () -> HTTPResponseHead
    private let ended: (Ending) -> Void
    private let slices: FileSlices
    private let begun: Moment
    private let pace: ClientPace
    private let start: Int64
    private var isHeadSent = false
    private var isWriting = false
    private var isPaused = false
    /// Up to here bytes have been fetched from the disk into memory.
    private var warmedEnd: Int64 = 0
    private var isOver = false
    /// It is really being read: the kernel may hold more of it.
    private var isTrusted = false
    private var patience: Patience?
    /// The bytes that the socket is taking from the file by itself.
    private var underWay: ByteRange?
    private var watch: Scheduled<Void>?

    /// How often it is looked whether the file still has what the socket is to take [1 s].
    private static let watchInterval = TimeAmount.seconds(1)

    /// - Parameters:
    ///   - begun: When the request came.
    ///   - pace: Of the connection.
    init(
        reader: Reader, begun: Moment, pace: ClientPace, services: ProxyServices,
        index: IndexReader,
        channel: any Channel,
        head: @escaping () -> HTTPResponseHead, ended: @escaping (Ending) -> Void
    ) {
        self.reader = reader
        self.begun = begun
        self.pace = pace
        self.services = services
        self.index = index
        self.channel = channel
        self.head = head
        self.ended = ended
        start = reader.position
        slices = FileSlices(file: reader.opened.file, allocator: channel.allocator)
    }

    var opened: Entry.Opened { reader.opened }

    // MARK: - Events

    /// Hands on what is there, one slice after the other, until the socket is full or bytes are missing.
    func pump() {
        guard !isOver, !isWriting, !isPaused, channel.isWritable else { return }
        switch reader.next(index: index) {
        case .run(let run): send(run)
        case .wait:
            pace.pauses()
            if patience == nil { startPatience() }
        case .end: complete()
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
        patience?.end()
        patience = nil
        let length = FileSlices.length(
            of: run, soFar: reader.position - start, isFast: pace.isFast)
        let range = ByteRange.starting(at: run.lowerBound, length: length)
        if range.upperBound > warmedEnd, !slices.isResident(range) { return warm(range) }
        do {
            let bytes: IOData
            switch try slices.slice(range) {
            case .bytes(let slice): bytes = slice
            case .short: return lost(range)
            case .changed(let change): return recheck(change)
            }
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
            diskFailed(error)
            fail(.store)
        }
    }

    /// Has bytes fetched from the disk where that may take its time: an event loop has others to serve.
    private func warm(_ range: ByteRange) {
        if services.latency.isSlow { return fail(.store) }
        isPaused = true
        services.disk.perform(on: channel.eventLoop) { [file = opened.file] in
            try FileSlices.fetch(range, of: file)
        } completion: { [weak self] result in
            guard let self else { return }
            isPaused = false
            guard !isOver else { return }
            switch result {
            case .success:
                warmedEnd = range.upperBound
                pump()
            case .failure(let error):
                if let error = error as? DiskError { diskFailed(error) }
                fail(.store)
            }
        }
    }

    /// After an I/O error nothing of the file is trusted until it was compared with its checksums.
    private func diskFailed(_ error: DiskError) {
        services.log.error("The disk cannot be read", metadata: ["error": "\(error)"])
        guard error.code == .io else { return }
        services.damage.damaged(opened.record.id)
        let log = services.log
        services.index.distrust(opened.record.id) { result in
            guard case .failure(let error) = result else { return }
            log.error("The index cannot be written", metadata: ["error": "\(error)"])
        }
    }

    private func sent(_ range: ByteRange, _ result: Result<Void, any Error>) {
        isWriting = false
        underWay = nil
        if case .failure(let error as IOError) = result {
            let error = DiskError(
                errno: error.errnoCode, doing: "send the file", path: opened.file.path)
            // All others are the socket's.
            if error.code == .io { diskFailed(error) }
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
        pump()
    }

    /// Somebody else has changed the file: nothing of it is sent before it has been compared with its
    /// checksums.
    private func recheck(_ change: ForeignChange) {
        services.log.warning(
            "A file of the cache was changed by somebody else; it is checked before it is used",
            metadata: ["file": "\(opened.file.path)"])
        let file = opened.file
        services.index.distrust(opened.record.id, completion: goOn { file.accept(change) })
    }

    /// Goes on once the index has noted something, or past the store when it has not in time.
    private func goOn<Value>(
        _ noted: @escaping @Sendable () -> Void = {}
    ) -> @Sendable (Result<Value, IndexError>) -> Void {
        isPaused = true
        let loop = channel.eventLoop
        let timer = loop.assumeIsolated().scheduleTask(in: DiskWork.deadline) { [weak self] in
            self?.resume(isNoted: false)
        }
        let bound = NIOLoopBound((self, timer), eventLoop: loop)
        return { result in
            let isNoted = if case .success = result { true } else { false }
            if isNoted { noted() }
            loop.execute {
                let (delivery, timer) = bound.value
                timer.cancel()
                delivery.resume(isNoted: isNoted)
            }
        }
    }

    private func resume(isNoted: Bool) {
        guard isPaused else { return }
        isPaused = false
        if isNoted { pump() } else { fail(.store) }
    }

    /// The file does not have what the index promised: the rows go, the bytes are fetched again.
    private func lost(_ range: ByteRange) {
        services.log.error(
            "A file of the cache is shorter than the index says",
            metadata: ["file": "\(opened.file.path)"])
        services.index.drop(range, of: opened.record.id, completion: goOn())
    }

    // MARK: - Watching

    /// A file that is cut short while the socket takes bytes from it would make it try for ever.
    private func watchOver(_ range: ByteRange) {
        underWay = range
        guard watch == nil else { return }
        watch = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.watchInterval) {
            [weak self] in self?.look()
        }
    }

    private func look() {
        watch = nil
        guard !isOver, let range = underWay else { return }
        guard slices.lacks(range) else { return watchOver(range) }
        services.log.error(
            "A file of the cache was cut short while it was read",
            metadata: ["file": "\(opened.file.path)"])
        let log = services.log
        services.index.drop(range, of: opened.record.id) { result in
            guard case .failure(let error) = result else { return }
            log.error("The index cannot be written", metadata: ["error": "\(error)"])
        }
        channel.close(promise: nil)
    }

    private func startPatience() {
        let patience = Patience(
            settings: services.readers.waits, isHeadSent: isHeadSent,
            since: isHeadSent ? services.readers.clock.now : begun, clock: services.readers.clock,
            loop: channel.eventLoop,
            hedge: { [reader] in reader.hedge() }, giveUp: { [weak self] in self?.timedOut() },
            isStuck: { [services] in services.latency.isSlow },
            stuck: { [weak self] in self?.fail(.store) })
        self.patience = patience
        patience.begin()
    }

    // MARK: - Ending

    private func timedOut() {
        if !isHeadSent { reader.linger() }
        end(isHeadSent ? .short : .unavailable)
    }

    private func complete() {
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        end(.complete)
    }

    private func fail(_ failure: FetchFailure) {
        guard isHeadSent else { return end(.failed(failure)) }
        switch failure {
        case .store, .bypass: end(.passRest(reader.position..<reader.range.upperBound))
        case .status, .unsatisfiable, .changed, .unreachable, .stopped: end(.short)
        }
    }

    private func end(_ ending: Ending) {
        guard !isOver else { return }
        isOver = true
        if !isWriting { release() }
        patience?.end()
        reader.close()
        ended(ending)
    }

    private func release() {
        patience?.end()
        watch?.cancel()
        reader.close()
        if !isWriting { slices.close() }
    }
}
