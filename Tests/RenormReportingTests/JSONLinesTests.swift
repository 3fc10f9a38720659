import Foundation
import RenormFormats
import RenormReporting
import Testing

@Suite struct JSONLinesTests {
    private struct Step: Encodable {
        var step = 3
        var loss: Float = 0.1
        var rate = 0.1
        var accuracy: Double?
        var names = ["a", "b\n"]
        var inner = Inner()
        var gap: Float = .nan
    }

    private struct Inner: Encodable {
        var z = true
        var a: UInt8 = 255
        var seed = UInt64.max
        var kind = Kind.one
        var map = [["k": 1.5]]
        var file = URL(fileURLWithPath: "/a b/c")
        var when = Date(timeIntervalSince1970: 0)
        var data = Data([1, 2, 3])
        var none: [Int] = []
    }

    private enum Kind: String, Encodable { case one }

    @Test func theEventComesFirstAndThenTheMembersInOrder() throws {
        #expect(
            try JSONLines.line("step", Step())
                == #"{"event":"step","step":3,"loss":0.1,"rate":0.1,"names":["a","b\n"],"inner":{"z":true,"a":255,"#
                + #""seed":"18446744073709551615","kind":"one","map":[{"k":1.5}],"file":"/a b/c","#
                + #""when":"1970-01-01T00:00:00Z","data":"AQID","none":[]},"gap":"NaN"}"#)
    }

    @Test func aLineReadsBack() throws {
        let line = try JSONLines.line("step", Step())
        let value = try JSONValue(parsing: line)
        #expect(value["event"]?.string == "step")
        #expect(value["gap"]?.number?.isNaN == true)
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        #expect((object as? [String: Any])?["step"] as? Int == 3)
    }

    private struct Part: Encodable { var part = 1 }

    private struct Flat: Encodable {
        private enum Key: String, CodingKey { case first, list, super_ = "super" }
        private enum ListKey: String, CodingKey { case value }

        func encode(to encoder: any Encoder) throws {
            try Part().encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encodeNil(forKey: .first)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            try list.encode(1)
            try list.encodeNil()
            var object = list.nestedContainer(keyedBy: ListKey.self)
            try object.encode("x", forKey: .value)
            var nested = list.nestedUnkeyedContainer()
            try nested.encode(contentsOf: [2, 3])
            try Part().encode(to: list.superEncoder())
            try Part().encode(to: container.superEncoder())
        }
    }

    @Test func everyKindOfContainerWorks() throws {
        #expect(
            try JSONValue(encoding: Flat()).text
                == #"{"part":1,"first":null,"list":[1,null,{"value":"x"},[2,3],{"part":1}],"super":{"part":1}}"#
        )
    }

    @Test func singleValuesAreValuesButNoLines() throws {
        #expect(try JSONValue(encoding: 3).text == "3")
        #expect(try JSONValue(encoding: ["a"]).text == #"["a"]"#)
        #expect(try JSONValue(encoding: Optional<Int>.none).text == "null")
        #expect(try JSONValue(encoding: Kind.one).text == #""one""#)
        #expect(throws: EncodingError.self) { try JSONLines.line("step", 3) }
    }
}
