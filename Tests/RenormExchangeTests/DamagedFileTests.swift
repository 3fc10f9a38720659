import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Damaged ONNX files are refused, or read as the networks that they then are; nothing traps or takes long.
@Suite struct DamagedFileTests {
    private static let files = [
        "torch-new", "torch-17-separate", "torch-9", "torch-12-fixed-batch", "channels-last", "types",
    ]

    @Test(arguments: files) func damagedFilesAreRefusedOrRead(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: Fixture.url("onnx/\(name).onnx")))
        var random = Random(seed: 1, stream: name)
        var (refused, read) = (0, 0)
        try withFolder { folder in
            let url = folder.appendingPathComponent("file.onnx")
            for _ in 0..<(testsAreThorough ? 2000 : 60) {
                try Data(Self.damaged(bytes, &random)).write(to: url)
                do {
                    let model = try ONNXModel(reading: url)
                    try model.write(to: url)
                    let network = try ImportedNetwork(model)
                    _ = try network.makeModel().graph(batch: 2)
                    read += 1
                } catch {
                    #expect(!"\(error)".isEmpty)
                    refused += 1
                }
            }
        }
        #expect(refused > 0)
        // A graph without images is no network at all.
        #expect(read > 0 || name == "types")
    }

    /// Bytes changed, cut out, repeated, or exchanged for numbers that sizes are multiplied with.
    private static func damaged(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var result = bytes
        for _ in 0...random.integer(below: 3) {
            let place = random.integer(below: result.count)
            let length = min(1 + random.integer(below: 24), result.count - place)
            switch random.integer(below: 6) {
            case 0: result[place] ^= 1 << UInt8(random.integer(below: 8))
            case 1: result[place] = UInt8(truncatingIfNeeded: random.next())
            case 2: result.removeSubrange(place..<place + length)
            case 3: result.insert(contentsOf: result[place..<place + length], at: place)
            case 4: result[place] = [0, 0x7F, 0x80, 0xFF][random.integer(below: 4)]
            default: for index in place..<place + min(9, length) { result[index] = 0xFF }
            }
            if result.isEmpty { return [0] }
        }
        return result
    }
}
