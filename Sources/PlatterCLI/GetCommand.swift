import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Platter

/// Downloads through the cache.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Download a URL through the cache; goes on where an earlier try stopped.",
        discussion: """
            Uses the running daemon; where none runs, opens the cache folder itself. Until all of it \
            is there, the bytes are in FILE.part.
            """)

    @Argument(help: "The remote URL, http or https.")
    var url: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to put it.", valueName: "file"))
    var output: String

    @Option(
        name: [.long, .customShort("H")], parsing: .singleValue,
        help: ArgumentHelp(
            "A header field for the origin; may be repeated.", valueName: "name: value"),
        transform: HeaderArgument.init(parsing:))
    var header: [HeaderArgument] = []

    @OptionGroup var admin: AdminOption
    @OptionGroup var folder: FolderOption

    func run() async throws {
        do {
            try DownloadTarget.check(output)
        } catch {
            throw CleanExit.failure(error.description)
        }
        do {
            let local = try await AdminClient(admin).register(url, headers: header)
            try await download(local)
        } catch AdminClient.Failure.noDaemon {
            try await downloadAlone()
        } catch let error as AdminClient.Failure {
            throw CleanExit.failure(error.description)
        }
    }

    private func downloadAlone() async throws {
        Output.logWarnings()
        do {
            let platter = try await Platter.start(PlatterConfiguration(directory: folder.path))
            do {
                let headers = header.map { (name: $0.name, value: $0.value) }
                try await download(platter.localURL(for: url, headers: headers))
            } catch {
                await platter.stop()
                throw error
            }
            await platter.stop()
        } catch let error as PlatterError {
            throw CleanExit.failure(SettingNames.describe(error))
        }
    }

    private func download(_ local: String) async throws {
        do {
            try await Download(url: local, output: output).run()
        } catch let error as Download.Failure {
            throw CleanExit.failure(error.description)
        } catch let error as DownloadTarget.Flaw {
            throw CleanExit.failure(error.description)
        }
    }
}

/// One file on its way from the cache to where a person wants it.
struct Download {
    enum Failure: Error, CustomStringConvertible {
        case status(UInt)
        case brokenOff(Int64)

        var description: String {
            switch self {
            case .status(404): "the origin does not have it (404)"
            case .status(let code) where code == 401 || code == 403:
                "the origin refuses (\(code)); pass credentials with --header 'Authorization: …'"
            case .status(503):
                "the origin cannot be reached, or fails (503); try again, nothing is lost"
            case .status(502):
                "what the origin answers cannot be used, or its certificate is not trusted (502); the daemon's log says why"
            case .status(let code): "the answer was \(code)"
            case .brokenOff(let bytes):
                "the origin broke off after \(Output.bytes(bytes)); the same command goes on there"
            }
        }
    }

    let url: String
    let output: String

    func run() async throws {
        let target = try DownloadTarget(output)
        defer { target.close() }
        if let (size, etag) = target.begun {
            try await goOn(from: size, of: etag, into: target)
        } else {
            try await beginAnew(target)
        }
        try target.finish()
    }

    private func goOn(
        from offset: Int64, of etag: String, into target: DownloadTarget
    ) async throws {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Range", value: "bytes=\(offset)-")
        request.headers.add(name: "If-Range", value: etag)
        let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
        switch response.status {
        case .ok: try await receive(response, into: target, from: 0)
        case .partialContent: try await receive(response, into: target, from: offset)
        case .rangeNotSatisfiable:
            // All of it was there already when the last try ended, or it is another file by now.
            if try await !isWhole(offset, of: etag) { try await beginAnew(target) }
        default: throw Failure.status(response.status.code)
        }
    }

    private func beginAnew(_ target: DownloadTarget) async throws {
        let request = HTTPClientRequest(url: url)
        let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
        guard response.status == .ok else {
            target.discard()
            throw Failure.status(response.status.code)
        }
        try await receive(response, into: target, from: 0)
    }

    /// Whether so many bytes are all of the version that has this tag.
    private func isWhole(_ length: Int64, of etag: String) async throws -> Bool {
        var request = HTTPClientRequest(url: url)
        request.method = .HEAD
        let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
        guard response.status == .ok else { throw Failure.status(response.status.code) }
        return response.headers.first(name: "ETag") == etag
            && response.headers.first(name: "Content-Length") == "\(length)"
    }

    private func receive(
        _ response: HTTPClientResponse, into target: DownloadTarget, from offset: Int64
    ) async throws {
        try target.begin(at: offset, etag: response.headers.first(name: "ETag"))
        let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        // An origin may claim a length that ends behind the largest number.
        let total = length.map { $0 > .max - offset ? .max : $0 + offset }
        var bar = ProgressBar(
            name: DownloadTarget.name(of: output), start: offset, total: total)
        var position = offset
        do {
            for try await buffer in response.body {
                try target.write(Data(buffer.readableBytesView))
                position += Int64(buffer.readableBytes)
                bar.show(position)
            }
        } catch let error as DownloadTarget.Flaw {
            bar.end()
            throw error
        } catch {
            bar.end()
            throw Failure.brokenOff(position)
        }
        bar.end()
        if let total, position < total { throw Failure.brokenOff(position) }
    }
}
