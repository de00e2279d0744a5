import PlatterCore

/// What the last readers of an entry teach about the next one. Some players walk through a file by
/// hundreds of short looks (PLAYERS section 3, fragmented MP4): a full first request for each would
/// bring many times what they read.
struct ProbeHabit: Hashable, Sendable {
    /// The first request is never made smaller [128 KiB].
    static let smallestRequest: Int64 = 128 << 10

    /// Readers in a row that left early.
    private var looks = 0

    /// A reader has gone.
    ///
    /// - Parameters:
    ///   - taken: Bytes that it took.
    ///   - asked: Bytes that it had asked for.
    mutating func closed(taken: Int64, asked: Int64, settings: ReadAhead.Settings) {
        if taken >= settings.firstRequest {
            looks = 0
        } else if taken < asked {
            looks = min(looks + 1, 8)
        }
    }

    /// The size of the first request of the next reader: as set for the first two looks, halved with
    /// each one more.
    func firstRequest(_ settings: ReadAhead.Settings) -> Int64 {
        let halved = settings.firstRequest >> Int64(max(0, looks - 1))
        return max(halved, min(Self.smallestRequest, settings.firstRequest))
    }
}
