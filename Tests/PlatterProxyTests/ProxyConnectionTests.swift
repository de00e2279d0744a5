import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import PlatterProxy

@Suite("A player's connection")
struct ProxyConnectionTests {
    @Test("keeps nothing of bodies, however long it cannot answer")
    func bodies() throws {
        let hall = try Hall()
        let connection = try hall.connect()
        hall.channel.isWritable = false
        let head = HTTPRequestHead(
            version: .http1_1, method: .PUT, uri: "/film.mp4", headers: ["Host": "127.0.0.1"])
        try hall.channel.writeInbound(HTTPServerRequestPart.head(head))
        for _ in 0..<1000 {
            let body = HTTPServerRequestPart.body(ByteBuffer(repeating: 7, count: 1000))
            try hall.channel.writeInbound(body)
        }
        #expect(connection.waitingCount <= 1)
        try hall.channel.writeInbound(HTTPServerRequestPart.end(nil))
        #expect(try hall.status() == nil)
        hall.channel.isWritable = true
        hall.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try hall.status() == 405)
        #expect(connection.waitingCount == 0)
        _ = try hall.channel.finish(acceptAlreadyClosed: true)
    }
}
