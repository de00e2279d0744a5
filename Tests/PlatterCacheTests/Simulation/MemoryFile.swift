import NIOConcurrencyHelpers
import PlatterCore

@testable import PlatterStore

/// The disk as one life of the program sees it. After its end it can change nothing any more.
final class MemoryDisk: Disk {
    private struct InUse {
        weak var file: MemoryFile?
    }

    let platters: Platters
    private let inUse = NIOLockedValueBox<[DataFileName: InUse]>([:])
    private let isDead = NIOLockedValueBox(false)
    private let isPunching: NIOLockedValueBox<Bool>

    init(_ platters: Platters) {
        self.platters = platters
        isPunching = NIOLockedValueBox(platters.state.withLockedValue { $0.probeFindsHoles })
    }

    func die() { isDead.withLockedValue { $0 = true } }

    /// Files that somebody has open.
    var openFiles: [DataFileName] {
        inUse.withLockedValue { $0.filter { $0.value.file != nil }.map(\.key) }
    }

    func check(_ operation: DiskFaults.Operation) throws(DiskError) {
        if isDead.withLockedValue({ $0 }) { throw DiskError(.io, "the program ended", path: "") }
        let error = platters.state.withLockedValue { $0.faults.error(operation) }
        if let error { throw error }
    }

    private func share(_ node: MemoryNode, left: FileStamp?) -> MemoryFile {
        inUse.withLockedValue { inUse in
            if let known = inUse[node.name]?.file {
                if known.node === node { return known }
                known.detach()
            }
            let file = MemoryFile(node, disk: self, left: left)
            inUse[node.name] = InUse(file: file)
            return file
        }
    }

    func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        try check(.create)
        let node: MemoryNode? = platters.state.withLockedValue { state in
            guard state.nodes[name] == nil else { return nil }
            let node = MemoryNode(name, number: state.nextNode)
            state.nextNode += 1
            state.nodes[name] = node
            state.names.append(name)
            return node
        }
        guard let node else { throw DiskError(.exists, "it is there", path: name.text) }
        return share(node, left: node.stamp())
    }

    func openFile(_ name: DataFileName, left: FileStamp?) throws(DiskError) -> any DataFile {
        try check(.open)
        guard let node = platters.state.withLockedValue({ $0.nodes[name] }) else {
            throw DiskError(.missing, "there is none", path: name.text)
        }
        return share(node, left: left)
    }

    func detachFiles(without name: DataFileName) {
        let node = platters.state.withLockedValue { $0.nodes[name] }
        inUse.withLockedValue { inUse in
            if let file = inUse[name]?.file, file.node !== node { file.detach() }
        }
    }

    func lacksFile(_ name: DataFileName) -> Bool {
        platters.state.withLockedValue { $0.nodes[name] == nil }
    }

    func removeFile(_ name: DataFileName) throws(DiskError) {
        try check(.remove)
        guard platters.remove(name) else {
            throw DiskError(.missing, "there is none", path: name.text)
        }
    }

    func fileNames(inFolder folder: UInt8) throws(DiskError) -> [DataFileName] {
        try check(.list)
        let digits = String(folder, radix: 16)
        let name = digits.count == 1 ? "0" + digits : digits
        return platters.state.withLockedValue { $0.names.filter { $0.folder == name } }
    }

    func space() throws(DiskError) -> DiskSpace { platters.space }

    var punchesHoles: Bool { isPunching.withLockedValue { $0 } }

    /// As a real one learns it from a file.
    func learn(_ error: DiskError) {
        if error.code == .unsupported { isPunching.withLockedValue { $0 = false } }
    }

    var isInPlace: Bool { true }

    func restore() throws(DiskError) -> Bool { false }

    func dropBallast() -> Bool {
        platters.state.withLockedValue { state in
            defer { state.hasBallast = false }
            return state.hasBallast
        }
    }

    func takeBallast() { platters.state.withLockedValue { $0.hasBallast = true } }
}

extension Platters {
    /// - Returns: Whether there was such a file.
    func remove(_ name: DataFileName) -> Bool {
        let node = state.withLockedValue { state in
            state.names.removeAll { $0 == name }
            return state.nodes.removeValue(forKey: name)
        }
        node?.unlinked()
        return node != nil
    }

    /// Another file has its name and its size.
    func swap(_ node: MemoryNode) {
        state.withLockedValue { state in
            let other = MemoryNode(node.name, number: state.nextNode)
            state.nextNode += 1
            other.extend(to: node.size)
            state.nodes[node.name] = other
        }
        node.unlinked()
    }
}

