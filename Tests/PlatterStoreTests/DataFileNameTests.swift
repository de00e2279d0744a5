import PlatterCore
import PlatterStore
import Testing

@Suite("Names of data files")
struct DataFileNameTests {
    let representation = Representation(
        key: CacheKey("http://origin/a"), validator: .strong(tag: "\"1\""), completeLength: 10)

    @Test("a name of ours is one by its own rule")
    func form() {
        let name = DataFileName(representation, salt: 0x0123_4567_89AB_CDEF)
        #expect(name.text.hasSuffix("-0123456789abcdef"))
        #expect(DataFileName(name.text) == name)
        #expect(name.folder == String(name.text.prefix(2)))
    }

    @Test("key, validator, length and salt each change the name")
    func identity() {
        let others = [
            Representation(
                key: CacheKey("http://origin/b"), validator: representation.validator,
                completeLength: 10),
            Representation(
                key: representation.key, validator: .weak(tag: "\"1\""), completeLength: 10),
            Representation(
                key: representation.key, validator: representation.validator, completeLength: 11),
        ]
        var names = Set(others.map { DataFileName($0, salt: 1) })
        names.insert(DataFileName(representation, salt: 1))
        names.insert(DataFileName(representation, salt: 2))
        #expect(names.count == 5)
    }

    @Test(
        "what is not of our form is no name",
        arguments: [
            "", "..", "/etc/passwd", "../../index.sqlite",
            "0123456789abcdef0123456789abcdef-0123456789abcde",
            "0123456789abcdef0123456789abcdef-0123456789abcdef0",
            "0123456789abcdef0123456789abcdef_0123456789abcdef",
            "0123456789ABCDEF0123456789abcdef-0123456789abcdef",
            "0123456789abcdef0123456789abcd/f-0123456789abcdef",
            "0123456789abcdef0123456789abcdef-0123456789abcde\u{0}",
            "0123456789abcdef0123456789abcdef-0123456789abcde\u{e9}",
        ])
    func refused(text: String) {
        #expect(DataFileName(text) == nil)
    }
}
