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
            "A header field for the origin; may be repeated.", valueName: "name: value"))
    var header: [HeaderArgument] = []

    @OptionGroup var admin: AdminOption
    @OptionGroup var folder: FolderOption

    func run() async throws {
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
            throw CleanExit.failure(error.description)
        }
    }

    private func download(_ local: String) async throws {
        do {
            try await Download(url: local, output: output).run()
        } catch let error as Download.Failure {
            throw CleanExit.failure(error.description)
        }
    }
}

/// One file on its way from the cache to where a person wants it.
struct Download {
    enum Failure: Error, CustomStringConvertible {
        case status(UInt)
        case file(String)
        case brokenOff(Int64)

        var description: String {
            switch self {
            case .status(404): "the origin does not have it (404)"
            case .status(503): "the origin cannot be reached (503); try again, nothing is lost"
            case .status(let code): "the answer was \(code)"
            case .file(let reason): reason
            case .brokenOff(let bytes):
                "the origin broke off after \(Output.bytes(bytes)); the same command goes on there"
            }
        }
    }

    let url: String
    let output: String

    private var part: String { output + ".part" }
    private var tag: String { output + ".part.etag" }

    func run() async throws {
        let offset = try resumeOffset()
        var request = HTTPClientRequest(url: url)
        if offset > 0, let etag = try? String(contentsOfFile: tag, encoding: .utf8) {
            request.headers.add(name: "Range", value: "bytes=\(offset)-")
            request.headers.add(name: "If-Range", value: etag)
        }
        let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
        switch response.status {
        case .ok: try await receive(response, from: 0)
        case .partialContent: try await receive(response, from: offset)
        // All of it was there already when the last try ended.
        case .rangeNotSatisfiable where offset > 0: break
        default: throw Failure.status(response.status.code)
        }
        try finish()
    }

    private func resumeOffset() throws -> Int64 {
        guard FileManager.default.fileExists(atPath: tag),
            let attributes = try? FileManager.default.attributesOfItem(atPath: part),
            let size = attributes[.size] as? Int64
        else { return 0 }
        return size
    }

    private func receive(_ response: HTTPClientResponse, from offset: Int64) async throws {
        if let etag = response.headers.first(name: "ETag") {
            try etag.write(toFile: tag, atomically: true, encoding: .utf8)
        }
        let length = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        var bar = ProgressBar(
            name: (output as NSString).lastPathComponent, start: offset,
            total: length.map { $0 + offset })
        let file = try open(at: offset)
        defer { try? file.close() }
        var position = offset
        do {
            for try await buffer in response.body {
                try file.write(contentsOf: Data(buffer.readableBytesView))
                position += Int64(buffer.readableBytes)
                bar.show(position)
            }
        } catch {
            bar.end()
            throw Failure.brokenOff(position)
        }
        bar.end()
        if let length, position < offset + length { throw Failure.brokenOff(position) }
    }

    private func open(at offset: Int64) throws -> FileHandle {
        if offset == 0, !FileManager.default.createFile(atPath: part, contents: nil) {
            throw Failure.file("cannot make \(part); check the folder and its permissions")
        }
        guard let file = FileHandle(forWritingAtPath: part) else {
            throw Failure.file("cannot write \(part); check the folder and its permissions")
        }
        try file.seek(toOffset: UInt64(offset))
        return file
    }

    private func finish() throws {
        try? FileManager.default.removeItem(atPath: tag)
        guard rename(part, output) == 0 else {
            throw Failure.file("cannot rename \(part) to \(output)")
        }
    }
}
