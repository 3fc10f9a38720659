import Foundation
import RenormArrays
import RenormFormats
import Testing

@Suite struct SafetensorsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func url(_ name: String = "file.safetensors") -> URL { folder.url.appendingPathComponent(name) }

    @Test func readsWhatTheFormatsLibraryWrites() throws {
        let file = try NamedArrays(safetensors: fixtures.appendingPathComponent("python.safetensors"))
        let thirds = (0..<6).map { Double($0) / 3 }
        #expect(file.metadata == ["format": "np, \"quoted\" é\n"])
        #expect(file.arrays.count == 9)
        #expect(file.arrays["doubles"] == NDArray(thirds, shape: [2, 3]))
        #expect(file.arrays["floats"] == NDArray(thirds.map { Float($0) }, shape: [2, 3]))
        #expect(
            file.arrays["layer1.0.conv1.weight"]
                == NDArray((0..<24).map { Float($0) }, shape: [4, 3, 2, 1]))
        #expect(file.arrays["bfloats"]?.type == .bf16)
        #expect(file.arrays["bfloats"]?.floats == [0.5, -2, .infinity])
        #expect(file.arrays["integers"] == NDArray([-1, .max, .min] as [Int32], shape: [3]))
        #expect(file.arrays["counter"] == NDArray(scalar: 1 << 40 + 1 as Int64))
        #expect(file.arrays["bytes"] == NDArray([0, 1, 2, 3, 4] as [UInt8], shape: [5]))
        #expect(file.arrays["nothing"] == NDArray(zeros: [0, 3]))
        #expect(file.arrays["é \"quoted\"\n"] == NDArray([7] as [UInt8], shape: [1]))
    }

    @Test func writesWhatTheFormatsLibraryWrites() throws {
        let original = fixtures.appendingPathComponent("python.safetensors")
        try NamedArrays(safetensors: original).write(safetensors: url())
        #expect(try Data(contentsOf: url()) == Data(contentsOf: original))
    }

    @Test func readsHalvesAsFloats() throws {
        let file = try NamedArrays(safetensors: fixtures.appendingPathComponent("half.safetensors"))
        let values = try #require(file.arrays["halves"]).values(of: Float.self)
        #expect(values.prefix(8) == [0, 0, 1, -1.5, 65504, 5.9604645e-8, .infinity, -.infinity])
        #expect(values[1].sign == .minus)
        #expect(values[8].isNaN)
    }

    #if !(os(macOS) && arch(x86_64))
        @Test func everyHalfHasItsValue() {
            let wrong = (UInt16.min...UInt16.max).filter { bits in
                let expected = Float(Float16(bitPattern: bits))
                let value = float(half: bits)
                return expected.isNaN ? !value.isNaN : value.bitPattern != expected.bitPattern
            }
            #expect(wrong == [])
        }
    #endif

    @Test func roundTripsEveryTypeAndKeepsTheOrder() throws {
        var file = NamedArrays(metadata: ["b": "2", "a": "{\"x\":1}"])
        for (number, type) in ElementType.allCases.enumerated() {
            for shape in [[], [3], [2, 5], [0], [1, 1, 1, 7]] as [TensorShape] {
                let values = (0..<shape.elementCount).map { Double($0 * 3 + number) }
                let name = "\(["z", "a", "m"][number % 3]).\(type).\(shape)"
                file.arrays[name] = NDArray(values, shape: shape).converted(to: type)
            }
        }
        try file.write(safetensors: url())
        let back = try NamedArrays(safetensors: url())
        #expect(back == file)
        #expect(back.arrays.keys == file.arrays.keys)
        let first = try Data(contentsOf: url())
        try back.write(safetensors: url("again"))
        #expect(try Data(contentsOf: url("again")) == first)
    }

    @Test func tensorsAreAlignedInTheFile() throws {
        var file = NamedArrays()
        file.arrays["a"] = NDArray([1, 2, 3] as [UInt8], shape: [3])
        file.arrays["b"] = NDArray(scalar: 1.5)
        file.arrays["c"] = NDArray([1] as [Float], shape: [1])
        try file.write(safetensors: url())
        let bytes = try [UInt8](Data(contentsOf: url()))
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(length % 8 == 0)
        struct Entry: Decodable { var data_offsets: [Int] }
        let header = try JSONCoder.decode([String: Entry].self, from: Data(bytes[8..<8 + length]))
        for (name, size) in [("a", 1), ("b", 8), ("c", 4)] {
            #expect(try #require(header[name]).data_offsets[0] % size == 0)
        }
    }

    @Test func anEmptyFileIsAFile() throws {
        try NamedArrays().write(safetensors: url())
        #expect(try NamedArrays(safetensors: url()) == NamedArrays())
    }

    @Test func aNonFiniteValueKeepsItsBits() throws {
        var file = NamedArrays()
        file.arrays["x"] = NDArray([Float(nan: 5, signaling: false), -.infinity, -0.0], shape: [3])
        try file.write(safetensors: url())
        #expect(try NamedArrays(safetensors: url()) == file)
    }

    @Test func aReservedNameIsRefused() {
        let file = NamedArrays(["__metadata__": NDArray(zeros: [1])])
        #expect(throws: FormatError.reservedName(path: url().path, name: "__metadata__")) {
            try file.write(safetensors: url())
        }
    }

    /// A header and a number of data bytes, and what is said about them.
    private static let wrong: [(String, Int, String)] = [
        (
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7,
            "DIR/file.safetensors ends after 69 bytes. Expected at least 70, by its header. Fetch or save it again."
        ),
        (
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9,
            "DIR/file.safetensors has 71 bytes. Expected 70, by its header. Fetch or save it again."
        ),
        (
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8,
            "DIR/file.safetensors gives \"a\" 8 bytes. Expected 12, by its shape and type. Save the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}", 8,
            "DIR/file.safetensors holds \"a\" as F8_E4M3. Expected real numbers of 16 bits or more, or whole "
                + "numbers. Convert the tensor to one of these."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
            5,
            "DIR/file.safetensors begins \"b\" at byte 3 of the data. Expected 2, where the tensor before it "
                + "ends: the format has neither gaps nor overlaps. Save the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
            3,
            "DIR/file.safetensors begins \"b\" at byte 1 of the data. Expected 2, where the tensor before it "
                + "ends: the format has neither gaps nor overlaps. Save the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2,
            "DIR/file.safetensors begins \"a\" at byte 1 of the data. Expected 0, where the tensor before it "
                + "ends: the format has neither gaps nor overlaps. Save the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
            2,
            "The header of DIR/file.safetensors is no valid JSON at byte 53: the key \"a\" occurs twice. Expected "
                + "JSON as RFC 8259 defines it. Correct it, or fetch the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1,
            "DIR/file.safetensors describes \"a\" wrongly: shape is no list of whole numbers. Expected a "
                + "safetensors header, where a tensor has dtype, shape and data_offsets and __metadata__ holds "
                + "strings. Save the file again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807],\"data_offsets\":[0,9223372036854775807]}}",
            0,
            "DIR/file.safetensors ends after 97 bytes. Expected at least 9223372036854775807, by its header. Fetch or "
                + "save it again."
        ),
        (
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[0,4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
            "DIR/file.safetensors describes \"a\" wrongly: found the shape [0, 4611686018427387904, 4], expected extents "
                + "whose product is at most 2^40. Expected a safetensors header, where a tensor has dtype, shape and "
                + "data_offsets and __metadata__ holds strings. Save the file again."
        ),
        (
            "{\"__metadata__\":{\"step\":3}}", 0,
            "DIR/file.safetensors describes \"__metadata__\" wrongly: \"step\" is no string. Expected a "
                + "safetensors header, where a tensor has dtype, shape and data_offsets and __metadata__ holds "
                + "strings. Save the file again."
        ),
    ]

    private func file(header: String, data: Int) throws {
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        bytes += Array(header.utf8) + [UInt8](repeating: 1, count: data)
        try Data(bytes).write(to: url())
    }

    @Test(arguments: wrong)
    func saysWhatIsWrong(header: String, data: Int, message: String) throws {
        try file(header: header, data: data)
        let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
        #expect(error.description.replacingOccurrences(of: folder.url.path, with: "DIR") == message)
    }

    @Test(arguments: [
        "{\"a\":3}", "{\"a\":01}", "{\"a\":1e999}", "{\"a\":null}", "{\"a\":{}}", "3", "null",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1e999],\"data_offsets\":[0,1]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,18446744073709551616]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "[]", "{\"__metadata__\":[]}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0.5],\"data_offsets\":[0,1]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
    ])
    func anotherHeaderIsMalformed(header: String) throws {
        try file(header: header, data: 1)
        let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
        guard case .malformedHeader = error else {
            Issue.record("\(error)")
            return
        }
    }

    /// Headers that are no JSON or that readers may take differently, and what is said about them.
    @Test(arguments: [
        ("", ": Unexpected end of file during JSON parse"),
        ("{", ": Unexpected end of file during JSON parse"),
        ("{\"a\" 1}", ": Invalid value around character 5"),
        ("{\"a\":NaN}", ": Invalid value around character 5"),
        ("{\"a\":{}} 2", ": Invalid value around character 9"),
        ("{\"a\":{},}", " at byte 7: nothing comes after the comma"),
        ("{\"a\":[1, ]}", " at byte 7: nothing comes after the comma"),
        ("{\"abc", " at byte 1: a string does not end"),
        ("{\"a\":\"b\\", " at byte 5: a string does not end"),
        ("{\"a\nb\":1}", " at byte 3: a control character in a string"),
        ("{\u{0}\"a\":1}", " at byte 1: a control character"),
        ("{\"é\":1,\"\\u00e9\":2}", " at byte 8: the key \"é\" occurs twice"),
        ("{\"a\":{\"x\":[],\"y\":{},\"x\":2}}", " at byte 20: the key \"x\" occurs twice"),
        ("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", " at byte 24: the key \"a\" occurs twice"),
        (String(repeating: "[", count: 100_000), " at byte 128: nested too deeply"),
        (String(repeating: "{\"a\":", count: 129), " at byte 640: nested too deeply"),
    ])
    func aHeaderThatIsNoJSONIsRefused(header: String, said: String) throws {
        try file(header: header, data: 0)
        let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
        #expect(
            error.description
                == "The header of \(url().path) is no valid JSON\(said). Expected JSON as RFC 8259 defines it. "
                + "Correct it, or fetch the file again.")
    }

    @Test(arguments: [
        [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D] as [UInt8],
        // In UTF-16 and UTF-32, which Foundation would read.
        [0x7B, 0, 0x7D, 0], [0xFE, 0xFF, 0, 0x7B, 0, 0x7D], [0x7B, 0, 0, 0, 0x7D, 0, 0, 0],
    ])
    func aHeaderThatIsNoUTF8IsRefused(header: [UInt8]) throws {
        try Data([UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header).write(to: url())
        let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
        guard case .malformedJSON = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func keysMayOccurAgainInOtherObjects() throws {
        let entry = { (at: Int) in "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\(at),\(at + 1)]}" }
        try file(
            header:
                "{\"b\":\(entry(0)), \"a\" : \(entry(1)),\"__metadata__\":{\"a\":\"b\",\"b\":\"{\\\"a\\\":1}\"}}  ",
            data: 2)
        let content = try NamedArrays(safetensors: url())
        #expect(content.arrays.keys == ["b", "a"])
        #expect(content.metadata == ["a": "b", "b": "{\"a\":1}"])
    }

    @Test func aCutFileIsRefusedWhereverItIsCut() throws {
        let whole = try Data(contentsOf: fixtures.appendingPathComponent("python.safetensors"))
        for length in Array(stride(from: 0, to: whole.count, by: 13)) + [whole.count - 1] {
            try whole.prefix(length).write(to: url())
            let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
            guard case .truncated(_, length, let expected) = error, expected > length else {
                Issue.record("\(length): \(error)")
                return
            }
        }
    }

    @Test func whatIsNoSafetensorsFileIsRefused() throws {
        try Data("PK\u{3}\u{4} a PyTorch checkpoint".utf8).write(to: url())
        let error = try #require(throws: FormatError.self) { try NamedArrays(safetensors: url()) }
        guard case .headerTooLarge = error else {
            Issue.record("\(error)")
            return
        }
        #expect(
            throws: FormatError.unreadable(path: url("absent").path, reason: "No such file or directory")
        ) {
            try NamedArrays(safetensors: url("absent"))
        }
        #expect(
            throws: FormatError.unreadable(path: folder.url.path, reason: "it is a folder")
        ) {
            try NamedArrays(safetensors: folder.url)
        }
    }

    @Test func smallWholeNumbersAndTruthValuesAreWidened() throws {
        let file = try NamedArrays(safetensors: fixtures.appendingPathComponent("bool.safetensors"))
        #expect(file.arrays["flags"] == NDArray([1, 0] as [UInt8], shape: [2]))
        for (type, bytes, expected) in [
            ("I8", [0x80, 0x7F], NDArray([-128, 127] as [Int32], shape: [2])),
            ("I16", [0xFE, 0xFF, 3, 0], NDArray([-2, 3] as [Int32], shape: [2])),
            ("U16", [0xFE, 0xFF, 3, 0], NDArray([65534, 3] as [Int32], shape: [2])),
            ("U32", [0xFE, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0], NDArray([0xFFFF_FFFE, 3] as [Int64], shape: [2])),
        ] as [(String, [UInt8], NDArray)] {
            let header = Array(
                "{\"a\":{\"dtype\":\"\(type)\",\"shape\":[2],\"data_offsets\":[0,\(bytes.count)]}}".utf8)
            try Data([UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header + bytes).write(to: url())
            #expect(try NamedArrays(safetensors: url()).arrays["a"] == expected, "\(type)")
        }
    }
}
