import Foundation
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
import PlatterStore

@testable import PlatterCache

/// The whole of the cache in a simulated world: players, origins, a disk, clocks, and all that goes
/// wrong with them. The seed decides everything.
final class CoreWorld {
    /// What may go wrong in the world of a seed.
    struct Woes: OptionSet {
        let rawValue: Int

        static let origins = Woes(rawValue: 1)
        static let versions = Woes(rawValue: 2)
        static let disk = Woes(rawValue: 4)
        static let tampering = Woes(rawValue: 8)
        static let rows = Woes(rawValue: 16)
        static let index = Woes(rawValue: 32)
        static let restarts = Woes(rawValue: 64)
        static let eviction = Woes(rawValue: 128)
        static let all = Woes(rawValue: 255)
    }

    let seed: UInt64
    let woes: Woes
    var random: SplitMix64
    var films: [ModelFilm] = []
    var players: [Player] = []
    var life: Life
    let platters = Platters()
    let mailbox = Mailbox()
    let settings: Life.Settings
    /// No more faults and no more visitors.
    var isCalm = false
    /// The film that a person wants kept.
    var pinned: CacheKey?
    /// The index has noted it: from here on it is promised.
    let isKept = NIOLockedValueBox(false)
    var flaw: String?
    var counts: [String: Int] = [:]
    /// Bytes that players took, and that origins sent.
    var taken: Int64 = 0
    var sent: Int64 = 0
    var events = 0
    var nextPlayer = 1
    var nextVersion = 1
    var lives = 1
    var boots = 1
    var heardCalls = 0
    var keptEntry: EntryID?
    var keptBytes: Int64 = 0
    /// Bytes asked for that were on disk.
    var wasted: Int64 = 0
    var leftovers: [Leftover] = []
    let wall = NIOLockedValueBox<Int64>(1_700_000_000)
    let log: Logger
    let trace: Trace
    let root: String

    /// - Parameter chosen: What may go wrong; nil leaves it to the seed.
    init(seed: UInt64, isTracing: Bool = false, woes chosen: Woes? = nil) throws {
        self.seed = seed
        random = SplitMix64(seed: seed)
        trace = Trace(isOn: isTracing)
        log = Logger(label: "simulation") { [trace] _ in TraceLog(trace: trace) }
        let drawn = seed % 4 == 0 ? [] : Woes(rawValue: Int(random.below(256)))
        woes = chosen ?? drawn
        settings = Self.settings(&random, isTight: woes.contains(.eviction))
        root = Self.folder(seed)
        try FileManager.default.createDirectory(
            atPath: root + "/1", withIntermediateDirectories: true)
        try Self.template.write(to: URL(fileURLWithPath: root + "/1/index.sqlite"))
        // By the number alone, so that the worlds of before are as they were.
        platters.state.withLockedValue { state in
            state.hasHoles = seed % 5 != 1
            state.probeFindsHoles = seed % 10 != 6
        }
        life = Self.makeLife(
            root + "/1", boot: "boot 1", platters: platters, now: .start.advanced(by: .seconds(9)),
            wall: wall, settings: settings, seed: seed, log: log)
        makeFilms()
        life.start()
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private static func folder(_ seed: UInt64) -> String {
        let memory = "/dev/shm"
        let isThere = FileManager.default.fileExists(atPath: memory)
        let parent = isThere ? memory + "/" : NSTemporaryDirectory()
        return parent + "platter-core-\(getpid())-\(seed)-\(UUID().uuidString)"
    }

    /// An empty index.
    static let template: Data = {
        let folder = NSTemporaryDirectory() + "platter-core-\(UUID().uuidString)"
        let manager = FileManager.default
        try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: folder) }
        // Closed when it goes away, and with it its log.
        _ = try? IndexWriter(path: folder + "/index.sqlite", boot: "template")
        return manager.contents(atPath: folder + "/index.sqlite") ?? Data()
    }()

    private static func settings(
        _ random: inout SplitMix64, isTight: Bool
    ) -> Life.Settings {
        var settings = Life.Settings()
        settings.limits.total = Int(1 + random.below(6))
        settings.limits.perOrigin = Int(1 + random.below(3))
        settings.chunkLength = 64 << (10 + random.below(4))
        settings.readAhead.firstRequest = 32 << (10 + random.below(4))
        settings.readAhead.probe = 32 << (10 + random.below(3))
        settings.readAhead.least = 128 << (10 + random.below(3))
        settings.readAhead.most = 1 << 20
        settings.readAhead.largestRequest = 256 << (10 + random.below(3))
        settings.fills = random.once(in: 3)
        settings.keptBehind = 128 << (10 + random.below(3))
        if isTight { settings.maximum = 512 << (10 + random.below(4)) }
        return settings
    }

    static func makeLife(
        _ folder: String, boot: String, platters: Platters, now: Moment,
        wall: NIOLockedValueBox<Int64>, settings: Life.Settings, seed: UInt64, log: Logger
    ) -> Life {
        let dice = NIOLockedValueBox(SplitMix64(seed: ~seed))
        return Life(
            folder: folder, boot: boot, platters: platters, now: now,
            wallClock: { wall.withLockedValue { $0 } }, settings: settings,
            jitter: { dice.withLockedValue { Double($0.below(1000)) / 1000 } }, log: log)
    }

    private func makeFilms() {
        for number in 0..<(1 + random.below(4)) {
            let host = random.once(in: 3) ? "b" : "a"
            guard let url = try? OriginURL("http://\(host)/film\(number)") else { continue }
            var film = ModelFilm(url: url, lacksRanges: random.once(in: 6), versions: [])
            film.versions = [newVersion()]
            films.append(film)
        }
    }

    func newVersion() -> Version {
        defer { nextVersion += 1 }
        let length = random.once(in: 12) ? 1 + random.below(3) : 1 + random.below(3 << 20)
        let validator: Validator
        switch random.below(woes.contains(.versions) ? 8 : 4) {
        case 0: validator = .modified(at: 1_600_000_000 + Int64(nextVersion))
        case 7: validator = .weak(tag: "\"w\(nextVersion)\"")
        case 6: validator = .absent
        default: validator = .strong(tag: "\"v\(nextVersion)\"")
        }
        return Version(number: nextVersion, length: length, validator: validator)
    }

    var wallTime: Int64 { wall.withLockedValue { $0 } }

    // MARK: - Telling

    func note(_ text: @autoclosure () -> String) {
        guard trace.isOn else { return }
        trace.add("\(life.clock.now.nanoseconds / 1_000_000) ms: \(text())")
    }

    func count(_ name: String) { counts[name, default: 0] += 1 }

    func fault(_ text: String) {
        note("flaw: \(text)")
        flaw = flaw ?? text
    }

    func noteLoss(of entry: EntryID) { count("loss") }
}

/// What happened, line by line.
final class Trace: Sendable {
    let isOn: Bool
    private let kept = NIOLockedValueBox<[String]>([])

    init(isOn: Bool) { self.isOn = isOn }

    var lines: [String] { kept.withLockedValue { $0 } }

    func add(_ line: String) { kept.withLockedValue { $0.append(line) } }
}

/// What the parts say of themselves, as lines of the trace.
struct TraceLog: LogHandler {
    let trace: Trace
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level {
        get { trace.isOn ? .debug : .critical }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }
        let text = details.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        trace.add("    \(event.level): \(event.message) \(text)")
    }
}
