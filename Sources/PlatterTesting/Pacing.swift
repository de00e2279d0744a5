package import PlatterCore

/// How fast the origin is. Rates are in bytes of body a second, at least 1; nil is unlimited.
package struct Pace: Hashable, Sendable {
    /// For all connections together.
    package var bandwidth: Int64?
    /// For each connection.
    package var connectionBandwidth: Int64?
    /// Before the head of each response.
    package var latency: Duration
    /// More of it before the first response of a connection: what a handshake would take.
    package var connectionLatency: Duration
    /// Connections beyond these are reset at once; nil is no limit.
    package var maximumConnections: Int?
    /// Requests beyond these at once are refused with a status; nil is no limit.
    package var surplus: Surplus?

    package struct Surplus: Hashable, Sendable {
        package let beyond: Int
        package let status: Int

        package init(beyond: Int, status: Int) {
            self.beyond = beyond
            self.status = status
        }
    }

    package init(
        bandwidth: Int64? = nil, connectionBandwidth: Int64? = nil, latency: Duration = .zero,
        connectionLatency: Duration = .zero, maximumConnections: Int? = nil,
        surplus: Surplus? = nil
    ) {
        self.bandwidth = bandwidth
        self.connectionBandwidth = connectionBandwidth
        self.latency = latency
        self.connectionLatency = connectionLatency
        self.maximumConnections = maximumConnections
        self.surplus = surplus
    }

    /// As fast as it can.
    package static let unlimited = Pace()

    /// How long to wait before the head.
    package func delay(before request: OriginRequest) -> Duration {
        request.isFirstOnConnection ? latency + connectionLatency : latency
    }
}

/// Lets bytes through at a rate. Each slice gets a place on a time line, one behind the other, so
/// that whoever asks first goes first and the sum is exact however late a timer fires.
package struct Gate: Hashable, Sendable {
    /// So many bytes, at this moment or later.
    package struct Slot: Hashable, Sendable {
        package let bytes: Int
        package let at: Moment
    }

    /// The most in one slice: small enough that an aborted write hides few bytes from the counters,
    /// large enough for the loopback's full speed.
    package static let largestSlice = 256 << 10
    /// Shares are not cut below this, unless 10 ms of the whole rate are less.
    private static let smallestShare: Int64 = 4096
    /// A gate that lagged behind may catch up on so much, and no more: late timers cost no speed,
    /// and idle time saves up no burst.
    private static let credit = Duration.milliseconds(20)

    /// Bytes a second; nil lets all through.
    package let rate: Int64?
    /// When the next slice may go.
    private var next: Moment

    package init(rate: Int64?) {
        self.rate = rate.map { max(1, $0) }
        next = .start
    }

    /// Takes a place for at most `wanted` bytes (1 or more): about 10 ms of the rate, shared among
    /// `sharers` connections.
    package mutating func slot(upTo wanted: Int, sharers: Int, now: Moment) -> Slot {
        let largest = max(1, min(wanted, Self.largestSlice))
        guard let rate else { return Slot(bytes: largest, at: now) }
        let slice = rate / 100
        let share = max(slice / Int64(max(1, sharers)), min(slice, Self.smallestShare))
        let bytes = Int(max(1, min(share, Int64(largest))))
        let start = max(next, now.advanced(by: .zero - Self.credit))
        // At most 256 KiB in nanoseconds: far from the end of Int64. Rounded up, never too fast.
        let duration = (Int64(bytes) * 1_000_000_000 + rate - 1) / rate
        next = start.advanced(by: .nanoseconds(duration))
        return Slot(bytes: bytes, at: start)
    }
}
