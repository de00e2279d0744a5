import NIOCore
import PlatterCore
import PlatterStore

/// The bytes of one response on their way into the file: written in order, added to the checksum,
/// and announced piece by piece. Owned by one flight.
struct Transfer {
    /// The mark moves at least this often: 128 KiB.
    static let pieceLength = 128 << 10

    let opened: Entry.Opened
    private let requestedAt: Moment
    private let headAt: Moment
    private let start: Int64
    private var recorder: RunRecorder
    /// Runs end here, the nearest last: what is in the index already begins or ends there, and a checksum over bytes of
    /// both could not be recorded.
    private var edges: [Int64]
    /// To be recorded, and not handed out yet.
    private var due: [StoredRun] = []
    private let foreignChanges: Int
    private var reservedEnd: Int64
    private var reservationEnd: Int64
    /// All bytes from the start up to here are in the file.
    private(set) var mark: Int64

    /// - Parameter edges: Ascending.
    init(
        opened: Entry.Opened, start: Int64, requestedAt: Moment, headAt: Moment,
        edges: [Int64] = []
    ) {
        self.opened = opened
        self.start = start
        self.requestedAt = requestedAt
        self.headAt = headAt
        mark = start
        self.edges = edges.reversed()
        recorder = RunRecorder(grid: opened.grid)
        foreignChanges = opened.file.foreignChangeCount
        reservedEnd = start
        reservationEnd = start
    }

    /// Room is to be reserved, a little ahead of what is written.
    mutating func reserves(upTo end: Int64) { reservationEnd = end }

    private mutating func reserve() throws(DiskError) {
        guard mark >= reservedEnd, mark < reservationEnd else { return }
        let end = min(mark.addingClamped(Flight.reservation), reservationEnd)
        try opened.file.allocate(mark..<end)
        reservedEnd = end
    }

    /// Whether nobody else has changed the file since the transfer began, or put another one in its place, as
    /// far as is known.
    var isUndisturbed: Bool { trust() }

    /// The same, for later.
    var trust: @Sendable () -> Bool {
        { [file = opened.file, foreignChanges] in
            file.foreignChangeCount == foreignChanges && !file.isDetached
        }
    }

    /// Writes the next bytes, up to a piece of them and nothing from `end` on.
    ///
    /// - Returns: The runs to record now.
    mutating func write(
        _ buffer: inout ByteBuffer, upTo end: Int64
    ) throws(DiskError) -> [StoredRun] {
        while let edge = edges.last, edge <= mark {
            edges.removeLast()
            due += recorder.finish()
        }
        let most = min(end, edges.last ?? .max)
        let wanted = min(Int64(min(buffer.readableBytes, Self.pieceLength)), most - mark)
        guard wanted > 0,
            let piece = buffer.getSlice(at: buffer.readerIndex, length: Int(wanted))
        else { return takeDue() }
        try reserve()
        let offset = mark
        let runs: [StoredRun]
        do {
            runs = try piece.withUnsafeReadableBytes { bytes in
                try opened.file.write(bytes, at: offset)
                return RunRecorder.pieces(of: bytes, at: offset, grid: opened.grid)
            }
        } catch let error as DiskError {
            throw error
        } catch {
            throw DiskError(.other, "writing failed: \(error)", path: opened.file.path)
        }
        buffer.moveReaderIndex(forwardBy: Int(wanted))
        mark += wanted
        for run in runs { due += recorder.wrote(run) }
        return takeDue()
    }

    private mutating func takeDue() -> [StoredRun] {
        defer { due = [] }
        return due
    }

    /// What was reserved and not written.
    var unused: ByteRange { mark..<max(mark, reservedEnd) }

    /// What is left to record.
    mutating func finish() -> [StoredRun] { takeDue() + recorder.finish() }

    /// What can be expected of the connection, as measured so far.
    func pace(now: Moment) -> Pace {
        .measured(
            mark - start, seconds: now.since(headAt).inSeconds,
            roundTrip: headAt.since(requestedAt).inSeconds)
    }
}
