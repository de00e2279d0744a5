import NIOCore

/// How many bytes the kernel holds for a player beyond what is on its way. What it holds unread looks
/// like demand, so it is kept small until a response has shown that it is read.
enum UnsentLimit {
    /// At first [32 KiB].
    static let first = 32 << 10
    /// When `threshold` bytes of a response were taken [256 KiB]: fewer wake-ups.
    static let later = 256 << 10
    static let threshold: Int64 = 512 << 10

    /// TCP_NOTSENT_LOWAT.
    #if os(Linux)
        static let option = ChannelOptions.Types.SocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: 25))
    #else
        static let option = ChannelOptions.Types.SocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: 0x201))
    #endif
}
