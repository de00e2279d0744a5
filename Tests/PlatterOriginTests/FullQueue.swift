#if os(Linux)
    import Glibc

    /// A listener on loopback that takes no connection: its queue is full, and who connects hears nothing.
    final class FullQueue {
        struct Failure: Error {
            let call: String
            let code: Int32
        }

        let port: Int
        private let listener: Int32
        private var clients: [Int32] = []

        /// - Parameter hasRoom: It takes connections, and says nothing.
        init(hasRoom: Bool = false) throws {
            let listener = try Self.check("socket", socket(AF_INET, Self.streams, 0))
            self.listener = listener
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            _ = try Self.with(&address) { try Self.check("bind", bind(listener, $0, $1)) }
            _ = try Self.check("listen", listen(listener, hasRoom ? 8 : 0))
            try Self.with(&address) { pointer, length in
                var length = length
                _ = try Self.check("getsockname", getsockname(listener, pointer, &length))
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            if hasRoom { return }
            let client = try Self.check("socket", socket(AF_INET, Self.streams, 0))
            clients.append(client)
            // The one that there is room for.
            _ = try Self.with(&address) { try Self.check("connect", connect(client, $0, $1)) }
            while try !isFull { sched_yield() }
        }

        deinit {
            for socket in clients + [listener] { close(socket) }
        }

        /// Of a listener these are the connections that wait, and how many may beside the first.
        private var isFull: Bool {
            get throws {
                var state = tcp_info()
                var size = socklen_t(MemoryLayout<tcp_info>.size)
                let result = getsockopt(listener, Int32(IPPROTO_TCP), TCP_INFO, &state, &size)
                _ = try Self.check("getsockopt", result)
                return state.tcpi_unacked > state.tcpi_sacked
            }
        }

        private static let streams = Int32(SOCK_STREAM.rawValue)

        private static func check(_ call: String, _ result: Int32) throws -> Int32 {
            guard result >= 0 else { throw Failure(call: call, code: errno) }
            return result
        }

        private static func with<Result>(
            _ address: inout sockaddr_in,
            _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) throws -> Result
        ) rethrows -> Result {
            try withUnsafeMutablePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    try body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }
#endif
