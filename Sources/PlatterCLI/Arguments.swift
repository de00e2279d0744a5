import ArgumentParser
import Foundation
import Platter

/// HOST:PORT, as in `127.0.0.1:7777` or `[::1]:7777`.
struct EndpointArgument: CustomStringConvertible {
    let host: String
    let port: Int

    init(parsing argument: String) throws {
        guard let colon = argument.lastIndex(of: ":"),
            let port = Int(argument[argument.index(after: colon)...])
        else { throw Self.flaw }
        guard 0...65535 ~= port else {
            throw ValidationError("the port must be from 0 to 65535")
        }
        var host = String(argument[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw Self.flaw }
        self.host = host
        self.port = port
    }

    private static let flaw = ValidationError(
        "name a host and a port, as in 127.0.0.1:7777 or [::1]:7777")

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    var url: String { "http://\(description)" }
    var endpoint: PlatterConfiguration.Endpoint { .init(host: host, port: port) }
}

/// `URL`, or `NAME=URL`.
struct OriginArgument: ExpressibleByArgument {
    let name: String?
    let url: String

    init?(argument: String) {
        let head = argument.prefix { $0 != "=" && $0 != ":" }
        let isNamed = argument[head.endIndex...].hasPrefix("=")
        name = isNamed ? String(head) : nil
        url = isNamed ? String(argument[head.endIndex...].dropFirst()) : argument
    }
}

/// A number of bytes: `1000000`, `500M`, `10GiB`. K, M, G and T count in 1024.
struct ByteCountArgument {
    let bytes: Int64

    init(parsing argument: String) throws {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let units = ["": 0, "k": 10, "m": 20, "g": 30, "t": 40]
        var unit = argument[digits.endIndex...].lowercased()
        if unit.hasSuffix("ib") {
            unit.removeLast(2)
        } else if unit.hasSuffix("b") {
            unit.removeLast()
        }
        guard let number = Int64(digits), let shift = units[unit] else {
            throw ValidationError("use a whole number of bytes, as in 500M or 20G")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << Int64(shift))
        guard !overflow else { throw ValidationError("so many bytes cannot be counted") }
        self.bytes = bytes
    }
}

/// `Name: value`.
struct HeaderArgument {
    let name: String
    let value: String

    init(parsing argument: String) throws {
        guard let colon = argument.firstIndex(of: ":"), colon > argument.startIndex else {
            throw ValidationError("write a name, a colon and the value, as in 'Cookie: a=b'")
        }
        name = String(argument[..<colon])
        value = argument[argument.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
}

/// Where the daemon's admin interface is.
struct AdminOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The admin interface of the running daemon. (default: \(EndpointArgument.defaultAdmin))",
            valueName: "host:port"),
        transform: EndpointArgument.init(parsing:))
    var admin = EndpointArgument.defaultAdmin
}

/// Which cache folder.
struct FolderOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The cache folder. (default: $XDG_CACHE_HOME/platter, else ~/.cache/platter)",
            valueName: "dir"))
    var cacheDir: String?

    var path: String { cacheDir ?? Self.usersFolder }

    /// `$XDG_CACHE_HOME/platter`, else `~/.cache/platter`; on Apple systems the Caches folder.
    static var usersFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") {
            return folder + "/platter"
        }
        #if canImport(Darwin)
            return NSHomeDirectory() + "/Library/Caches/platter"
        #else
            let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            return (home ?? NSHomeDirectory()) + "/.cache/platter"
        #endif
    }
}

extension EndpointArgument {
    private init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    static let defaultListen = EndpointArgument(host: "127.0.0.1", port: 7777)
    static let defaultAdmin = EndpointArgument(host: "127.0.0.1", port: 7778)
}
