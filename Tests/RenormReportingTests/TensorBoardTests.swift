import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Files for TensorBoard.
@Suite struct TensorBoardTests {
    private let time = 1_764_453_905.25

    /// The events that `scripts/fixtures/tensorboard_events.py` writes with TensorBoard's own code.
    @Test func theBytesAreTensorBoardsOwn() throws {
        let folder = try TemporaryFolder()
        var file = try TensorBoardFile(in: folder.appending("tb"), firstStep: 7, time: time)
        file.add(
            try entry(
                """
                {"event":"evaluation","step":8,"time":1764453906.5,"set":"validation","accuracy":0.875,"loss":0.25,
                "examples":8,"isBest":true}
                """))
        file.add(text: "**bn1** γ", tag: "graph", step: 9, time: 1_764_453_907)
        try file.flush()
        let written = try Data(contentsOf: file.url)
        let expected = try Data(contentsOf: Fixture.url("tensorboard.tfevents"))
        #expect((expected.prefix(written.count) == written) == true)
        // What is left is the histogram.
        let spread = try JSONCoder.decode(
            Distribution.self, from: "[0.5,0.5,0.75,0.8,0.9,0.95,1,1.05,1.1,1.5,2,3,4]")
        let layer = try self.layer("bn1", r: spread)
        var other = try TensorBoardFile(in: folder.appending("other"), firstStep: 0, time: time)
        other.add(try watch(step: 10, time: 1_764_453_908, [layer]))
        try other.flush()
        let histogram = try #require(records(expected).last)
        let ours = try #require(records(Data(contentsOf: other.url)).last)
        // The event holds other values too; the message of this one is in it as TensorBoard writes it.
        let message = histogram.dropFirst(9 + 2 + 3)
        #expect(Data(ours).range(of: Data(message)) != nil)
    }

    private func entry(_ json: String) throws -> HistoryEntry {
        try JSONCoder.decode(HistoryEntry.self, from: json)
    }

    private func watch(step: Int, time: Double, _ layers: [String]) throws -> HistoryEntry {
        try entry(
            "{\"event\":\"watch\",\"step\":\(step),\"time\":\(time),\"warnings\":[],\"layers\":[\(layers.joined(separator: ","))]}"
        )
    }

    /// A layer as a history has it.
    private func layer(_ path: String, r: Distribution?) throws -> String {
        let quantiles = try JSONCoder.encode(try #require(Distribution([0, 1])))
        let ofR = try r.map { ",\"r\":\(try JSONCoder.encode($0))" } ?? ""
        return """
            {"path":"\(path)","channels":16,"difference":0.25,"worstChannel":{"channel":3,"difference":0.5},
            "meanLag":\(quantiles),"scaleLag":\(quantiles),"drift":0.5,"constantChannels":0,"rAtLimit":0.125,
            "readings":{"mean":0.5}\(ofR)}
            """
    }

    /// The records of a file, each with its checksums right.
    private func records(_ data: Data) -> [[UInt8]] {
        func number(_ bytes: some Sequence<UInt8>) -> UInt64 {
            bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
        }
        /// As TensorFlow's record format masks it.
        func masked(_ bytes: [UInt8]) -> UInt64 {
            let crc = CRC32C.checksum(of: bytes)
            return UInt64(((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8)
        }
        var (bytes, result) = (Array(data), [[UInt8]]())
        while bytes.count >= 12 {
            let length = Array(bytes[0..<8])
            #expect(number(bytes[8..<12]) == masked(length))
            let count = Int(number(length))
            let content = Array(bytes[12..<12 + count])
            #expect(number(bytes[12 + count..<16 + count]) == masked(content))
            result.append(content)
            bytes.removeFirst(16 + count)
        }
        #expect(bytes.isEmpty)
        return result
    }

    @Test func everyNumberOfALayerHasATag() throws {
        let folder = try TemporaryFolder()
        var file = try TensorBoardFile(in: folder.url, firstStep: 0, time: time)
        let layers = try [layer("bn1", r: Distribution([1, 2])), layer("bn2", r: nil)]
        file.add(try watch(step: 3, time: time, layers))
        file.add(
            try entry(
                """
                {"event":"steps","step":4,"time":1,"steps":1,"loss":1,"accuracy":0.5,"gradientNorm":2,"learningRate":0.1,
                "normalization":{"r_max":3},"imagesPerSecond":9}
                """))
        file.add(
            picture: NDArray([UInt8](repeating: 7, count: 12), shape: [2, 2, 3]), tag: "wrong", step: 4,
            time: time)
        try file.flush()
        let found = records(try Data(contentsOf: file.url))
        #expect(found.count == 5)
        let text = String(decoding: found.joined(), as: UTF8.self)
        for tag in [
            "difference/bn1", "difference/bn2", "drift/bn2", "reading mean/bn1", "r at its limit/bn1",
            "r/bn1",
            "mean lag/bn2", "scale lag/bn1", "loss/training", "accuracy/training", "gradient norm",
            "learning rate",
            "images a second", "normalization/r_max", "wrong",
        ] {
            #expect(text.contains(tag), "\(tag)")
        }
        #expect(!text.contains("r/bn2") && !text.contains("d at its limit"))
    }

    @Test func aSecondSessionHasAFileOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let first = try TensorBoardFile(in: folder.url, firstStep: 0, time: time)
        let second = try TensorBoardFile(in: folder.url, firstStep: 20, time: time)
        #expect(first.url != second.url && second.url.lastPathComponent.contains("tfevents"))
    }
}
