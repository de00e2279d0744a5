import Logging
import NIOCore
import PlatterCache
import PlatterCore
import PlatterStore

/// What the disk may do to a response: keep it waiting, fail, or not have what the index promised.
extension Delivery {
    /// How often it is looked whether the file still has what the socket is to take [1 s].
    private static let watchInterval = TimeAmount.seconds(1)

    /// Has bytes fetched from the disk where that may take its time: an event loop has others to serve.
    func warm(_ range: ByteRange) {
        if services.latency.isSlow { return fail(.slowDisk) }
        let number = pause()
        services.disk.perform(on: channel.eventLoop) { [settler = services.settler, opened] in
            settler.settle(opened, for: range)
            try FileSlices.fetch(range, of: opened.file)
        } completion: { [weak self] result in
            guard let self, endPause(number) else { return }
            switch result {
            case .success:
                warmedEnd = range.upperBound
                pump()
            case .failure(let error as DiskError): unreadable(range, error)
            case .failure: fail(.slowDisk)
            }
        }
    }

    /// What cannot be read is fetched again, and so is what the index cannot tell apart from it. When the
    /// disk does not give it even then, it comes from the origin.
    func unreadable(_ range: ByteRange, _ error: DiskError) {
        diskFailed(range, error)
        guard error.code == .io, range.lowerBound >= mendedEnd else { return fail(.unreadable) }
        mendedEnd = range.upperBound
        services.index.drop(range, of: opened.record.id, completion: goOn())
    }

    /// After an I/O error nothing of the file is trusted until it was compared with its checksums.
    func diskFailed(_ range: ByteRange, _ error: DiskError) {
        services.log.error(
            "The disk cannot be read", metadata: opened.record.naming(["error": "\(error)"]))
        guard error.code == .io else { return }
        services.damage.damaged(opened.record.id, at: range.lowerBound)
        services.damage.distrust(opened, because: .failure)
    }

    /// Somebody else has changed the file, or the disk has lost bytes of it: nothing of it is sent before
    /// it has been compared with its checksums.
    func recheck() {
        if (try? opened.file.status())?.linkCount == 0 {
            services.evictor.lookLater(at: opened.record)
        }
        // All who read it meet it at the same instant.
        if reader.entry.tellsOfChange() {
            services.log.warning(
                "A file of the cache is not as it was left; it is checked before it is used",
                metadata: opened.record.naming(["file": "\(opened.file.path)"]))
        }
        services.damage.distrust(opened, because: .excused, noted: goOn())
    }

    /// The file does not have what the index promised: the rows go, the bytes are fetched again.
    func lost(_ range: ByteRange) {
        services.log.error(
            "A file of the cache does not have what the index says",
            metadata: opened.record.naming(["file": "\(opened.file.path)"]))
        services.index.drop(range, of: opened.record.id, completion: goOn())
    }

    /// Goes on once the index has noted something, or past the store when it has not in time.
    private func goOn<Value>() -> @Sendable (Result<Value, IndexError>) -> Void {
        let number = pause()
        let loop = channel.eventLoop
        let timer = loop.assumeIsolated().scheduleTask(in: DiskWork.deadline) { [weak self] in
            self?.noted(number, isNoted: false)
        }
        let bound = NIOLoopBound((self, timer), eventLoop: loop)
        return { result in
            let isNoted = if case .success = result { true } else { false }
            loop.execute {
                let (delivery, timer) = bound.value
                timer.cancel()
                delivery.noted(number, isNoted: isNoted)
            }
        }
    }

    private func noted(_ number: Int, isNoted: Bool) {
        guard endPause(number) else { return }
        if isNoted { return pump() }
        isStoreGivenUp = true
        fail(.unnoted)
    }

    // MARK: - Watching

    /// A file that is cut short while the socket takes bytes from it would make it try for ever.
    func watchOver(_ range: ByteRange) {
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
            metadata: opened.record.naming(["file": "\(opened.file.path)"]))
        let log = services.log
        services.index.drop(range, of: opened.record.id) { result in
            guard case .failure(let error) = result else { return }
            log.error("The index cannot be written", metadata: ["error": "\(error)"])
        }
        channel.close(promise: nil)
    }
}
