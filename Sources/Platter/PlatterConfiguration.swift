/// How a cache is to run. Everything but the directory has a default.
public struct PlatterConfiguration: Hashable, Sendable {
    /// The cache folder; made when missing. It must belong to this program alone.
    public var directory: String
    /// The origin whose paths are served, such as `https://media.example`; nil: only named origins and
    /// registered URLs.
    public var origin: String?
    /// More origins by name: the paths below `/NAME/` are theirs. A name is letters, digits, `-`, `.`
    /// and `_`, and begins with a letter or digit [none].
    public var namedOrigins: [String: String] = [:]
    /// Origins, such as `http://nas.example:8080`, whose weak or missing validators are taken at their
    /// word: what they serve is stored, and a response is of the version on disk when its weak entity
    /// tag, or its date, or if there is neither its length alone, is the same. An origin that changes a
    /// file and keeps all of these makes a mixture; without trust, what has no strong validator is passed
    /// through [none].
    public var trustedOrigins: [String] = []
    /// A file of certificate authorities in PEM form, which are trusted for origins over TLS beside those of the
    /// system; it is read once, at the start. The certificate of an origin that has signed it itself will do
    /// too. nil: only those of the system [nil].
    public var originAuthorities: String?
    /// The address to listen on for players [127.0.0.1].
    public var host = "127.0.0.1"
    /// The port, 0 to 65535; 0 takes a free one [0].
    public var port = 0
    /// A socket that listens already, in the place of `host` and `port`: of a service manager that keeps
    /// it open over restarts. The descriptor is taken over [nil].
    public var inheritedSocket: Int32?
    /// The address and port of the admin interface; nil: none [nil].
    public var admin: Endpoint?
    /// Bytes that the cache may take; at least 64 MiB [10 GiB].
    public var maximumSize: Int64 = 10 << 30
    /// Bytes of a chunk, the unit of queueing and eviction, 64 KiB to 1 GiB; nil: 10 MiB, and less in a cache
    /// of less than 320 MiB [nil].
    public var chunkLength: Int64?
    /// Fetches at once, 1 to 64; nil: 6, or `fetchesPerOrigin` where that is more [nil].
    public var fetches: Int?
    /// Fetches at once to one origin, at most `fetches`; nil: 3, or `fetches` where that is less [nil].
    public var fetchesPerOrigin: Int?
    /// Seconds of media kept ahead of a player, 0 to 600 [30].
    public var readAheadSeconds = 30.0
    /// Fetch to the end what is really being played, when nothing else wants the origin [on].
    public var fillsInBackground = true
    /// Bytes per second from all origins together, 262,144 or more; nil: no limit [nil].
    public var bandwidth: Int64?
    /// The same for what nobody plays at that moment: prefetch and background fill [nil].
    public var backgroundBandwidth: Int64?
    /// Bytes per second at which everything on disk is compared with its checksums, once a day, in the
    /// background; 262,144 or more, nil: not at all [nil].
    public var scrubRate: Int64?
    /// Event loops for players and origins, 1 to 64; 0: one for each core [0].
    public var eventLoops = 0

    /// As it is by default, but in tests.
    package var timing = Timing()

    /// A host and a port.
    public struct Endpoint: Hashable, Sendable {
        /// A name or an address.
        public var host: String
        /// 0 to 65535; 0 takes a free one.
        public var port: Int

        /// A host and a port.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// Everything by default but the folder.
    public init(directory: String) { self.directory = directory }

    /// All that is wrong with it, each with the setting's name and the remedy; empty when nothing is.
    public var problems: [String] { flaws.map { "\($0.setting.name): \($0.reason)" } }

    /// In a small cache chunks are small: they go whole, and what a reader needs keeps each that it lies in.
    package var lengthOfChunks: Int64 {
        // Chunks of less than this go together anyway.
        let step: Int64 = 2 << 20
        return chunkLength ?? min(10 << 20, max(step, maximumSize / 32 / step * step))
    }

    /// One of both that is not set follows the other.
    package var mostFetches: (total: Int, perOrigin: Int) {
        let total = fetches ?? max(6, fetchesPerOrigin ?? 0)
        return (total, fetchesPerOrigin ?? min(3, total))
    }
}

/// Why the cache cannot do what was asked, and what to do about it.
public struct PlatterError: Error, CustomStringConvertible {
    /// What to switch on.
    public enum Code: Hashable, Sendable {
        case invalidConfiguration
        /// A URL or header that cannot be used.
        case invalidRequest
        /// Another process uses the cache folder.
        case folderInUse
        /// The cache folder or its index cannot be used.
        case storage
        /// The address or port cannot be listened on.
        case listening
    }

    /// The kind of the failure.
    public let code: Code
    /// What is wrong and what to do, for people.
    public let message: String
    /// What could be set otherwise.
    package let setting: PlatterConfiguration.Setting?

    init(_ code: Code, _ message: String, setting: PlatterConfiguration.Setting? = nil) {
        self.code = code
        self.message = message
        self.setting = setting
    }

    /// The message.
    public var description: String { message }
}
