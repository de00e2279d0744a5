import ArgumentParser
import NIOCore
import PlatterProcess
import PlatterTesting

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// The scripted origin as a program: for rigs in other languages and for benchmarks.
@main
struct SampleOrigin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "PlatterSampleOrigin",
        abstract: "An HTTP origin that serves files and ramps, and misbehaves on demand.",
        discussion: """
            /media/NAME serves files of the root, /ramp/LENGTH[/SEED] bytes that follow from their \
            offset. /-/stats, /-/reset, /-/pace, /-/behave, /-/clear, /-/refuse, /-/serve and \
            /-/pause-listening control it. Ends on SIGTERM and SIGINT.
            """)

    @Option(help: "0 takes a free one.")
    var port = 0

    @Option(help: "The directory of /media.")
    var root: String?

    @Option(help: "Bytes a second for all connections together, such as 5MB. 0 is unlimited.")
    var bandwidth = Size(bytes: 0)

    @Option(help: "Milliseconds before each response.")
    var latency = 0

    @Option(help: "Milliseconds more before the first response of a connection.")
    var newConnectionLatency = 0

    @Option(help: "The kernel's send buffer for each connection, in bytes. 0 leaves it alone.")
    var sendBuffer: Int = 0

    func validate() throws {
        guard 0...65_535 ~= port else { throw ValidationError("the port is not one: \(port)") }
        guard latency >= 0, newConnectionLatency >= 0, sendBuffer >= 0 else {
            throw ValidationError("latencies and buffers are not negative")
        }
    }

    func run() async throws {
        // Caught before anything starts, so that an early signal is not lost.
        let signals = TerminationSignals()
        let catalogue = SampleCatalogue(root: root)
        let origin = try await ScriptedOrigin.start(
            port: port, hasControl: true, sendBuffer: sendBuffer > 0 ? sendBuffer : nil,
            find: { catalogue.resource(at: $0) })
        origin.pace = Pace(
            bandwidth: bandwidth.bytes > 0 ? bandwidth.bytes : nil,
            latency: .milliseconds(latency),
            connectionLatency: .milliseconds(newConnectionLatency))
        print("listening on \(origin.baseURL)")
        // A pipe is buffered in blocks, and whoever started this waits for the line.
        fflush(nil)
        _ = await signals.next()
        try await origin.stop()
    }
}

/// A number of bytes on the command line.
struct Size: ExpressibleByArgument {
    var bytes: Int64

    init(bytes: Int64) { self.bytes = bytes }

    init?(argument: String) {
        guard let bytes = ByteCount.parsed(argument) else { return nil }
        self.init(bytes: bytes)
    }

    var defaultValueDescription: String { String(bytes) }
}
