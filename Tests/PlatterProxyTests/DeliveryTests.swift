import NIOCore
import NIOEmbedded
import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache
@testable import PlatterProxy

/// What a player gets of a disk that fails in the middle of a response.
@Suite("A response from a disk that is not well", .timeLimit(.minutes(1)))
struct DeliveryTests {
    private static let length = Screening.length
    /// A sector.
    private static let sector: Int64 = 4096

    private func expectFilm(
        _ response: Screening.Response, isReusable: Bool,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(response.status == 200, sourceLocation: location)
        #expect(response.isWhole && isReusable, sourceLocation: location)
        #expect(Int64(response.bytes.count) == Self.length, sourceLocation: location)
        #expect(
            response.bytes == FilmOrigin.bytes(0..<Self.length), "other bytes",
            sourceLocation: location)
    }

    @Test("nothing is asked of the origin while the disk is well")
    func well() async throws {
        try await Screening.run { screening in
            try await screening.begin()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.fetching.asked.isEmpty && screening.passing.asked.isEmpty)
        }
    }

    @Test("others of the loop have their turn in between")
    func turns() async throws {
        try await Screening.run { screening in
            try await screening.begin(beside: 1)
            for turn in 1...5 {
                #expect(try await screening.takenLength() == turn << 20)
                await screening.loop.advanceTime(by: .microseconds(20))
            }
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
        }
    }

    @Test(
        "what cannot be read comes from the origin, and the rest from the disk again",
        arguments: [0, 100_000, 3 << 20, (3 << 20) + 300_000], [true, false])
    func sick(place: Int64, isInMemory: Bool) async throws {
        try await Screening.run { screening in
            screening.disk.isInMemory = isInMemory
            screening.disk.spoil(.starting(at: place, length: Self.sector))
            try await screening.begin()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.disk.failed >= 2, "it is fetched again before it is passed by")
            #expect(screening.passing.asked.count == 1)
            let passed = try #require(screening.passing.asked.first)
            #expect(passed.lowerBound <= place && place + Self.sector <= passed.upperBound)
            for range in screening.passing.asked + screening.fetching.asked {
                #expect(range.upperBound <= place + 2 * Screening.chunk, "\(range)")
            }
        }
    }

    @Test("what cannot be read at the end comes from the origin too")
    func sickEnd() async throws {
        try await Screening.run { screening in
            screening.disk.spoil(Self.length - 1..<Self.length)
            try await screening.begin()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.disk.failed >= 2)
        }
    }

    @Test("a hole is fetched again, though an older index says that its bytes are there")
    func hole() async throws {
        try await Screening.run { screening in
            let file = try screening.openFile()
            // Where the file system has no holes it is noted all the same.
            try? file.punch(100_000..<200_000)
            try await screening.begin()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.fetching.asked.contains { $0.overlaps(100_000..<200_000) })
            withExtendedLifetime(file) {}
        }
    }

    @Test(
        "another file in its place: the request begins anew, or the rest comes from the origin",
        arguments: [0, 3 << 20])
    func swapped(place: Int64) async throws {
        try await Screening.run { screening in
            screening.disk.isInMemory = false
            screening.disk.closeGate(from: place)
            try await screening.begin()
            try await screening.until { screening.disk.waiting > 0 }
            try screening.swapFile()
            screening.disk.openGate()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            if place == 0 {
                #expect(screening.passing.asked.isEmpty && !screening.fetching.asked.isEmpty)
            } else {
                #expect(screening.passing.asked == [place..<Self.length])
            }
        }
    }

    @Test(
        "a file that takes no bytes is passed by, and the disk only where no other can be made",
        arguments: [false, true])
    func refusing(isDisk: Bool) async throws {
        try await Screening.run { screening in
            try await screening.forget(0..<Screening.chunk)
            screening.disk.refuseWrites(.permission)
            if isDisk { screening.disk.refuseFiles(.permission) }
            try await screening.begin()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(try screening.reasonToBypass() == (isDisk ? nil : .store))
        }
    }

    @Test(
        "a comparison that takes too long is waited for until its deadline, and for no other after it"
    )
    func slowComparison() async throws {
        try await Screening.run { screening in
            try await screening.distrust()
            screening.disk.closeGate()
            try await screening.begin()
            try await screening.until { screening.disk.waiting > 0 }
            let deadline = screening.loop.now + DiskWork.deadline
            await screening.loop.advanceTime(to: deadline - .nanoseconds(1))
            #expect(screening.passing.asked.isEmpty)
            await screening.loop.advanceTime(to: deadline)
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.loop.now == deadline)
            #expect(screening.disk.waiting > 0, "it goes on all the same")
            #expect(screening.fetching.asked.isEmpty)
            #expect(screening.passing.asked.first == 0..<Detour.least)
        }
    }

    @Test("an index that does not answer is asked again after each stretch, and those double")
    func silentIndex() async throws {
        try await Screening.run { screening in
            screening.disk.isInMemory = false
            screening.disk.closeGate()
            try await screening.begin()
            try await screening.until { screening.disk.waiting > 0 }
            try screening.condemnIndex()
            screening.disk.openGate()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            let mib: Int64 = 1 << 20
            #expect(screening.passing.asked == [0..<mib, mib..<3 * mib, 3 * mib..<6 * mib])
        }
    }

    @Test("a comparison that ends in time is worth the wait")
    func comparison() async throws {
        try await Screening.run { screening in
            try await screening.distrust()
            screening.disk.closeGate()
            try await screening.begin()
            try await screening.until { screening.disk.waiting > 0 }
            await screening.loop.advanceTime(by: DiskWork.deadline - .nanoseconds(1))
            screening.disk.openGate()
            let (response, isReusable) = try await screening.finish()
            expectFilm(response, isReusable: isReusable)
            #expect(screening.passing.asked.isEmpty && screening.fetching.asked.isEmpty)
        }
    }
}
