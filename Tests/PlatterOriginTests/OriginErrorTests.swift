import NIOHTTP1
import Testing

@testable import PlatterOrigin

@Suite("What errors of the client are to those who asked")
struct OriginErrorTests {
    @Test(
        "a head that cannot be parsed is no answer",
        arguments: [
            HTTPParserError.unexpectedContentLength, .invalidContentLength, .invalidHeaderToken,
            .lfExpected, .invalidConstant, .invalidVersion, .invalidStatus, .headerOverflow,
            .unknown,
        ])
    func invalid(error: HTTPParserError) {
        #expect(OriginError(error) == .invalid)
    }

    @Test(
        "one that breaks off may be a good one the next time",
        arguments: [HTTPParserError.invalidEOFState, .closedConnection])
    func brokenOff(error: HTTPParserError) {
        #expect(OriginError(error) == .unreachable)
    }
}
