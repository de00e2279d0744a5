import Foundation
import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore

@testable import PlatterCache

/// Ends and beginnings of the program.
extension CoreWorld {
    /// The program is killed, or the power fails, and it starts again.
    func restart(isPowerCut: Bool? = nil) {
        let isPowerCut = isPowerCut ?? random.once(in: 2)
        count(isPowerCut ? "power cuts" : "kills")
        note(isPowerCut ? "the power fails" : "the program is killed")
        for player in players { player.vanish() }
        players = []
        let last = life
        lives += 1
        let folder = root + "/\(lives)"
        copyIndex(from: last.folder, to: folder)
        last.die()
        let nodes = platters.state.withLockedValue { Array($0.nodes.values) }
        if !isPowerCut { for node in nodes { node.excuseLoss() } }
        mailbox.clear()
        let now = last.clock.now
        if isPowerCut { losePower(folder) }
        if woes.contains(.index), random.once(in: 3) { restore(to: folder) }
        if woes.contains(.tampering) { tamperWhileDown(isPowerCut) }
        heardCalls = 0
        life = Self.makeLife(
            folder, boot: "boot \(boots)", platters: platters, now: now, wall: wall,
            settings: settings, seed: seed &+ UInt64(lives), log: log)
        leftovers.append(Leftover(last))
        life.start()
    }

    /// As they are at this instant: nothing is closed or written out.
    private func copyIndex(from last: String, to folder: String) {
        let manager = FileManager.default
        try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let names = (try? manager.contentsOfDirectory(atPath: last)) ?? []
        // SQLite makes the shared memory anew.
        for name in names.sorted() where !name.hasSuffix("-shm") {
            try? manager.copyItem(atPath: last + "/" + name, toPath: folder + "/" + name)
        }
    }

    /// Somebody keeps a copy of the index.
    func backUp() {
        note("the index is copied")
        try? FileManager.default.removeItem(atPath: backup)
        copyIndex(from: life.folder, to: backup)
    }

    var backup: String { root + "/backup" }

    /// Somebody puts the copy back.
    private func restore(to folder: String) {
        guard FileManager.default.fileExists(atPath: backup) else { return }
        note("the copy of the index is put back")
        count("old indexes")
        try? FileManager.default.removeItem(atPath: folder)
        copyIndex(from: backup, to: folder)
    }

    private func losePower(_ folder: String) {
        boots += 1
        let nodes = platters.state.withLockedValue { state in
            state.names.compactMap { state.nodes[$0] }
        }
        for node in nodes where node.losePower(&random) {
            note("\(node.name) is lost")
            _ = platters.remove(node.name)
        }
        // The index's log is not written back at once either; what it lacks are its last commits.
        let log = folder + "/index.sqlite-wal"
        guard random.once(in: 2), let file = FileHandle(forUpdatingAtPath: log) else { return }
        defer { try? file.close() }
        let size = Int64((try? file.seekToEnd()) ?? 0)
        try? file.truncate(atOffset: UInt64(random.below(size + 1)))
    }

    private func tamperWhileDown(_ isPowerCut: Bool) {
        let nodes = platters.state.withLockedValue { state in
            state.names.compactMap { state.nodes[$0] }
        }
        // A bit that rots tells nobody; it is looked for at the first use after a boot.
        for node in nodes where random.once(in: 3) { flip(node, isSeen: !isPowerCut) }
    }
}

/// What should not outlive a life.
struct Leftover {
    private weak var queue: FetchDispatcher?
    private weak var table: EntryTable?

    init(_ life: Life) {
        queue = life.queue
        table = life.table
    }

    var isLeft: Bool { queue != nil || table != nil }
}
