import HTTPTypes
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterStore

@testable import PlatterCache

/// The bytes of a response on their way from the file to the player.
extension Player {
    private static let copyLength: Int64 = 64 << 10
    private static let sliceLength: Int64 = 256 << 10

    /// Hands on what is there, a slice at a time.
    func pump() {
        guard case .reading(let reader) = phase, slice == nil else { return }
        switch reader.next(index: life.reader) {
        case .run(let run): send(run, reader)
        case .wait:
            guard patience == nil else { return }
            patience = WaitDeadlines(
                settings: life.readers.waits, isHeadSent: isHeadSent,
                since: isHeadSent ? life.clock.now : begun)
        case .end: end(.complete)
        case .failed(let failure): failed(failure)
        }
    }

    private func send(_ run: ByteRange, _ reader: Reader) {
        patience = nil
        let file = reader.opened.file
        // A slow player is sent copies.
        let longest = number % 3 == 0 ? Self.copyLength : Self.sliceLength
        let range = run.lowerBound..<min(run.upperBound, run.lowerBound + longest)
        if !file.isResident(range) {
            life.settler.settle(reader.opened, for: range)
            (file as? MemoryFile)?.node.wasRead(range)
        }
        do throws(DiskError) {
            var copy: [UInt8]?
            var isThere = true
            if range.length <= Self.copyLength {
                let bytes = try read(range, file)
                isThere = bytes.count == Int(range.length)
                copy = bytes
            } else {
                let status = try file.status()
                isThere = status.size >= range.upperBound
                if status.linkCount == 0 { life.table.forget(reader.entry) }
            }
            if let change = try file.foreignChange() { return recheck(change, reader) }
            if file.isDetached || file.acceptedChangeCount != reader.acceptedChanges {
                return pump()
            }
            guard isThere else { return lost(range, reader) }
            isHeadSent = true
            reader.handedOn(upTo: range.upperBound)
            slice = Slice(
                range: range, copy: copy, start: range.lowerBound,
                drops: (file as? MemoryFile)?.node.drops ?? 0)
        } catch {
            if error.code == .io {
                life.damage.damaged(reader.opened.record.id, at: range.lowerBound)
                life.damage.distrust(reader.opened, because: .failure)
                if range.lowerBound >= mendedEnd {
                    mendedEnd = range.upperBound
                    let id = reader.opened.record.id
                    return life.index.drop(range, of: id, completion: noted())
                }
            }
            failed(.store)
        }
    }

    private func read(_ range: ByteRange, _ file: any DataFile) throws(DiskError) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(range.length), alignment: 16)
        defer { memory.deallocate() }
        let count = try file.read(into: memory, at: range.lowerBound)
        return Array(memory[..<count])
    }

    private func recheck(_ change: ForeignChange, _ reader: Reader) {
        note("its file was changed by somebody")
        let file = reader.opened.file
        let report: @Sendable (Result<Void, IndexError>) -> Void = noted()
        life.index.distrust(reader.opened.record.id) { result in
            if case .success = result { file.accept(change) }
            report(result)
        }
    }

    private func lost(_ range: ByteRange, _ reader: Reader) {
        note("its file lacks \(range)")
        world.noteLoss(of: reader.opened.record.id)
        life.index.drop(range, of: reader.opened.record.id, completion: noted())
    }

    /// The socket takes some of the slice.
    func takeSome(_ random: inout SplitMix64) {
        guard case .reading(let reader) = phase, var current = slice else { return }
        let length =
            random.once(in: 3) ? 1 + random.below(current.range.length) : current.range.length
        let part = current.range.lowerBound..<current.range.lowerBound + length
        if let copy = current.copy {
            let start = Int(part.lowerBound - current.start)
            copy[start..<start + Int(length)].withUnsafeBytes { take($0, at: part.lowerBound) }
        } else if let file = reader.opened.file as? MemoryFile {
            let bytes = file.node.bytes(part)
            guard bytes.count == Int(length) else {
                // A file that is cut short while the socket reads it: the connection is closed.
                if !current.isExcused { fault("the file lost bytes that were on their way") }
                life.index.drop(part, of: reader.opened.record.id) { _ in }
                return end(.short)
            }
            if current.isExcused || file.node.drops != current.drops { return end(.left) }
            take(bytes, at: part.lowerBound)
        }
        guard part.upperBound == current.range.upperBound else {
            current.range = part.upperBound..<current.range.upperBound
            slice = current
            return
        }
        slice = nil
        reader.taken(upTo: part.upperBound, index: life.reader)
        pump()
    }

    /// Time has passed.
    func tick() {
        let now = life.clock.now
        switch phase {
        case .opening, .reading:
            guard let next = patience?.next, next.at <= now else { return }
            patience?.passed()
            switch (next.action, phase) {
            case (.hedge, .reading(let reader)): reader.hedge()
            case (.hedge, _): if let demand { life.readers.queue.overdue(demand) }
            case (.giveUp, _): end(isHeadSent ? .short : .unavailable)
            }
        case .starting, .passing, .ended: break
        }
    }

    /// When `tick` is next to be called.
    var due: Moment? {
        switch phase {
        case .opening, .reading: patience?.next.at
        case .starting, .passing, .ended: nil
        }
    }
}

extension AskedRange {
    /// nil: unsatisfiable.
    func resolve(_ length: Int64) -> ByteRange? {
        switch self {
        case .from(let start, let end):
            guard start < length else { return nil }
            return start..<max(start + 1, min(end ?? length, length))
        case .suffix(let count):
            guard count > 0, length > 0 else { return nil }
            return max(0, length - count)..<length
        }
    }
}
