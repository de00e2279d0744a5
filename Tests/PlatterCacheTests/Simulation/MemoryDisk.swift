import Foundation
import NIOConcurrencyHelpers
import PlatterCore

@testable import PlatterStore

/// What a simulated disk keeps over restarts and power cuts: files by name.
final class Platters: Sendable {
    struct State {
        var nodes: [DataFileName: MemoryNode] = [:]
        /// In the order in which they were made: what a folder lists.
        var names: [DataFileName] = []
        var nextNode: UInt64 = 1
        /// Used by others.
        var foreignBytes: Int64 = 0
        var faults = DiskFaults()
        /// What was taken away or given back, for the model: (file, range).
        var punched: [(DataFileName, ByteRange)] = []
        var openFiles = 0
        var hasBallast = false
        /// Whether holes can be punched, and whether that is known from the start.
        var hasHoles = true
        var probeFindsHoles = true
    }

    static let total: Int64 = 64 << 20
    let state = NIOLockedValueBox(State())

    var space: DiskSpace {
        state.withLockedValue { state in
            let used = state.nodes.values.reduce(state.foreignBytes) { $0 + $1.allocatedBytes }
            return DiskSpace(free: max(0, Self.total - used), total: Self.total)
        }
    }
}

/// Which operations fail, and how.
struct DiskFaults {
    enum Operation: CaseIterable { case create, open, remove, list, write, read, allocate, punch }

    var code: DiskError.Code?
    var operations: Set<Operation> = []
    /// One in so many fails.
    var oneIn: Int64 = 1
    var random = SplitMix64(seed: 1)

    mutating func error(_ operation: Operation) -> DiskError? {
        guard let code, operations.contains(operation), random.once(in: oneIn) else { return nil }
        return DiskError(code, "simulated", path: "\(operation)")
    }
}

/// The content of one file.
// Its memory is touched by the one thread of its world alone; the rest is behind a lock.
final class MemoryNode: @unchecked Sendable {
    static let capacity: Int64 = 8 << 20
    private static let block: Int64 = 4096

    struct State {
        var size: Int64 = 0
        var links: UInt64 = 1
        /// Counts up with every change, as a file's change time does.
        var changes: Int64 = 1
        var allocated = RangeSet<Int64>()
        /// Written since it was last written back to the device.
        var unsynced = RangeSet<Int64>()
        /// Could not be written back: right in memory, for as long as it is there.
        var lost = RangeSet<Int64>()
        /// Not in memory any more.
        var evicted = RangeSet<Int64>()
        /// How often that was not what is on the disk.
        var drops = 0
        /// Nobody was told of the loss yet.
        var hasFailed = false
        var syncedSize: Int64 = 0
        /// Its name was made since then.
        var isNameSynced = false
        var stamp: (changes: Int64, stamp: FileStamp)?
    }

    let number: UInt64
    let name: DataFileName
    let state = NIOLockedValueBox(State())
    private let memory: UnsafeMutableRawBufferPointer

    init(_ name: DataFileName, number: UInt64) {
        self.name = name
        self.number = number
        // Zeroed, and no memory is used before it is written to.
        memory = UnsafeMutableRawBufferPointer(
            start: calloc(Int(Self.capacity), 1), count: Int(Self.capacity))
    }

    deinit { free(memory.baseAddress) }

    var size: Int64 { state.withLockedValue { $0.size } }
    private var allocatedEnd: Int64 {
        state.withLockedValue { min(Self.capacity, $0.allocated.ranges.last?.upperBound ?? 0) }
    }
    var allocatedBytes: Int64 {
        state.withLockedValue { $0.allocated.ranges.reduce(0) { $0 + $1.length } }
    }

    func stamp() -> FileStamp? {
        state.withLockedValue { state in
            if let known = state.stamp, known.changes == state.changes { return known.stamp }
            let stamp = FileStamp(text: "\(number) \(state.size) \(state.changes) 0")
            state.stamp = stamp.map { (state.changes, $0) }
            return stamp
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        guard !bytes.isEmpty else { return }
        UnsafeMutableRawBufferPointer(rebasing: memory[Int(offset)...]).copyMemory(from: bytes)
        let range = offset..<offset + Int64(bytes.count)
        state.withLockedValue { state in
            state.changes += 1
            state.size = max(state.size, range.upperBound)
            state.allocated.insert(contentsOf: Self.blocks(range))
            state.unsynced.insert(contentsOf: range)
            state.lost.remove(contentsOf: range)
            state.evicted.remove(contentsOf: range)
        }
    }

    /// The bytes up to the end of the file, or fewer.
    func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
        let inside = range.clamped(to: 0..<size)
        return UnsafeRawBufferPointer(
            rebasing: memory[Int(inside.lowerBound)..<Int(inside.upperBound)])
    }

    func allocate(_ range: ByteRange) {
        state.withLockedValue { state in
            state.changes += 1
            state.allocated.insert(contentsOf: Self.blocks(range))
        }
    }

