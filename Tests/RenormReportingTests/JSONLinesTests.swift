import Foundation
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
        var none: [Int] = []
    }

    private enum Kind: String, Encodable { case one }

    @Test func theEventComesFirstAndThenTheMembersByTheirNames() throws {
        #expect(
            try JSONLines.line("a \"step\"", Step())
                == #"{"event":"a \"step\"","gap":"nan","inner":{"a":255,"kind":"one","map":[{"k":1.5}],"none":[],"#
                + #""seed":18446744073709551615,"z":true},"loss":0.1,"names":["a","b\n"],"rate":0.1,"step":3}"#
        )
    }

    @Test func aLineReadsBack() throws {
        let line = try JSONLines.line("step", Step())
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["step"] as? Int == 3)
        #expect(object["event"] as? String == "step")
    }

    private struct Nothing: Encodable {}

    @Test func onlyObjectsAreLines() throws {
        #expect(try JSONLines.line("end", Nothing()) == #"{"event":"end"}"#)
        #expect(throws: EncodingError.self) { try JSONLines.line("step", 3) }
    }
}
