import ArgumentParser
import Foundation
import Logging
import Platter
import PlatterProcess

/// The daemon.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the cache in the foreground until SIGTERM, SIGHUP or Ctrl-C.",
        discussion: """
            With --origin, paths are the origin's: http://127.0.0.1:7777/films/one.mp4 is \
            films/one.mp4 of the origin. With --origin NAME=URL, as often as you like, those below \
            /NAME/ are of that one; all others are still of the origin without a name, if there is one. Without \
            any, only URLs registered by `platter url` are served.

            Sizes and rates are bytes, also as in 500M or 20G: K, M, G and T mean KiB, MiB, GiB and TiB.
            """)

    @Option(
        help: ArgumentHelp(
            "An origin whose paths are served: below /NAME/, or without a name all others.",
            valueName: "[name=]url"))
    var origin: [OriginArgument] = []

    @Option(
        help: ArgumentHelp(
            "Where players connect. (default: \(EndpointArgument.defaultListen))",
            valueName: "host:port"),
        transform: EndpointArgument.init(parsing:))
    var listen = EndpointArgument.defaultListen

    @OptionGroup var admin: AdminOption
    @OptionGroup var folder: FolderOption

    @Option(
        help: ArgumentHelp(
            "An origin without strong validators whose files are stored all the same.",
            discussion: """
                Its weak entity tags, dates or lengths are then taken to tell versions apart. Should it \
                change a file and keep them, a film could be a mixture of both.
                """, valueName: "url"))
    var trust: [String] = []

    @Option(
        help: ArgumentHelp(
            "Certificate authorities, in PEM form, that are trusted for origins over TLS beside the system's.",
            discussion: "The certificate of an origin that has signed it itself will do too.",
            valueName: "file"))
    var originCA: String?

    @Option(
        help: ArgumentHelp(
            "Most bytes on disk, as in 500M or 20G, at least 64M. (default: 10G)",
            valueName: "bytes"),
        transform: ByteCountArgument.init(parsing:))
    var maxSize: ByteCountArgument?

    @Option(
        help: ArgumentHelp(
            "Bytes of a chunk, a multiple of 64K up to 1G. (default: 10M, less where --max-size is below 320M)",
            valueName: "bytes"),
        transform: ByteCountArgument.init(parsing:))
    var chunkSize: ByteCountArgument?

    @Option(
        help: ArgumentHelp(
            "Fetches at once, over all origins, 1 to 64. (default: 6, or --fetches-per-origin where that is more)",
            valueName: "number"))
    var fetches: Int?

    @Option(
        help: ArgumentHelp(
            "Fetches at once to one origin, not more than all. (default: 3, or --fetches where that is less)",
            valueName: "number"))
    var fetchesPerOrigin: Int?

    @Option(help: "Seconds of media fetched ahead of a player, 0 to 600.")
    var readAhead = 30.0

    @Flag(
        inversion: .prefixedNo,
        help: "Fetch what is being played to its end: from 16 MiB on, when the origin is idle.")
    var backgroundFill = true

    @Option(
        help: ArgumentHelp(
            "Most bytes per second from all origins, at least 256K. (default: no limit)",
            valueName: "bytes"),
        transform: ByteCountArgument.init(parsing:))
    var bandwidth: ByteCountArgument?

    @Option(
        help: ArgumentHelp(
            "The same for prefetch and background fill. (default: no limit)", valueName: "bytes"),
        transform: ByteCountArgument.init(parsing:))
    var backgroundBandwidth: ByteCountArgument?

    @Option(
        help: ArgumentHelp(
            "Compare all on disk with its checksums once a day, at so many bytes per second. (default: off)",
            valueName: "bytes"),
        transform: ByteCountArgument.init(parsing:))
    var scrubRate: ByteCountArgument?

    @Option(
        help: ArgumentHelp(
            "Seconds that responses may go on after SIGTERM or SIGHUP, 0 to 3600.",
            discussion: "Ctrl-C waits for none. A second SIGTERM or Ctrl-C ends the server at once."
        ))
    var drain = 10.0

    @Option(help: "How much to log: debug, info, notice, warning or error.")
    var logLevel = "notice"

    func validate() throws {
        guard 0...3600 ~= drain else { throw ValidationError("--drain: use 0 to 3600 seconds") }
        let names = origin.map { $0.name ?? "" }
        guard Set(names).count == names.count else {
            throw ValidationError(
                "--origin: give each origin a name of its own, as in --origin films=https://a.example"
            )
        }
    }

    func run() async throws {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("--log-level: use debug, info, notice, warning or error")
        }
        let log = LogWriter(descriptor: STDERR_FILENO)
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler(label: label, stream: log)
            handler.logLevel = level
            return handler
        }
        defer { log.flush() }
        let openFiles = OpenFiles.raise()
        if openFiles < OpenFiles.fewest {
            Logger(label: "platter").warning(
                "Few files and connections may be open at once; raise the hard limit (ulimit -Hn)",
                metadata: ["limit": "\(openFiles)"])
        }
        // Caught before anything starts, so that an early signal is not lost.
        let signals = TerminationSignals()
        let configuration = makeConfiguration()
        do {
            try SettingNames.check(configuration)
        } catch {
            throw CleanExit.misuse(error.description)
        }
        let platter: Platter
        do {
            platter = try await Platter.start(configuration)
        } catch {
            // Behind what was logged, so that there is room for it.
            log.flush()
            log.write("platter: \(SettingNames.describe(error))\n")
            throw ExitCode.failure
        }
        print("Platter listens on \(platter.baseURL)")
        for origin in origin {
            print("serves            \(origin.url)\(origin.name.map { " as /\($0)/" } ?? "")")
        }
        print("keeps its cache in \(folder.path)")
        if let url = platter.adminURL { print("admin interface   \(url)") }
        Output.flush()
        let signal = await signals.next()
        // Who presses Ctrl-C waits for it.
        let seconds = signal == SIGINT ? 0 : drain
        Self.tell(responses: platter.responseCount, seconds)
        await withTaskGroup { group in
            group.addTask { await platter.stop(drain: .seconds(seconds)) }
            // A second signal ends the wait.
            group.addTask {
                var next = await signals.next()
                // A terminal that closes may send it twice.
                while next == SIGHUP { next = await signals.next() }
                guard next != nil else { return }
                log.flush()
                Foundation.exit(EXIT_SUCCESS)
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Whoever waits for the end is told for what.
    ///
    /// - Parameter seconds: How long the responses may go on.
    private static func tell(responses: Int, _ seconds: Double) {
        guard responses > 0 else { return }
        Logger(label: "platter").notice(
            "Stopping; a second SIGTERM or Ctrl-C ends the server at once",
            metadata: ["responses": "\(responses)", "cut-off-after": "\(seconds) s"])
    }

    private func makeConfiguration() -> PlatterConfiguration {
        var configuration = PlatterConfiguration(directory: folder.path)
        configuration.origin = origin.first { $0.name == nil }?.url
        for origin in origin {
            if let name = origin.name { configuration.namedOrigins[name] = origin.url }
        }
        configuration.host = listen.host
        configuration.port = listen.port
        configuration.inheritedSocket = SocketActivation.socket
        configuration.admin = admin.admin.endpoint
        if let maxSize { configuration.maximumSize = maxSize.bytes }
        if let chunkSize { configuration.chunkLength = chunkSize.bytes }
        configuration.fetches = fetches
        configuration.fetchesPerOrigin = fetchesPerOrigin
        configuration.readAheadSeconds = readAhead
        configuration.trustedOrigins = trust
        configuration.originAuthorities = originCA
        configuration.bandwidth = bandwidth?.bytes
        configuration.scrubRate = scrubRate?.bytes
        configuration.backgroundBandwidth = backgroundBandwidth?.bytes
        configuration.fillsInBackground = backgroundFill
        return configuration
    }
}
