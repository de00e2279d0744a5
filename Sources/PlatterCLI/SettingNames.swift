import Platter

/// Settings by the names of the options that set them: who reads what is wrong has typed those.
enum SettingNames {
    /// What cannot be, one line for each.
    struct Flaws: Error, CustomStringConvertible {
        let description: String
    }

    static func check(_ configuration: PlatterConfiguration) throws(Flaws) {
        let lines = configuration.flaws.map { "\(option(of: $0.setting)): \($0.reason)" }
        guard lines.isEmpty else { throw Flaws(description: lines.joined(separator: "\n")) }
    }

    static func describe(_ error: any Error) -> String {
        guard let error = error as? PlatterError, let setting = error.setting else {
            return "\(error)"
        }
        return "\(option(of: setting)): \(error.message)"
    }

    private static func option(of setting: PlatterConfiguration.Setting) -> String {
        switch setting {
        case .directory: "--cache-dir"
        case .origin: "--origin"
        case .namedOrigin(let name): "--origin \(name)=…"
        case .trustedOrigin(let url): "--trust \(url)"
        case .originAuthorities: "--origin-ca"
        case .endpoint: "--listen"
        case .admin: "--admin"
        case .maximumSize: "--max-size"
        case .chunkLength: "--chunk-size"
        case .fetches: "--fetches"
        case .fetchesPerOrigin: "--fetches-per-origin"
        case .readAhead: "--read-ahead"
        case .bandwidth: "--bandwidth"
        case .backgroundBandwidth: "--background-bandwidth"
        case .scrubRate: "--scrub-rate"
        // Has no option.
        case .eventLoops: setting.name
        }
    }
}
