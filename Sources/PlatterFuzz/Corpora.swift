/// What real programs send, and what broke others.
extension Corpus {
    static let range = Corpus(
        [
            "bytes=0-", "bytes=0-499", "bytes=-500", "bytes=9500-", "bytes=0-0,-1",
            "bytes= 0-999, 4500-5499, -1000", "bytes=500-600,601-999", "Bytes = 0-1", "bytes=",
            "bytes=-", "bytes=--1", "bytes=5-2", "bytes=-0", "items=0-5", "bytes=0-1,,3-4,",
            "bytes=9223372036854775806-9223372036854775807", "bytes=0-18446744073709551615",
            "bytes=" + String(repeating: "0-0,", count: 63) + "5-",
        ], tokens: ["bytes=", "bytes", "0-", "-1", "0-0,", "9223372036854775807"])

    static let contentRange = Corpus(
        [
            "bytes 0-499/1234", "bytes 500-999/*", "bytes */1234", "bytes */*", "bytes 0-0/1",
            "bytes 42-1233/1234", "BYTES 0-9/10", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9",
            "items 0-9/10", "bytes=0-9/10", "bytes 0-9223372036854775806/9223372036854775807",
            "bytes 9223372036854775806-9223372036854775806/9223372036854775807", "bytes  0-9/10",
            "bytes 0-9223372036854775807/*", "bytes 0-9/10/10", "bytes 0--1/10",
        ], tokens: ["bytes ", "*/", "/*", "0-", "9223372036854775807"])

    static let date = Corpus(
        [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994", "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:60 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
            "Tue, 29 Feb 2000 24:00:00 GMT", "Mon, 29 Feb 1900 00:00:00 GMT",
            "Saturday, 31-Dec-99 23:59:60 GMT", "Wed, 00 Jan 0000 00:00:00 GMT", "0", "-1", "120",
            "Sun, 06 Nov 1994 08:49:37 +0000",
        ], tokens: ["GMT", "Sun, ", "Monday, ", "Feb", "60", "00", "9999"])

    static let entityTag = Corpus(
        [
            "\"xyzzy\"", "W/\"xyzzy\"", "\"\"", "W/\"\"", "*", "\"a\", \"b\"", "\"a,b\",W/\"c\"",
            "\"a\"\"b\"", "w/\"a\"", "\"a b\"", "xyzzy", "\"", "W/", "\"\u{E9}\"", ", ,\"a\",",
            "\"" + String(repeating: "x", count: 1022) + "\"", "*, \"a\"",
        ], tokens: ["W/\"", "\"\"", "\", \""])

    static let validator = Corpus(
        [
            "\"xyzzy\"", "W/\"xyzzy\"", "modified 784111777", "weakly-modified 784111777",
            "modified 784111777 W/\"xyzzy\"", "weakly-modified 1 W/\"\"", "modified 1 \"a\"",
            "absent", "modified -1", "modified +1", "modified 007", "strong \"a\"",
            "modified 9223372036854775807", "modified 9223372036854775808", " absent", "modified ",
        ], tokens: ["modified ", "weakly-", "absent"])

    static let cacheControl = Corpus(
        [
            "max-age=3600", "public, max-age=31536000, immutable", "no-store", "private",
            "no-cache=\"Set-Cookie, ETag\"", "private=\"x\\\"y\", s-maxage=10", "max-age=\"10\"",
            "s-maxage=99999999999999999999", "max-age=-1", "max-age", "max-age=1,max-age=2",
            "no-cache=\"", "a=\"b\\", "community=\"UCI\", ,", "no-store; private", "NO-STORE=1",
        ], tokens: ["no-store", "private=", "max-age=", "s-maxage=\"", "\\\"", "=\""])

    static let contentType = Corpus(
        [
            "video/mp4", "text/html; charset=utf-8", "application/json", "multipart/byteranges",
            "application/vnd.apple.mpegurl", "image/svg+xml", "application/problem+json", "video/",
            "/", "audio/x-mpegurl", "a/b/c", "multipart/byteranges; boundary=\"x\"", "",
        ], tokens: ["/", "+xml", "text/", "application/", ";"])

    static let length = Corpus(
        ["0", "1", "1000", "1000, 1000", "+1", "-1", "9223372036854775807", "0x10", " 7 ", "1e3"])

    static let coding = Corpus(["identity", "gzip", "", "identity, identity", "br, gzip", "\""])

    static let names = Corpus(
        [
            "Range", "*", "Origin, Accept-Encoding", "Cookie", "close", "keep-alive, X-Secret", "",
            "bytes", "none",
        ], tokens: ["connection", "etag", "content-type"])

    static let url = Corpus(
        [
            "http://origin.test/film.mp4", "https://origin.test:8443/a/b/c?token=x%2Fy",
            "HTTP://ORIGIN.test:80", "https://[2001:db8::1]:443/x", "http://[::1]/", "//h/x",
            "http://user:pass@h/", "http://h:0/", "http://h:65536/", "http://h:/", "http:///x",
            "http://h/../x", "http://h/a/./b", "http://h/a/%2e%2e/b", "http://h?x", "http://h#f",
            "ftp://h/", "http:h", "http://h/a?b?c#d", "http://h/a//b/", "http://[::1", "http://]/",
            "http://a.b-c_d/", "http://\u{E9}/", "http://h/ x", "http://h\\@i/",
        ], tokens: ["http://", "https://", "/../", "/./", "//", "@", "[::1]", ":80", "%2e", "?"])

    static let reference = Corpus(
        [
            "/film.mp4", "film.mp4?a=b", "../x", "../../../x/./y/..", "?q", "#f", "", "//h/x",
            "https://other.test/x", "http:x", "mailto:a@b", "a:b", "./a:b", "/..", "/.", "..", ".",
            "/a?../b", "/a#../b", "///", "/*", "*", "/\u{E9}", "/%00",
        ], tokens: ["/../", "/./", "//", "..", "?", "#", "http://", "%2f"])

    static let signedQuery = Corpus(
        [
            "Expires=1795219200", "exp=9223372036854775808&e=1", "X-Amz-Date=20261121T000000Z",
            "X-Amz-Date=20261121T000000Z&X-Amz-Expires=3600", "=&&=", "e=1795219200&expires=",
            "X-Goog-Date=99991231T235960Z&X-Goog-Expires=9223372036854775807", "e", "exp=1&exp=2",
            "X-Amz-Date=00000000T000000Z&X-Amz-Expires=0", "Expires=99999999999999999999999",
        ], tokens: ["&", "=", "expires=", "X-Amz-", "Date=", "T000000Z"])

    static let storedFields = Corpus(
        [
            "Content-Type: video/mp4\nETag: \"x\"\n", "", "\n", "a:\n", "a: \n", "a: b", "a: b\n\n",
            "a : b\n", ": b\n", "a: b\r\n", "a: \tb\n", "A: 1\na: 2\n", "a: b \n", "\u{E9}: b\n",
        ], tokens: [": ", "\n", "ETag: ", ":\n"])
}
