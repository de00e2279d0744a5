import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore
import PlatterTesting

/// A real disk that calls before it opens a file or punches one, and counts.
final class WatchedDisk: Disk {
    private let disk: PosixDisk
    private let canPunch: Bool
    private let state: NIOLockedValueBox<State>

    private struct State {
        var opening: @Sendable () -> Void = {}
        var punching: @Sendable (ByteRange) -> Void = { _ in }
        var dropped: Int64 = 0
        var punchesHoles: Bool
        var keepsFiles = false
        var openingError: DiskError?
        var creatingError: DiskError?
        var refusals: [DataFileName: DiskError] = [:]
        var space: DiskSpace?
    }

    init(_ disk: PosixDisk, canPunch: Bool, punchesHoles: Bool) {
        self.disk = disk
        self.canPunch = canPunch
        state = NIOLockedValueBox(State(punchesHoles: punchesHoles))
    }

    var punchesHoles: Bool { state.withLockedValue { $0.punchesHoles } }

    /// From now on no file can be removed.
    func keepFiles() { state.withLockedValue { $0.keepsFiles = true } }

    /// Bytes that the pass said it had taken from the index.
    var dropped: Int64 { state.withLockedValue { $0.dropped } }

    func noteDropped(_ bytes: Int64) { state.withLockedValue { $0.dropped += bytes } }

    /// Called between the end of a row and that of its bytes.
    func beforeOpening(_ action: @escaping @Sendable () -> Void) {
        state.withLockedValue { $0.opening = action }
    }

    /// From now on no file can be opened.
    func failOpening(_ error: DiskError?) { state.withLockedValue { $0.openingError = error } }

    /// From now on no hole can be made in a file.
    func refuseHoles(in name: DataFileName, _ error: DiskError) {
        state.withLockedValue { $0.refusals[name] = error }
    }

    func beforePunching(_ action: @escaping @Sendable (ByteRange) -> Void) {
        state.withLockedValue { $0.punching = action }
    }

    /// From now on no file can be made.
    func failCreating(_ error: DiskError?) { state.withLockedValue { $0.creatingError = error } }

    func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        if let error = state.withLockedValue({ $0.creatingError }) { throw error }
        return try disk.createFile(name)
    }

    func openFile(
        _ name: DataFileName, left: FileStamp?
    ) throws(DiskError) -> any DataFile {
        state.withLockedValue { $0.opening }()
        if let error = state.withLockedValue({ $0.openingError }) { throw error }
        return WatchedFile(
            try disk.openFile(name, left: left), canPunch: canPunch,
            refusal: state.withLockedValue { $0.refusals[name] },
            punching: state.withLockedValue { $0.punching },
            refused: { [state] in state.withLockedValue { $0.punchesHoles = false } })
    }

    func detachFiles(without name: DataFileName) { disk.detachFiles(without: name) }
    func lacksFile(_ name: DataFileName) -> Bool { disk.lacksFile(name) }

    func removeFile(_ name: DataFileName) throws(DiskError) {
        guard !state.withLockedValue({ $0.keepsFiles }) else {
            throw DiskError(.permission, "no file goes", path: name.text)
        }
        try disk.removeFile(name)
    }

    func fileNames(inFolder folder: UInt8) throws(DiskError) -> [DataFileName] {
        try disk.fileNames(inFolder: folder)
    }

    /// From now on the disk says that it has this.
    func hasSpace(_ space: DiskSpace) { state.withLockedValue { $0.space = space } }

    func space() throws(DiskError) -> DiskSpace {
        if let space = state.withLockedValue({ $0.space }) { return space }
        return try disk.space()
    }

    var isInPlace: Bool { disk.isInPlace }

    func restore() throws(DiskError) -> Bool { try disk.restore() }

    func dropBallast() -> Bool { disk.dropBallast() }

    func takeBallast() { disk.takeBallast() }
}

final class WatchedFile: HandingOnFile {
    let file: any DataFile
    private let canPunch: Bool
    private let refusal: DiskError?
    private let punching: @Sendable (ByteRange) -> Void
    private let refused: @Sendable () -> Void

    init(
        _ file: any DataFile, canPunch: Bool, refusal: DiskError?,
        punching: @escaping @Sendable (ByteRange) -> Void, refused: @escaping @Sendable () -> Void
    ) {
        self.file = file
        self.canPunch = canPunch
        self.refusal = refusal
        self.punching = punching
        self.refused = refused
    }

    func punch(_ range: ByteRange) throws(DiskError) {
        guard canPunch else {
            refused()
            throw DiskError(.unsupported, "no holes", path: path)
        }
        if let refusal { throw refusal }
        punching(range)
        try file.punch(range)
    }
}
