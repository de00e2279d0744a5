import Foundation
import PlatterCore
import PlatterStore

/// What comes from the disk: names, marks, rows, whole files.
extension FuzzTarget {
    static let storeTargets = [
        FuzzTarget("data-file-name", weight: 500) { try fuzzDataFileName(&$0) },
        FuzzTarget("checksum", weight: 300) { try fuzzChecksum(&$0) },
        FuzzTarget("run-recorder", weight: 300) { try fuzzRunRecorder(&$0) },
        FuzzTarget("cache-folder", weight: 10, prepare: prepareCacheFolder),
        FuzzTarget("index-rows", weight: 150, prepare: prepareIndexRows),
        FuzzTarget("index-changes", weight: 30, prepare: prepareIndexChanges),
        FuzzTarget("index-damage", weight: 12, prepare: prepareIndexDamage),
    ]
}

/// A folder that goes away with the process that made it, unless it dies.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/platter-fuzz-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Takes away everything that is in it.
    func empty() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.removeItem(atPath: path + "/" + name)
        }
    }
}

// MARK: - Names

private let fileNames = Corpus(
    [
        "0123456789abcdef0123456789abcdef-0123456789abcdef", "../../../../etc/passwd",
        "0123456789abcdef0123456789abcdef-0123456789abcde/", "", "-",
        "0123456789ABCDEF0123456789abcdef-0123456789abcdef",
    ], tokens: ["-", "/", "..", "abcdef", "0123456789"])

private func fuzzDataFileName(_ input: inout FuzzInput) throws {
    let text = input.text(fileNames)
    if let name = DataFileName(text) {
        let isSafe = name.text.utf8.allSatisfy { "0123456789abcdef-".utf8.contains($0) }
        try expect(
            isSafe && name.text.utf8.elementsEqual(text.utf8) && name.folder.utf8.count == 2,
            "\(text.debugDescription) is a file name")
    }
    let representation = Representation(
        key: CacheKey(input.text(.url)), validator: input.validator(),
        completeLength: input.natural())
    let name = DataFileName(representation, salt: input.next())
    try expect(DataFileName(name.text) == name, "\(representation) is called \(name)")
}

// MARK: - Checksums

private func fuzzChecksum(_ input: inout FuzzInput) throws {
    let bytes = (0..<input.below(600)).map { _ in UInt8(truncatingIfNeeded: input.next()) }
    let place = input.below(bytes.count + 1)
    let (left, right) = (bytes[..<place], bytes[place...])
    let whole = bytes.withUnsafeBytes { Checksum.crc32c(of: $0) }
    let first = left.withUnsafeBytes { Checksum.crc32c(of: $0) }
    let second = right.withUnsafeBytes { Checksum.crc32c(of: $0) }
    let after = right.withUnsafeBytes { Checksum.crc32c(of: $0, after: first) }
    try expect(
        after == whole && Checksum.combine(first, second, length: Int64(right.count)) == whole,
        "\(bytes) cut at \(place)")
    // Lengths of which no bytes exist: the same however they are put together.
    let (near, far) = (input.natural() / 2, input.natural() / 2)
    let once = Checksum.combine(first, 0, length: near + far)
    let twice = Checksum.combine(Checksum.combine(first, 0, length: near), 0, length: far)
    try expect(once == twice, "\(first) shifted by \(near) and \(far)")
    _ = Checksum.combine(first, second, length: input.number())
}

private func fuzzRunRecorder(_ input: inout FuzzInput) throws {
    let chunkLength = ChunkGrid.minimumChunkLength + input.natural(upTo: 1000)
    guard let grid = ChunkGrid(chunkLength: chunkLength, completeLength: input.natural()) else {
        return
    }
    var recorder = RunRecorder(grid: grid, flushLength: input.number())
    // Where chunks meet, at the end, or anywhere.
    let boundary = grid.range(of: grid.index(of: input.natural())).upperBound
    var offset = max(0, (input.oneIn(2) ? boundary : input.natural()) - input.natural(upTo: 300))
    var told: [StoredRun] = []
    var expected: [ByteRange] = []
    for _ in 0..<input.below(6) {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: offset), count: input.below(400))
        let pieces = bytes.withUnsafeBytes { RunRecorder.pieces(of: $0, at: offset, grid: grid) }
        expected += pieces.map(\.range)
        for piece in pieces { told += recorder.wrote(piece) }
        offset = input.oneIn(8) ? input.natural() : offset.addingClamped(Int64(bytes.count))
    }
    told += recorder.finish()
    try expect(recorder.finish().isEmpty, "runs are told twice")
    let isWithin = told.allSatisfy { run in
        grid.index(of: run.range.lowerBound) == grid.index(of: run.range.upperBound - 1)
            && run.range.upperBound <= grid.completeLength
    }
    let bytes = told.reduce(Int64(0)) { $0 + $1.range.length }
    try expect(
        isWithin && bytes == expected.reduce(0) { $0 + $1.length },
        "\(expected) of \(grid) became \(told)")
}

// MARK: - The folder

@Sendable private func prepareCacheFolder() throws -> FuzzTarget.Execution {
    let scratch = try ScratchFolder()
    let folder = scratch.path + "/cache"
    try PosixDisk(root: folder).unlock()
    let marker = folder + "/CACHEDIR.TAG"
    let right = try String(contentsOfFile: marker, encoding: .utf8)
    let texts = Corpus([right, "", "Signature: 8a477f597d28d172789f06886806bc55\n"], tokens: ["1"])
    return { input in
        try scratch.empty()
        let bytes = input.bytes(texts)
        try FileManager.default.createDirectory(
            atPath: folder + "/objects/ab", withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: marker))
        let name = input.text(fileNames).filter { $0 != "/" && $0 != "\0" }
        _ = FileManager.default.createFile(
            atPath: folder + "/objects/ab/" + String(name.prefix(60)), contents: Data())
        try expect(
            try isTaken(folder) == isOurs(bytes.prefix(1024), marker: right),
            "the marker is \(bytes)")
    }
}

/// A crash leaves the beginning of a marker, and a power cut zeros where it did not get. The first line alone
/// is the marker of any cache.
private func isOurs(_ bytes: ArraySlice<UInt8>, marker: String) -> Bool {
    let end = (bytes.lastIndex { $0 != 0 } ?? bytes.startIndex - 1) + 1
    let written = bytes[..<end]
    let foreign = marker.split(separator: "\n")[0].utf8
    return marker.utf8.starts(with: written) && !written.elementsEqual(foreign)
        && !written.elementsEqual(Array(foreign) + [10])
}

/// Opens the folder and what looks like data files in it.
private func isTaken(_ folder: String) throws -> Bool {
    let disk: PosixDisk
    do throws(DiskError) {
        disk = try PosixDisk(root: folder)
    } catch {
        guard error.code == .notOurs else { throw error }
        return false
    }
    for name in try disk.fileNames(inFolder: 0xAB) {
        _ = try disk.openFile(name, left: nil).status()
    }
    return true
}
