import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// Room that somebody asks for: the promise of some before bytes are written, and some that is made.
extension Evictor {
    /// At least so much is freed when the disk is full [16 MiB].
    private static let leastRoom: Int64 = 16 << 20

    /// The disk has refused bytes for want of room, whatever it says of itself.
    ///
    /// - Returns: Whether some was made.
    package func makeRoom() async -> Bool {
        await makeRoom { [policy] in policy.bytesLackingWhenRefused($0) }
    }

    /// - Parameter lacking: What has to go.
    private func makeRoom(
        _ lacking: @escaping @Sendable (EvictionPolicy.Usage) -> Int64
    ) async -> Bool {
        await making.run { [self] in
            let wanted = max(lacking(usage()), Self.leastRoom)
            let left = (try? await free(wanted, forDisk: true)) ?? wanted
            return left < wanted
        }
    }

    /// Whether so many bytes may be written without using up the disk's reserve, and without passing the
    /// limit where nothing could be taken away again. Makes room if need be.
    ///
    /// - Returns: nil when there is no room. Else nobody else is promised the same room for as long as
    ///   this is held.
    package func pledge(of bytes: Int64) async -> RoomPledge? {
        if let pledge = pledgeNow(bytes) { return pledge }
        if leavesReserve(bytes) {
            if isStuck { return nil }
            // The round under way may be one that knows nothing of these bytes.
            for _ in 1...2 where policy.bytesToFree(for: bytes, usage()) > 0 {
                _ = await shrinking.run { await self.shrink(for: bytes) }
            }
        } else {
            let isMade = await makeRoom { [policy, pledges] usage in
                let lacking = policy.bytesLacking(
                    for: pledges.total.addingClamped(bytes), usage)
                // Mere promises are no reason to take more than is lacking.
                return policy.leavesReserve(bytes, usage)
                    ? lacking : max(lacking, policy.bytesLackingWhenRefused(usage))
            }
            guard isMade else { return nil }
        }
        if let pledge = pledgeNow(bytes) { return pledge }
        if leavesReserve(bytes) {
            stuckAt.withLockedValue { $0 = clock.now }
            warn("The cache is full and keeps nothing new: all in it is pinned or in use", usage())
        }
        return nil
    }

    private func pledgeNow(_ bytes: Int64) -> RoomPledge? {
        let now = usage()
        return pledges.make(of: bytes) { policy.fits(bytes, pledged: $0, now) }
    }

    private func leavesReserve(_ bytes: Int64) -> Bool {
        policy.leavesReserve(pledges.total.addingClamped(bytes), usage())
    }

    /// Nothing could go a moment ago: what many flights ask for must not cost a round each.
    private var isStuck: Bool {
        stuckAt.withLockedValue { $0.map { clock.now.since($0) < Self.rest } ?? false }
    }

    /// Gives back the room of bytes that are in a file but not in the index, as a fetch leaves them that
    /// could not record them. Does nothing where somebody needs them, or where some are recorded.
    package func giveBack(_ range: ByteRange, of record: EntryRecord) async {
        // What cannot be given back now is when the entry goes.
        var pass = makePass()
        _ = try? await pass.punch(range, of: record)
        noteHoles()
    }

    /// The same for all of a file, when it takes more of the disk than is recorded of it.
    package func trim(_ record: EntryRecord) async {
        var pass = makePass()
        try? await pass.trim(record)
        noteHoles()
    }

    /// Forgets an entry whose file has gone, unless somebody has it in use.
    ///
    /// - Returns: Whether it is gone.
    package func removeLost(_ record: EntryRecord) async throws(IndexError) -> Bool {
        var pass = makePass()
        return try await pass.removeLost(record)
    }

    /// No file can be made: removes the least valuable entry, and with it its file.
    package func removeEntry() async -> Bool {
        await removing.run { [self] in
            var pass = makePass()
            return (try? await pass.removeOne()) ?? false
        }
    }
}
