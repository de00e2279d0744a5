import NIOConcurrencyHelpers
import PlatterCore

/// The bytes that flights were told they may write and have not written yet: the disk still calls them
/// free, and each flight that looks by itself would count on them.
final class RoomPledges: Sendable {
    private let bytes = NIOLockedValueBox<Int64>(0)

    /// What is pledged in all.
    var total: Int64 { bytes.withLockedValue { $0 } }

    /// - Parameter fits: Whether these bytes may be pledged beside so many others.
    func make(of bytes: Int64, where fits: (Int64) -> Bool) -> RoomPledge? {
        let bytes = max(0, bytes)
        let isMade = self.bytes.withLockedValue { total in
            guard fits(total) else { return false }
            total = total.addingClamped(bytes)
            return true
        }
        return isMade ? RoomPledge(bytes: bytes, pledges: self) : nil
    }

    fileprivate func release(_ bytes: Int64) {
        self.bytes.withLockedValue { $0 = max(0, $0 - bytes) }
    }
}

/// The promise to one flight that it may write so many bytes. It ends when it is let go.
package final class RoomPledge: Sendable {
    /// As it was made.
    let bytes: Int64
    private let left: NIOLockedValueBox<Int64>
    private let pledges: RoomPledges

    fileprivate init(bytes: Int64, pledges: RoomPledges) {
        self.bytes = bytes
        left = NIOLockedValueBox(bytes)
        self.pledges = pledges
    }

    deinit { pledges.release(left.withLockedValue { $0 }) }

    /// So many bytes were written: the disk does not call them free any more.
    func spend(_ bytes: Int64) {
        let spent = left.withLockedValue { left in
            let spent = min(max(0, bytes), left)
            left -= spent
            return spent
        }
        pledges.release(spent)
    }
}
