import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import PlatterTesting

/// A disk that cannot read some places, or not yet.
final class SickDisk: Disk {
    private struct State {
        var places: [ByteRange] = []
        var failed = 0
        var gateStart: Int64 = 0
        var isInMemory = true
        var writing: DiskError.Code?
        var creating: DiskError.Code?
    }

    private let disk: any Disk
    private let state = NIOLockedValueBox(State())
    /// Whether reads are held up, and how many are.
    private let gate = ConditionLock(value: Gate.open)
    private let held = NIOLockedValueBox(0)

    enum Gate: Equatable { case open, closed }

    init(_ disk: any Disk) { self.disk = disk }

    /// What cannot be read from now on.
    func spoil(_ range: ByteRange) { state.withLockedValue { $0.places.append(range) } }

    /// From now on no file takes more than one byte at once.
    func refuseWrites(_ code: DiskError.Code) { state.withLockedValue { $0.writing = code } }

    /// From now on no file can be made.
    func refuseFiles(_ code: DiskError.Code) { state.withLockedValue { $0.creating = code } }

    fileprivate func take(_ count: Int, to path: String) throws(DiskError) {
        guard count > 1, let code = state.withLockedValue({ $0.writing }) else { return }
        throw DiskError(code, "it takes no bytes", path: path)
    }

    /// Reads that failed.
    var failed: Int { state.withLockedValue { $0.failed } }

    /// Whether bytes count as being in memory.
    var isInMemory: Bool {
        get { state.withLockedValue { $0.isInMemory } }
        set { state.withLockedValue { $0.isInMemory = newValue } }
    }

    /// From now on who reads waits until it opens again.
    ///
    /// - Parameter start: What lies before it can be read.
    func closeGate(from start: Int64 = 0) {
        state.withLockedValue { $0.gateStart = start }
        gate.lock()
        gate.unlock(withValue: .closed)
    }

    func openGate() {
        gate.lock()
        gate.unlock(withValue: .open)
    }

    /// Reads that wait at the gate.
    var waiting: Int { held.withLockedValue { $0 } }

    fileprivate func pass(_ range: ByteRange, of path: String) throws(DiskError) {
        if range.lowerBound >= state.withLockedValue({ $0.gateStart }) {
            held.withLockedValue { $0 += 1 }
            gate.lock(whenValue: .open)
            gate.unlock()
            held.withLockedValue { $0 -= 1 }
        }
        let isSick = state.withLockedValue { state in
            state.failed += state.places.contains { $0.overlaps(range) } ? 1 : 0
            return state.places.contains { $0.overlaps(range) }
        }
        if isSick { throw DiskError(.io, "it cannot be read", path: path) }
    }

    func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        if let code = state.withLockedValue({ $0.creating }) {
            throw DiskError(code, "no more files", path: name.text)
        }
        return SickFile(try disk.createFile(name), on: self)
    }

    func openFile(_ name: DataFileName, left: FileStamp?) throws(DiskError) -> any DataFile {
        SickFile(try disk.openFile(name, left: left), on: self)
    }

    func detachFiles(without name: DataFileName) { disk.detachFiles(without: name) }
    func lacksFile(_ name: DataFileName) -> Bool { disk.lacksFile(name) }
    func removeFile(_ name: DataFileName) throws(DiskError) { try disk.removeFile(name) }

    func fileNames(inFolder folder: UInt8) throws(DiskError) -> [DataFileName] {
        try disk.fileNames(inFolder: folder)
    }

    func space() throws(DiskError) -> DiskSpace { try disk.space() }
    var punchesHoles: Bool { disk.punchesHoles }
    var isInPlace: Bool { disk.isInPlace }
    func restore() throws(DiskError) -> Bool { try disk.restore() }
    func dropBallast() -> Bool { disk.dropBallast() }
    func takeBallast() { disk.takeBallast() }
}

private final class SickFile: HandingOnFile {
    let file: any DataFile
    private let disk: SickDisk

    init(_ file: any DataFile, on disk: SickDisk) {
        self.file = file
        self.disk = disk
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        try disk.pass(.starting(at: offset, length: Int64(buffer.count)), of: path)
        return try file.read(into: buffer, at: offset)
    }

    func isResident(_ range: ByteRange) -> Bool { disk.isInMemory }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try disk.take(bytes.count, to: path)
        try file.write(bytes, at: offset)
    }
}
