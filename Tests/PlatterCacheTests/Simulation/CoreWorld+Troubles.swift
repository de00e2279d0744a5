import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterStore

@testable import PlatterCache

/// What goes wrong.
extension CoreWorld {
    func trouble() {
        switch random.below(12) {
        case 0..<3 where woes.contains(.versions): changeVersion()
        case 3..<5 where woes.contains(.disk): breakDisk()
        case 5 where woes.contains(.disk): fillDisk()
        case 6..<8 where woes.contains(.tampering): tamper()
        case 8 where woes.contains(.rows): deleteRows()
        case 9 where woes.contains(.index): random.once(in: 3) ? damageIndex() : backUp()
        case 10 where woes.contains(.restarts) && random.once(in: 2): restart()
        case 11 where woes.contains(.eviction) && pinned == nil: pin()
        default: random.once(in: 6) ? life.scrub() : writeBack()
        }
    }

    /// All is well again.
    func mend() {
        platters.state.withLockedValue { state in
            state.faults = DiskFaults()
            state.foreignBytes = 0
        }
        life.damage.foundClean()
    }

    /// The kernel writes some files back to the device, and may need their memory.
    private func writeBack() {
        let nodes = platters.state.withLockedValue { state in
            state.names.compactMap { state.nodes[$0] }
        }
        // An index of before such a loss would not know of it.
        let mayFail = woes.contains(.disk) && !woes.contains(.index)
        for node in nodes where random.once(in: 2) {
            if mayFail, random.once(in: 2), node.failWriteBack(&random) {
                note("some of \(node.name) does not reach the disk")
                count("lost writes")
            } else {
                node.sync()
            }
        }
        for node in nodes where mayFail && random.once(in: 2) { node.dropMemory() }
    }

    // MARK: - The disk

    private func breakDisk() {
        var faults = DiskFaults()
        if random.once(in: 2) {
            faults.code = random.pick(DiskError.Code.allCases)
            faults.operations = Set(
                DiskFaults.Operation.allCases.filter { _ in random.once(in: 2) })
            faults.oneIn = 1 + random.below(4)
            faults.random = SplitMix64(seed: random.next())
            count("disk faults")
            note(
                "the disk fails: \(faults.code as Any), \(faults.operations.map { "\($0)" }.sorted())"
            )
        } else {
            note("the disk works")
        }
        platters.state.withLockedValue { [faults] in $0.faults = faults }
    }

    private func fillDisk() {
        let bytes = random.once(in: 2) ? 0 : Platters.total - random.below(6 << 20)
        note("others have \(bytes) bytes of the disk")
        platters.state.withLockedValue { $0.foreignBytes = bytes }
    }

    // MARK: - Other people

    /// Somebody writes into a file, cuts it short, deletes it, or puts another in its place.
    private func tamper() {
        let nodes = platters.state.withLockedValue { state in
            state.names.compactMap { state.nodes[$0] }
        }
        guard let node = random.pick(nodes) else { return }
        count("tampering")
        for player in players { player.excuse(node) }
        switch random.below(4) {
        case 0 where node.number.isMultiple(of: 2):
            note("somebody puts zeros in the place of \(node.name)")
            platters.swap(node)
        case 0:
            note("somebody deletes \(node.name)")
            _ = platters.remove(node.name)
        case 1:
            let size = random.below(node.size + 1)
            note("somebody cuts \(node.name) to \(size)")
            node.truncate(to: size)
        default: flip(node, isSeen: true)
        }
    }

    func flip(_ node: MemoryNode, isSeen: Bool) {
        guard node.size > 0 else { return }
        let offset = random.below(node.size)
        note("byte \(offset) of \(node.name) is not what it was")
        node.flip(offset, isSeen: isSeen)
    }

    private func pin() {
        guard let film = random.pick(films), life.hasIndex else { return }
        pinned = film.key
        isKept.withLockedValue { $0 = false }
        let wish = NewDownload(
            key: film.key, url: film.url.description, isPinned: true, createdAt: wallTime)
        note("\(film.key) is to be kept")
        let index = life.index
        Task(executorPreference: life.executor) { [isKept] in
            let isNoted = (try? await index.enqueue(wish)) != nil
            isKept.withLockedValue { $0 = isNoted }
        }
    }

    // MARK: - The index

    private func deleteRows() {
        let statements = [
            "DELETE FROM cache_chunks",
            "DELETE FROM cache_chunks WHERE start >= \(random.below(2 << 20))",
            "DELETE FROM cache_chunks WHERE entry = \(1 + random.below(6))",
            "DELETE FROM cache_chunks WHERE start % 3 = 0",
            "PRAGMA foreign_keys = ON; DELETE FROM cache_entries WHERE id = \(1 + random.below(6))",
        ]
        guard let statement = random.pick(statements), !life.isIndexForeign else { return }
        count("rows deleted")
        note(statement)
        ForeignHand.run(statement, on: life.folder + "/index.sqlite")
    }

    private func damageIndex() {
        count("index damage")
        let path = life.folder + "/index.sqlite"
        switch random.below(5) {
        case 4 where FileManager.default.fileExists(atPath: backup + "/index.sqlite"):
            note("somebody puts an old index in its place")
            life.isIndexForeign = true
            rename(backup + "/index.sqlite", path)
        case 0:
            note("somebody deletes the index")
            life.isIndexForeign = true
            for suffix in ["", "-wal"] { unlink(path + suffix) }
        case 1:
            note("somebody puts another index in its place")
            life.isIndexForeign = true
            try? Self.template.write(to: URL(fileURLWithPath: path + ".new"))
            rename(path + ".new", path)
        case 2: ForeignHand.damage(path + "-wal", &random)
        default: ForeignHand.damage(path, &random)
        }
    }
}

/// Somebody else who has the files of the index open.
enum ForeignHand {
    static func damage(_ path: String, _ random: inout SplitMix64) {
        guard let file = FileHandle(forUpdatingAtPath: path) else { return }
        defer { try? file.close() }
        let size = (try? file.seekToEnd()) ?? 0
        guard size > 0 else { return }
        let offset = UInt64(random.below(Int64(size)))
        try? file.seek(toOffset: offset)
        let garbage = (0..<(1 + random.below(64))).map { _ in UInt8(random.below(256)) }
        try? file.write(contentsOf: Data(garbage))
    }
}
