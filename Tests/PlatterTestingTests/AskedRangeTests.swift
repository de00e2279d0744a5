import PlatterCore
import PlatterTesting
import Testing

@Suite("Ranges as the origin reads them")
struct AskedRangeTests {
    @Test(
        "a range lies where RFC 9110 says",
        arguments: [
            ("bytes=0-0", AskedRange.Place.part(0..<1)),
            ("bytes=0-", .part(0..<1000)),
            ("BYTES=10-19", .part(10..<20)),
            ("bytes=990-5000", .part(990..<1000)),
            ("bytes=5-99999999999999999999999", .part(5..<1000)),
            ("bytes=999-", .part(999..<1000)),
            ("bytes=1000-", .unsatisfiable),
            ("bytes=99999999999999999999999-", .unsatisfiable),
            ("bytes=-1", .part(999..<1000)),
            ("bytes=-1000", .part(0..<1000)),
            ("bytes=-5000", .part(0..<1000)),
            ("bytes=-0", .unsatisfiable),
            ("bytes= 1-2", .part(1..<3)),
        ])
    func places(value: String, place: AskedRange.Place) {
        #expect(AskedRange(value).place(in: 1000) == place)
    }

    @Test(
        "what is no single byte range is the whole",
        arguments: [
            nil, "", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=1-2-3",
            "bytes=0-1,4-5", "seconds=0-1", "bytes=+1-2", "bytes=--1",
        ])
    func ignored(value: String?) {
        #expect(AskedRange(value) == .whole)
    }

    @Test(
        "no range of an empty representation can be satisfied", arguments: ["bytes=0-", "bytes=-5"])
    func empty(value: String) {
        #expect(AskedRange(value).place(in: 0) == .unsatisfiable)
    }
}
