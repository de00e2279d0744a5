/// What is wrong with a configuration, and of which setting.
extension PlatterConfiguration {
    /// What can be set. The command line has names of its own for these.
    package enum Setting: Hashable, Sendable {
        case directory
        case origin
        case namedOrigin(String)
        case trustedOrigin(String)
        case originAuthorities
        /// Where players connect.
        case endpoint
        case admin
        case maximumSize
        case chunkLength
        case fetches
        case fetchesPerOrigin
        case readAhead
        case bandwidth
        case backgroundBandwidth
        case scrubRate
        case eventLoops

        /// As an embedding program sets it.
        package var name: String {
            switch self {
            case .directory: "directory"
            case .origin: "origin"
            case .namedOrigin(let name): "namedOrigins \(name)"
            case .trustedOrigin(let url): "trustedOrigins \(url)"
            case .originAuthorities: "originAuthorities"
            case .endpoint: "host and port"
            case .admin: "admin"
            case .maximumSize: "maximumSize"
            case .chunkLength: "chunkLength"
            case .fetches: "fetches"
            case .fetchesPerOrigin: "fetchesPerOrigin"
            case .readAhead: "readAheadSeconds"
            case .bandwidth: "bandwidth"
            case .backgroundBandwidth: "backgroundBandwidth"
            case .scrubRate: "scrubRate"
            case .eventLoops: "eventLoops"
            }
        }
    }

    /// A setting that cannot be, and what could.
    package struct Flaw: Hashable, Sendable {
        package let setting: Setting
        package let reason: String
    }

    /// All that is wrong, in the order of the settings.
    package var flaws: [Flaw] {
        let found: [Flaw?] = [
            flaw(.directory, !directory.isEmpty, "name a folder for the cache"),
            flaw(.originAuthorities, originAuthorities != "", "name a file of certificates"),
            flaw(.endpoint, 0...65535 ~= port, "the port must be from 0 to 65535"),
            flaw(.admin, 0...65535 ~= admin?.port ?? 0, "the port must be from 0 to 65535"),
            flaw(
                .admin, !isAdminWherePlayersConnect,
                "players connect there; choose another port for one of both"),
            flaw(.maximumSize, maximumSize >= 64 << 20, "must be at least 64 MiB (67108864)"),
            // Requests end on such multiples too.
            flaw(
                .chunkLength,
                64 << 10...1 << 30 ~= lengthOfChunks && lengthOfChunks.isMultiple(of: 64 << 10),
                "must be a multiple of 64 KiB (65536), from 64 KiB to 1 GiB"),
            flaw(.fetches, 1...64 ~= fetches ?? 1, "must be from 1 to 64"),
            flaw(
                .fetchesPerOrigin, 1...64 ~= fetchesPerOrigin ?? 1,
                "must be from 1 to 64, and not more than all fetches"),
            flaw(
                .fetchesPerOrigin, !areFetchesContradictory,
                "must not be more than all fetches, which were set to fewer"),
            flaw(.readAhead, 0...600 ~= readAheadSeconds, "must be from 0 to 600 seconds"),
            rate(.bandwidth, bandwidth),
            rate(.backgroundBandwidth, backgroundBandwidth),
            rate(.scrubRate, scrubRate),
            flaw(.eventLoops, 0...64 ~= eventLoops, "must be from 0 to 64"),
            origin.flatMap { flaw(.origin, ofOrigin: $0) },
        ]
        return found.compactMap(\.self)
            + trustedOrigins.compactMap { flaw(.trustedOrigin(withoutSecrets($0)), ofOrigin: $0) }
            + namedOrigins.sorted { $0.key < $1.key }.flatMap { flaws(ofOrigin: $0, $1) }
    }

    private func flaw(_ setting: Setting, _ isGood: Bool, _ reason: String) -> Flaw? {
        isGood ? nil : Flaw(setting: setting, reason: reason)
    }

    private func rate(_ setting: Setting, _ limit: Int64?) -> Flaw? {
        flaw(setting, (limit ?? .max) >= 256 << 10, "must be at least 256 KiB (262144) per second")
    }

    /// Only where both were set: else one follows the other.
    private var areFetchesContradictory: Bool {
        guard let fetches, let fetchesPerOrigin else { return false }
        return 1...64 ~= fetches && fetches < fetchesPerOrigin && fetchesPerOrigin <= 64
    }

    private var isAdminWherePlayersConnect: Bool {
        admin == Endpoint(host: host, port: port) && port != 0 && inheritedSocket == nil
    }

    // MARK: - Origins

    /// What may be shown of a URL that holds a password, which it must not.
    private func withoutSecrets(_ url: String) -> String {
        url.lastIndex(of: "@").map { "…" + url[$0...] } ?? url
    }

    private func flaw(_ setting: Setting, ofOrigin url: String) -> Flaw? {
        Engine.problem(ofOrigin: url).map { Flaw(setting: setting, reason: $0) }
    }

    private func flaws(ofOrigin name: String, _ url: String) -> [Flaw] {
        let setting = Setting.namedOrigin(name)
        let ofName = flaw(
            setting, Self.isName(name),
            "a name is letters, digits, -, . and _, and begins with a letter or digit")
        return [ofName, flaw(setting, ofOrigin: url)].compactMap(\.self)
    }

    private static func isName(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || isLetter(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
        }
        guard isPlain, let first = name.utf8.first else { return false }
        return UInt8(ascii: "0")...UInt8(ascii: "9") ~= first || isLetter(first)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}