    func punch(_ range: ByteRange) {
        // Beyond the end there are only zeros.
        let inside = range.clamped(to: 0..<max(size, allocatedEnd))
        UnsafeMutableRawBufferPointer(
            rebasing: memory[Int(inside.lowerBound)..<Int(inside.upperBound)]
        ).initializeMemory(as: UInt8.self, repeating: 0)
        state.withLockedValue { state in
            state.changes += 1
            let first = (inside.lowerBound + Self.block - 1) / Self.block * Self.block
            let last = inside.upperBound / Self.block * Self.block
            if first < last { state.allocated.remove(contentsOf: first..<last) }
        }
    }

    // MARK: - What others do

    /// - Parameter isSeen: Whether its change time tells.
    func flip(_ offset: Int64, isSeen: Bool) {
        memory[Int(offset)] ^= 0x10
        if isSeen { state.withLockedValue { $0.changes += 1 } }
    }

    func truncate(to size: Int64) {
        let old = self.size
        punch(size..<max(size, old))
        state.withLockedValue { $0.size = min($0.size, size) }
    }

    /// Up to there it has zeros.
    func extend(to size: Int64) {
        state.withLockedValue { state in
            state.changes += 1
            state.size = max(state.size, size)
        }
    }

    func unlinked() {
        state.withLockedValue { state in
            state.links = 0
            state.changes += 1
        }
    }

    func sync() {
        state.withLockedValue { state in
            state.unsynced = RangeSet()
            state.syncedSize = state.size
            state.isNameSynced = true
        }
    }

    /// The device takes some of what is to be written back and not the rest. Nobody is told.
    ///
    /// - Returns: Whether something was lost.
    func failWriteBack(_ random: inout SplitMix64) -> Bool {
        let waiting = state.withLockedValue { $0.unsynced.ranges.map { $0 } }
        let lost = waiting.filter { _ in random.once(in: 2) }
        sync()
        state.withLockedValue { state in
            for range in lost { state.lost.insert(contentsOf: range) }
            if !lost.isEmpty { state.hasFailed = true }
        }
        return !lost.isEmpty
    }

    /// Memory is needed for something else: what was lost is read from the disk from now on, where it
    /// never was.
    func dropMemory(of wanted: ByteRange = 0..<MemoryNode.capacity) {
        let lost = state.withLockedValue { state in
            let lost = state.lost.intersection(RangeSet(wanted))
            state.lost.subtract(lost)
            if !lost.isEmpty { state.drops += 1 }
            return lost.ranges.map { $0 }
        }
        for range in lost {
            let inside = range.clamped(to: 0..<size)
            UnsafeMutableRawBufferPointer(
                rebasing: memory[Int(inside.lowerBound)..<Int(inside.upperBound)]
            ).initializeMemory(as: UInt8.self, repeating: 0)
            state.withLockedValue { $0.evicted.insert(contentsOf: range) }
        }
    }

    /// - Returns: Whether all that was written is on the device; of a loss it is told once.
    func settle() -> Bool {
        sync()
        return state.withLockedValue { state in
            defer { state.hasFailed = false }
            return !state.hasFailed
        }
    }

    /// The program was killed before anybody was told. That is not covered, so it looks like the work of
    /// somebody else.
    func excuseLoss() {
        state.withLockedValue { state in
            if state.hasFailed || state.drops > 0 || !state.lost.isEmpty { state.changes += 1 }
            state.hasFailed = false
        }
    }

    var drops: Int { state.withLockedValue { $0.drops } }

    func isSettled(_ range: ByteRange) -> Bool {
        state.withLockedValue { state in
            !state.hasFailed && !state.unsynced.ranges.contains { $0.overlaps(range) }
        }
    }

    func isResident(_ range: ByteRange) -> Bool {
        state.withLockedValue { state in
            !state.evicted.ranges.contains { $0.overlaps(range) }
        }
    }

    func wasRead(_ range: ByteRange) {
        state.withLockedValue { $0.evicted.remove(contentsOf: range) }
    }

    /// The power fails: of what was not written back any part may be lost.
    ///
    /// - Returns: Whether the file itself is lost.
    func losePower(_ random: inout SplitMix64) -> Bool {
        dropMemory()
        self.state.withLockedValue { $0.hasFailed = false }
        let state = state.withLockedValue { $0 }
        if !state.isNameSynced, random.once(in: 3) { return true }
        for range in state.unsynced.ranges where random.once(in: 2) {
            let start = range.lowerBound + random.below(range.length)
            let end = random.once(in: 2) ? range.upperBound : start + random.below(4096)
            punch(start..<max(start, min(end, range.upperBound)))
        }
        if random.once(in: 3) { truncate(to: max(state.syncedSize, random.below(state.size + 1))) }
        sync()
        return false
    }

    private static func blocks(_ range: ByteRange) -> ByteRange {
        range.lowerBound / block * block..<(range.upperBound + block - 1) / block * block
    }
}
