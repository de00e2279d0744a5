package import PlatterCore

/// How far beyond a reader's position to fetch, and in requests of what size (REQUIREMENTS B5).
///
/// Pure: fed with what the client has taken and when. What a client asks for says nothing about what
/// it wants, only what it takes does (PLAYERS section 7).
package struct ReadAhead: Sendable {
    package struct Settings: Hashable, Sendable {
        /// Seconds of media kept ahead, at the rate at which the client really reads [30 s].
        package var seconds = 30.0
        /// Bytes ahead of a slow reader [8 MiB] and of a fast one [200 MiB], once as much was read.
        package var least: Int64 = 8 << 20
        package var most: Int64 = 200 << 20
        /// Nothing is fetched ahead before so much was read [256 KiB].
        package var probe: Int64 = 256 << 10
        /// The first request at a cold position [512 KiB]: it lasts for a probe, and for the first
        /// round trip of what follows.
        package var firstRequest: Int64 = 512 << 10
        /// The largest request [16 MiB].
        package var largestRequest: Int64 = 16 << 20

        package init() {}
    }

    /// What a client takes at first fills its buffer and says nothing of its rate [2 s].
    private static let burst = Duration.seconds(2)

    private let settings: Settings
    private let start: Int64
    private let startedAt: Moment
    private var position: Int64
    private var sampledAt: Moment
    private var sampled: Int64
    /// Bytes ahead, and of one request, at most: what the settings say, or less where the cache is too small
    /// for all its readers. A first request may be larger.
    package var most: Int64
    /// Bytes a second, smoothed over some seconds.
    package private(set) var rate: Double = 0

    package init(settings: Settings, start: Int64, now: Moment) {
        self.settings = settings
        most = settings.most
        self.start = start
        startedAt = now
        position = start
        sampledAt = now
        sampled = start
    }

    /// The client has taken all bytes before `newPosition`.
    package mutating func read(upTo newPosition: Int64, now: Moment) {
        position = max(position, newPosition)
        guard now.since(startedAt) >= Self.burst else {
            (sampledAt, sampled) = (now, position)
            return
        }
        let elapsed = now.since(sampledAt).inSeconds
        guard elapsed >= 0.25 else { return }
        let recent = Double(position - sampled) / elapsed
        let weight = min(1, elapsed / 4)
        rate = rate == 0 ? recent : rate + (recent - rate) * weight
        (sampledAt, sampled) = (now, position)
    }

    /// Bytes that the client has taken.
    var taken: Int64 { position - start }

    /// Whether this may still be a look at a header or an index.
    package var isProbe: Bool { taken < settings.probe }

    /// The byte after the last one to fetch for this reader.
    package var windowEnd: Int64 {
        if isProbe { return max(start.addingClamped(settings.firstRequest), position) }
        let wished = rate * settings.seconds
        let ahead = wished < Double(most) ? Int64(max(0, wished)) : most
        let end = position.addingClamped(min(max(ahead, settings.least), most, ceiling))
        return max(end, start.addingClamped(settings.firstRequest))
    }

    /// Never more ahead than was taken: a player may stop at any time. The least window comes earlier, but not at once either, because
    /// some 256 KiB of what was taken may only be parked in the kernels' buffers.
    private var ceiling: Int64 {
        max(taken, min(taken.multipliedClamped(by: 3), settings.least))
    }

    /// What a reader that is blocked at `position` wants: its window, and a whole request where that
    /// is used up.
    package func wantedEnd(from position: Int64) -> Int64 {
        let end = windowEnd
        return end > position ? end : position.addingClamped(stride)
    }

    /// The size of the next request: it grows with what was read, so that what is never read costs
    /// little and what is read costs few requests.
    package var stride: Int64 {
        let wished = min(taken.multipliedClamped(by: 2), settings.largestRequest, most)
        return max(wished, min(settings.firstRequest, settings.largestRequest))
    }
}
