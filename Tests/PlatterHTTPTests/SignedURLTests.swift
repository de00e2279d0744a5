import PlatterHTTP
import Testing

@Suite("When a signed URL expires")
struct SignedURLTests {
    /// Sat, 21 Nov 2026 00:00:00 GMT is 1,795,219,200.
    @Test(
        "the query says it in the words of its signer",
        arguments: [
            ("X-Amz-Date=20261121T000000Z&X-Amz-Expires=300&X-Amz-Signature=a", 1_795_219_500),
            ("x-goog-expires=60&x-goog-date=20261121T000000Z", 1_795_219_260),
            ("Expires=1795219200&Signature=b&Key-Pair-Id=c", 1_795_219_200),
            ("exp=1795219200", 1_795_219_200), ("t=x&e=1795219201", 1_795_219_201),
            ("exp=1795219300&e=1795219200", 1_795_219_200),
            ("e=99999999999999999999", Int64.max),
            ("X-Amz-Date=99991231T235959Z&X-Amz-Expires=99999999999999999999", Int64.max),
        ])
    func stated(query: String, moment: Int64) throws {
        let url = try OriginURL("https://a.example/film?\(query)")
        #expect(SignedURL.expiry(of: url) == moment)
    }

    @Test(
        "anything else says nothing",
        arguments: [
            "", "?", "?e=5", "?exp=", "?e=-1795219200", "?e=soon", "?expires=1795219200.5",
            "?X-Amz-Expires=300", "?X-Amz-Date=20261121T000000Z",
            "?X-Amz-Date=20261321T000000Z&X-Amz-Expires=300",
            "?X-Amz-Date=20261121000000&X-Amz-Expires=300",
            "?X-Amz-Date=20261121T000000Z&X-Amz-Expires=x", "?=&&=&e", "?expires/1795219200",
        ])
    func silent(query: String) throws {
        #expect(SignedURL.expiry(of: try OriginURL("https://a.example/film\(query)")) == nil)
    }
}
