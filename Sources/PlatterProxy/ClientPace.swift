import PlatterCore

/// How fast a player takes what it is sent, over all responses of its connection.
///
/// What sendfile hands on stays in the page cache until the player has taken it, and somebody who
/// writes to the file meanwhile changes it on the way. A fast player leaves no time for that; a slow one
/// is sent copies, which cost nothing at its pace.
final class ClientPace {
    /// So much is measured at a time [512 KiB]: more than the socket takes without its player.
    static let window: Int64 = 512 << 10
    /// A window taken in this time is fast [20 ms], and one that takes longer than this is slow [200 ms].
    static let fast = Duration.milliseconds(20)
    static let slow = Duration.milliseconds(200)

    private(set) var isFast = false
    private var begun: Moment?
    private var taken: Int64 = 0

    /// Bytes are about to be handed on.
    func begins(now: Moment) {
        if begun == nil { begun = now }
    }

    /// The socket has taken them.
    func took(_ bytes: Int64, now: Moment) {
        guard let begun else { return }
        taken = taken.addingClamped(bytes)
        let time = now.since(begun)
        if time > Self.slow { isFast = false }
        guard taken >= Self.window else { return }
        if time <= Self.fast { isFast = true }
        (self.begun, taken) = (nil, 0)
    }

    /// Nothing is there to be handed on: the pause is not the player's.
    func pauses() { (begun, taken) = (nil, 0) }
}
