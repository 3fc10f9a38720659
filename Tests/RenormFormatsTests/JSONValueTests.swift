import RenormFormats
import Testing

@Suite struct JSONValueTests {
    @Test func writesOneLineInOrder() {
        let value: JSONValue = [
            "event": "step", "step": 3, "loss": 0.1, "list": [1, 2.5, nil, true, false, [], [:]],
            "a": ["b": "c"],
        ]
        #expect(
            value.text
                == #"{"event":"step","step":3,"loss":0.1,"list":[1,2.5,null,true,false,[],{}],"a":{"b":"c"}}"#
        )
    }

    @Test(arguments: [
        0.1, 1.0 / 3, 1e300, .leastNonzeroMagnitude, -0.0, 1e16, 123_456_789_012_345_680, 1e-7,
        .greatestFiniteMagnitude,
    ])
    func numbersReadBackAsThemselves(value: Double) throws {
        let back = try #require(JSONValue(parsing: JSONValue.number(value).text).number)
        #expect(back.bitPattern == value.bitPattern)
    }

    @Test(arguments: [0.1, 1 / 3, 16_777_216, .leastNonzeroMagnitude, 3.4028235e38] as [Float])
    func floatsAreShort(value: Float) throws {
        let text = JSONValue(value).text
        #expect(Float(text) == value)
        #expect(text.count <= value.description.count + 2)
    }

    @Test func whatIsNotFiniteIsAString() throws {
        let value: JSONValue = [
            .number(.nan), .number(.infinity), .number(-.infinity), JSONValue(Float.nan),
            JSONValue(-Float.infinity),
        ]
        #expect(value.text == #"["NaN","Infinity","-Infinity","NaN","-Infinity"]"#)
        let back = try #require(JSONValue(parsing: value.text).array).map(\.number)
        #expect(back[0]?.isNaN == true)
        #expect(back[1] == .infinity)
        #expect(back[2] == -.infinity)
    }

    @Test func stringsReadBackAsThemselves() throws {
        let all =
            String(String.UnicodeScalarView((0..<0x300).compactMap { Unicode.Scalar($0 as UInt32) })) + "𝛾→é"
        let text = JSONValue.string(all).text
        #expect(!text.utf8.contains { $0 < 0x20 })
        #expect(try JSONValue(parsing: text).string == all)
        #expect(JSONValue.string("a\"\\\n\u{1}/").text == #""a\"\\\n\u0001/""#)
    }

    @Test(
        arguments: [
            (" [ 1 , -2.5e+3 , \"\\u00e9\\ud83d\\ude00\\/\\b\" ] \n", [1, -2500.0, "é😀/\u{8}"]),
            ("9223372036854775807", 9_223_372_036_854_775_807),
            ("9223372036854775808", 9223372036854775808.0),
            ("-0", JSONValue.number(-0.0)),
            ("{}", [:]),
            ("null", nil),
        ] as [(String, JSONValue)])
    func readsValidTexts(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        ("", 0, "the text ends"),
        ("{", 1, "the text ends"),
        ("[1,", 3, "the text ends"),
        ("[1 2]", 3, "a comma or ] is missing"),
        ("[1,]", 3, "no value begins so"),
        ("{\"a\" 1}", 5, "a colon is missing"),
        ("{\"a\":1 \"b\":2}", 7, "a comma or } is missing"),
        ("{a:1}", 1, "a key in quotes is missing"),
        ("{\"a\":1,\"a\":2}", 7, "the key \"a\" occurs twice"),
        ("01", 0, "a number begins with 0"),
        ("1.", 2, "a digit is missing"),
        ("-", 1, "a digit is missing"),
        ("1e", 2, "a digit is missing"),
        ("1e999", 0, "a number is too large"),
        ("NaN", 0, "no value begins so"),
        ("nul", 0, "no value begins so"),
        ("\"abc", 0, "a string does not end"),
        ("\"a\nb\"", 2, "a control character in a string"),
        ("\"\\x\"", 1, "an unknown escape"),
        ("\"\\u12g4\"", 5, "four hexadecimal digits are missing"),
        ("\"\\ud800\"", 1, "half a surrogate pair"),
        ("\"\\ud800\\u0041\"", 1, "half a surrogate pair"),
        ("\"\\udc00\"", 1, "half a surrogate pair"),
        ("1 2", 2, "more after the end"),
    ])
    func refusesWhatIsNoJSON(text: String, offset: Int, reason: String) {
        #expect(throws: FormatError.malformedJSON(source: "it", offset: offset, reason: reason)) {
            try JSONValue(parsing: text, source: "it")
        }
    }

    @Test func refusesWrongUTF8AndDeepTexts() throws {
        #expect(
            throws: FormatError.malformedJSON(
                source: "it", offset: 0, reason: "a string is no valid UTF-8")
        ) {
            try JSONValue(parsing: [0x22, 0xFF, 0x22], source: "it")
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(
            throws: FormatError.malformedJSON(source: "it", offset: 128, reason: "nested too deeply")
        ) {
            try JSONValue(parsing: deep, source: "it")
        }
        let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(try JSONValue(parsing: allowed).text == allowed)
    }
}
