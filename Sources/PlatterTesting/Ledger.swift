/// One request, and what has become of it so far.
package struct RequestRecord: Hashable, Sendable, Codable {
    /// Counts from 1 over the origin's life, also across resets.
    package let number: Int
    /// The connection, counted from 1 in the same way.
    package let connection: Int
    package let method: String
    package let path: String
    package let target: String
    /// The Range field, as sent.
    package let range: String?
    package let fields: [HeaderField]
    /// 0 when no status was sent: a hang-up or a script.
    package let status: Int
    /// Milliseconds since the origin was started.
    package let at: Int64
    /// Body bytes handed to the kernel.
    package fileprivate(set) var bodyBytes: Int64 = 0
    /// The plan was carried out to its end, whatever that end was.
    package fileprivate(set) var isOver = false
}

/// What the origin has done: totals, and a log of the last requests. Control requests are not in
/// it, their connections are.
package struct Ledger: Hashable, Sendable, Codable {
    package struct PathTotals: Hashable, Sendable, Codable {
        package fileprivate(set) var requests = 0
        package fileprivate(set) var bodyBytes: Int64 = 0
    }

    /// The log keeps at least so many of the last requests, and at most twice as many.
    package static let logLimit = 10_000
    /// More paths than these are counted under `(other)`.
    package static let pathLimit = 10_000

    package private(set) var requests = 0
    /// Body bytes handed to the kernel: a write was done. Of a write that a closed connection cut
    /// short, at most one slice, nothing counts.
    package private(set) var bodyBytes: Int64 = 0
    package private(set) var connectionsAccepted = 0
    package private(set) var connectionsOpen = 0
    package private(set) var paths: [String: PathTotals] = [:]
    package private(set) var log: [RequestRecord] = []
    private var nextRequest = 1
    private var nextConnection = 1

    /// What a control client is told.
    private enum CodingKeys: String, CodingKey {
        case requests, bodyBytes, connectionsAccepted, connectionsOpen, paths, log
    }

    package init() {}

    /// - Returns: The number of the connection.
    mutating func accepted() -> Int {
        connectionsAccepted += 1
        connectionsOpen += 1
        defer { nextConnection += 1 }
        return nextConnection
    }

    mutating func closed() { connectionsOpen -= 1 }

    /// - Returns: The number of the request.
    mutating func received(
        _ request: OriginRequest, connection: Int, status: Int, at milliseconds: Int64
    ) -> Int {
        let record = RequestRecord(
            number: nextRequest, connection: connection, method: request.method,
            path: request.path, target: request.target, range: request.value(of: "Range"),
            fields: request.fields, status: status, at: milliseconds)
        if log.count >= 2 * Self.logLimit { log.removeFirst(Self.logLimit) }
        log.append(record)
        requests += 1
        nextRequest += 1
        paths[counted(record.path), default: PathTotals()].requests += 1
        return record.number
    }

    /// Body bytes of a request were written.
    mutating func wrote(_ count: Int, request number: Int, path: String) {
        bodyBytes += Int64(count)
        paths[counted(path), default: PathTotals()].bodyBytes += Int64(count)
        change(number) { $0.bodyBytes += Int64(count) }
    }

    mutating func finished(request number: Int) {
        change(number) { $0.isOver = true }
    }

    /// Forgets all but the connections that are open. Requests under way are no longer in the log.
    mutating func reset() {
        requests = 0
        bodyBytes = 0
        connectionsAccepted = 0
        paths = [:]
        log = []
    }

    /// Numbers in the log have no gaps.
    private mutating func change(_ number: Int, _ body: (inout RequestRecord) -> Void) {
        guard let first = log.first?.number else { return }
        let index = number - first
        if log.indices.contains(index) { body(&log[index]) }
    }

    private func counted(_ path: String) -> String {
        paths[path] != nil || paths.count < Self.pathLimit ? path : "(other)"
    }
}
