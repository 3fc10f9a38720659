import Foundation
import RenormFormats
import Testing

@Suite struct JSONCoderTests {
    private struct Record: Codable, Equatable {
        var z = 1
        var a = [0.1, .infinity, -.infinity]
        var float: Float = 0.1
        var seed = UInt64.max
        var file = "runs/\u{1}é\"\\"
        var none: Int?
    }

    @Test func namesAreInOrderAndNumbersAsShortAsTheyCanBe() throws {
        #expect(
            try JSONCoder.encode(Record())
                == #"{"a":[0.1,"inf","-inf"],"file":"runs/\u0001é\"\\","float":0.1,"seed":18446744073709551615,"z":1}"#
        )
        #expect(
            try JSONCoder.encode(["b": 1, "a": 2], isIndented: true) == "{\n  \"a\" : 2,\n  \"b\" : 1\n}")
    }

    @Test func whatIsWrittenIsRead() throws {
        #expect(try JSONCoder.decode(Record.self, from: JSONCoder.encode(Record())) == Record())
        #expect(try JSONCoder.encode(Double.nan) == "\"nan\"")
        #expect(try JSONCoder.decode(Double.self, from: "\"nan\"").isNaN)
    }

    @Test(arguments: [
        0, -0.0, 0.1, 1.0 / 3, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -123456.789, 0x1p53,
        .pi * 1e-200,
        .infinity,
    ])
    func numbersReadBackToTheBit(value: Double) throws {
        let back = try JSONCoder.decode(Double.self, from: JSONCoder.encode(value))
        #expect(back.bitPattern == value.bitPattern)
    }

    /// A text, and a part of what is said of it.
    @Test(arguments: [
        ("{\"z\":1", "was not valid JSON"), ("{}", "z is missing"),
        ("{\"z\":[]}", "z: Expected to decode Int"),
        ("{\"z\":1,\"a\":[2,\"infinity\"]}", "a.[1]: Expected to decode Double"),
        ("{\"z\":1,\"a\":[1e999]}", "was not valid JSON"), ("{\"z\":1e30}", "was not valid JSON"),
        ("{\"z\":null}", "z: it is null"), (String(repeating: "[", count: 100_000), "was not valid JSON"),
    ])
    func whatIsNotTheValueIsRefusedWithItsPlace(text: String, said: String) throws {
        let error = try #require(throws: DecodingError.self) { try JSONCoder.decode(Record.self, from: text) }
        #expect(error.placeAndReason.contains(said), "\(error.placeAndReason)")
    }
}
