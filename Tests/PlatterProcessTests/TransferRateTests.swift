import PlatterProcess
import Testing

@Suite("The rate that a bar shows")
struct TransferRateTests {
    @Test("none is shown before some time is over: the first bytes may all come at once")
    func tooEarly() {
        #expect(TransferRate.bytesPerSecond(10 << 20, in: .zero) == nil)
        #expect(TransferRate.bytesPerSecond(10 << 20, in: .microseconds(20)) == nil)
        #expect(TransferRate.bytesPerSecond(.max, in: .milliseconds(499)) == nil)
        #expect(TransferRate.bytesPerSecond(1, in: .seconds(-1)) == nil)
    }

    @Test("nor without a byte")
    func nothing() {
        #expect(TransferRate.bytesPerSecond(0, in: .seconds(9)) == nil)
        #expect(TransferRate.bytesPerSecond(-1, in: .seconds(9)) == nil)
    }

    @Test("from then on it is what came in that time")
    func known() {
        #expect(TransferRate.bytesPerSecond(1000, in: .milliseconds(500)) == 2000)
        #expect(TransferRate.bytesPerSecond(90, in: .seconds(9)) == 10)
    }
}
