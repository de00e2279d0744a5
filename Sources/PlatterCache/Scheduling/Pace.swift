import PlatterCore

/// What a connection brings, in bytes.
package struct Pace: Hashable, Sendable {
    /// Within a round trip: the next request is sent when so much is left of this one.
    package let handover: Int64
    /// Within so short a time that another request would not be faster.
    package let near: Int64
    /// Within so short a time that a reader for which no connection is free had better wait: to stop
    /// a flight throws away what is on its way. Never less than `near`.
    package let soon: Int64

    /// Nothing was measured yet.
    package static let unknown = Pace(handover: 0, near: .max, soon: .max)

    /// A rate is relied on after so many seconds of it [100 ms].
    static let sure = 0.1
    /// So much may come at once [128 KiB].
    private static let burst: Int64 = 128 << 10
    /// Nobody notices a shorter wait [50 ms].
    private static let shortest = 0.05
    /// A new request costs a round trip, and often a connection.
    private static let requestCost = 1.5
    /// How long a reader waits for the connection of another one [500 ms].
    static let turn = 0.5

    package init(handover: Int64, near: Int64, soon: Int64) {
        self.handover = max(0, handover)
        self.near = max(0, near)
        self.soon = max(0, near, soon)
    }

    /// All that can be said at first.
    init(handover: Double) {
        self.init(handover: Self.bytes(handover), near: .max, soon: .max)
    }

    /// - Parameter roundTrip: Seconds.
    package init(bytesPerSecond: Double, roundTrip: Double) {
        let near = max(Self.shortest, Self.requestCost * roundTrip)
        self.init(
            handover: Self.bytes(bytesPerSecond * roundTrip),
            near: Self.bytes(bytesPerSecond * near),
            soon: Self.bytes(bytesPerSecond * max(Self.turn, near)))
    }

    /// By what a connection has brought in so many seconds since the head of its answer.
    static func measured(_ bytes: Int64, seconds: Double, roundTrip: Double) -> Pace {
        // The first bytes come in bursts: they say nothing of the rate, unless no more come for a while.
        guard seconds > 0.02, bytes > Self.burst || seconds >= turn else { return .unknown }
        let rate = Double(bytes) / seconds
        // A wrong guess costs little for `handover`, but a whole request for `near`.
        return seconds < sure
            ? Pace(handover: rate * roundTrip) : Pace(bytesPerSecond: rate, roundTrip: roundTrip)
    }

    /// That of a connection that brought so many bytes before it could be measured, which is to say in
    /// less than `sure`.
    static func atLeast(_ bytes: Int64) -> Pace {
        Pace(
            handover: 0, near: bytes / 2,
            soon: bytes.multipliedClamped(by: Int64(Self.turn / Self.sure)))
    }

    /// The rate is known.
    var isMeasured: Bool { near < .max }

    /// At most 1 GiB, whatever was measured.
    private static func bytes(_ count: Double) -> Int64 {
        count < 1e9 ? Int64(max(0, count)) : 1 << 30
    }
}
