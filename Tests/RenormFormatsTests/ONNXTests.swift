import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The wire format of ONNX: arrays of every type, and files that are damaged or made to do damage.
@Suite struct ONNXTests {
    private func error(_ name: String) -> String {
        do {
            _ = try ONNXModel(reading: Fixture.url("onnx/\(name).onnx"))
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func arraysOfEveryTypeAreRead() throws {
        let arrays = try NamedArrays(onnx: Fixture.url("onnx/types.onnx")).arrays
        let expected: [(String, NDArray)] = [
            ("float", NDArray([1.5, -2, 3e38] as [Float], shape: [3])),
            ("double", NDArray([1.1, -2, 1e300] as [Double], shape: [3])),
            ("float16", NDArray([1.5, -2, 65504] as [Float], shape: [3])),
            ("bfloat16", NDArray([1.5, -2, 256] as [Float], shape: [3]).converted(to: .bf16)),
            ("int64", NDArray([1, -2, 1 << 40] as [Int64], shape: [3])),
            ("int32", NDArray([1, -2, 1 << 30] as [Int32], shape: [3])),
            ("int8", NDArray([1, -2, 127] as [Int32], shape: [3])),
            ("uint8", NDArray([1, 2, 255] as [UInt8], shape: [3])),
            ("bool", NDArray([1, 0, 1] as [UInt8], shape: [3])),
        ]
        #expect(arrays.count == 2 * expected.count)
        for (name, array) in expected {
            #expect(arrays[name] == array, "\(name)")
            #expect(arrays["\(name)-raw"] == array, "\(name) in raw bytes")
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        let model = ONNXModel(
            irVersion: 9, opsets: ["": 21, "other": 3], producer: "p", producerVersion: "1.2",
            metadata: ["a": "b", "c": ""],
            graph: ONNXGraph(
                name: "g",
                nodes: [
                    ONNXNode(
                        "Op", ["x", "", "w"], ["y", "z"], name: "n", domain: "other",
                        [
                            "f": .float(-1.5), "i": .integer(-3), "s": .text("ä"),
                            "t": .tensor(NDArray([1, 2], shape: [2])),
                            "fs": .floats([1, 2]), "is": .integers([-1, 1 << 40]), "ss": .texts(["", "b"]),
                            "none": .integers([]), "zero": .integer(0),
                        ])
                ],
                initializers: [
                    "w": NDArray([1, 2, 3] as [Int64], shape: [3]), "e": NDArray(zeros: [0, 2]),
                ],
                inputs: [ONNXValue("x", type: 2, shape: [.named("N"), .fixed(3)])],
                outputs: [ONNXValue("y", shape: nil), ONNXValue("z", shape: [])]))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "renorm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("m.onnx")
        try model.write(to: url)
        #expect(try ONNXModel(reading: url) == model)
        // Half a file is no file, wherever it ends, unless what is left is one.
        let bytes = [UInt8](try Data(contentsOf: url))
        for count in 0..<bytes.count {
            try Data(bytes[..<count]).write(to: url)
            if let part = try? ONNXModel(reading: url) { #expect(part.graph == model.graph) }
        }
    }

    /// Arrays beside the file must be in its folder, whatever they are called.
    @Test(arguments: ["above", "absolute", "inside"]) func nothingOutsideOfTheFolderIsRead(_ name: String) {
        #expect(error("outside-\(name)").contains("it is no path inside the file's folder"))
    }

    @Test func noLinkLeadsOutOfTheFolder() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "renorm-\(UUID().uuidString)")
        let inside = folder.appendingPathComponent("inside")
        try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = inside.appendingPathComponent("m.onnx")
        try FileManager.default.copyItem(at: Fixture.url("onnx/outside-link.onnx"), to: file)
        let values = NDArray([1.5, 2] as [Float], shape: [2])
        let data = values.withUnsafeBytes { Data($0) }
        let link = inside.appendingPathComponent("link.bin").path
        try data.write(to: folder.appendingPathComponent("secret.bin"))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../secret.bin")
        let error = #expect(throws: FormatError.self) { try ONNXModel(reading: file) }
        #expect(error?.description.contains("it leads out of the file's folder by a symbolic link") == true)
        // A link that stays in the folder is as good as a file.
        try FileManager.default.removeItem(atPath: link)
        try data.write(to: inside.appendingPathComponent("weights.bin"))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "weights.bin")
        #expect(try NamedArrays(onnx: file).arrays["w"] == values)
    }

    @Test func absurdSizesAreRefusedBeforeThereIsMemoryForThem() {
        #expect(error("huge").contains("extents whose product is at most 2^40"))
        #expect(error("large").contains("Expected 2199023255552"))
        #expect(error("negative").contains("extents of at least 0"))
        #expect(error("outside-far").contains("are asked for"))
        #expect(error("outside-short").contains("it has 4 bytes, where 8 from 0 on are asked for"))
        #expect(error("outside-missing").contains("there is no such file"))
    }

    @Test func whatIsNoONNXIsNamed() throws {
        for name in ["types.onnx", "torch-9.safetensors"] {
            let bytes = try Data(contentsOf: Fixture.url("onnx/\(name)"))
            let url = FileManager.default.temporaryDirectory.appendingPathComponent(
                "renorm-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: url) }
            try (name.hasSuffix("onnx") ? Data() : bytes).write(to: url)
            let error = #expect(throws: FormatError.self) { try ONNXModel(reading: url) }
            #expect(error?.description.contains("Expected an ONNX file") == true)
        }
    }
}