/// One open file. Notices what others do to it as a real one does.
final class MemoryFile: DataFile {
    let node: MemoryNode
    private let disk: MemoryDisk
    private let watch: NIOLockedValueBox<FileWatch>
    private let detached = NIOLockedValueBox(false)

    init(_ node: MemoryNode, disk: MemoryDisk, left: FileStamp?) {
        self.node = node
        self.disk = disk
        watch = NIOLockedValueBox(FileWatch(left: left))
    }

    var path: String { node.name.text }
    var fileDescriptor: Int32 { -1 }

    private func change(
        _ operation: DiskFaults.Operation, _ body: (DiskError?) throws(DiskError) -> Void
    ) throws(DiskError) {
        let failure: DiskError?
        do throws(DiskError) {
            try disk.check(operation)
            failure = nil
        } catch {
            failure = error
        }
        look { $0.willChange($1) }
        defer { watch.withLockedValue { $0.didChange(node.stamp()) } }
        try body(failure)
    }

    @discardableResult
    private func look<Answer>(_ body: (inout FileWatch, FileStamp) -> Answer) -> Answer? {
        node.stamp().map { stamp in watch.withLockedValue { body(&$0, stamp) } }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        guard offset + Int64(bytes.count) <= MemoryNode.capacity else {
            throw DiskError(.tooLarge, "simulated", path: path)
        }
        try change(.write) { (failure) throws(DiskError) in
            // Any part of it may be in the file.
            let part = failure == nil ? bytes.count : bytes.count / 2
            let isFull = disk.platters.space.free < Int64(bytes.count)
            if failure?.code != .readOnly, !isFull {
                node.write(UnsafeRawBufferPointer(rebasing: bytes[..<part]), at: offset)
            }
            if let failure { throw failure }
            if isFull { throw DiskError(.noSpace, "simulated", path: path) }
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        try disk.check(.read)
        let bytes = node.bytes(offset..<offset.addingClamped(Int64(buffer.count)))
        buffer.copyMemory(from: bytes)
        node.wasRead(offset..<offset.addingClamped(Int64(buffer.count)))
        return bytes.count
    }

    func allocate(_ range: ByteRange) throws(DiskError) {
        guard disk.punchesHoles else { return }
        try change(.allocate) { (failure) throws(DiskError) in
            if let failure { throw failure }
            node.allocate(range.clamped(to: 0..<MemoryNode.capacity))
        }
    }

    func punch(_ range: ByteRange) throws(DiskError) {
        try change(.punch) { (failure) throws(DiskError) in
            let isPossible = disk.platters.state.withLockedValue { $0.hasHoles }
            let failure =
                isPossible ? failure : DiskError(.unsupported, "simulated", path: path)
            if let failure {
                disk.learn(failure)
                throw failure
            }
            node.punch(range)
            disk.platters.state.withLockedValue { $0.punched.append((node.name, range)) }
        }
    }

    func isResident(_ range: ByteRange) -> Bool { node.isResident(range) }

    func isSettled(_ range: ByteRange) -> Bool { node.isSettled(range) }

    func settle() throws(DiskError) {
        if node.settle() { return }
        watch.withLockedValue { $0.doubt() }
        throw DiskError(.io, "simulated", path: path)
    }

    func readFromDisk(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        node.dropMemory(of: .starting(at: offset, length: Int64(buffer.count)))
        return try read(into: buffer, at: offset)
    }

    /// Nobody puts an older index in its place here.
    func wasPunched(in range: ByteRange) -> Bool { false }

    func status() throws(DiskError) -> FileStatus {
        try disk.check(.read)
        let (size, links) = node.state.withLockedValue { ($0.size, $0.links) }
        return FileStatus(size: size, linkCount: links, allocatedBytes: node.allocatedBytes)
    }

    func foreignChange() throws(DiskError) -> ForeignChange? {
        look { watch, stamp in
            watch.look(stamp)
            return watch.foreignChange
        } ?? nil
    }

    func accept(_ change: ForeignChange) { watch.withLockedValue { $0.accept(change) } }

    var foreignChangeCount: Int { watch.withLockedValue { $0.foreignCount } }

    var acceptedChangeCount: Int { watch.withLockedValue { $0.acceptedCount } }

    var isDetached: Bool { detached.withLockedValue { $0 } }

    func detach() { detached.withLockedValue { $0 = true } }

    var stamp: FileStamp? { isDetached ? nil : watch.withLockedValue { $0.stamp } }
}
