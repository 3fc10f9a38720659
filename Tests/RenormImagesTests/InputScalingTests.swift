import Foundation
import RenormArrays
import RenormFormats
import RenormImages
import Testing

@Suite struct InputScalingTests {
    @Test func countsTheExactMoments() throws {
        let dataset = try numbered((0..<50).map { $0 % 10 }, height: 5, width: 7, channels: 3)
        let scaling = try InputScaling(of: dataset)
        let values = dataset.images.doubles.map { $0 / 255 }
        for channel in 0..<3 {
            let own = stride(from: channel, to: values.count, by: 3).map { values[$0] }
            let mean = own.reduce(0, +) / Double(own.count)
            let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)
            #expect(abs(scaling.mean[channel] - mean) < 1e-12)
            #expect(abs(scaling.deviation[channel] - variance.squareRoot()) < 1e-12)
        }
    }

    @Test func countsOnlyTheSubset() throws {
        let dataset = try numbered((0..<50).map { $0 % 10 })
        let indices = [4, 4, 17]
        let direct = try Dataset(
            name: "direct", images: dataset.subset(indices).images, labels: [0, 0, 0], classNames: ["0"])
        #expect(try InputScaling(of: dataset.subset(indices)) == InputScaling(of: direct))
    }

    @Test func aConstantChannelIsOnlyCentred() throws {
        let dataset = try Dataset(
            name: "constant", images: NDArray(repeating: UInt8(51), shape: [2, 3, 3]), labels: [0, 0],
            classNames: ["0"])
        let scaling = try InputScaling(of: dataset)
        #expect(scaling == InputScaling(mean: [0.2], deviation: [1]))
        #expect(scaling(dataset.images).floats == [Float](repeating: 0, count: 18))
    }

    @Test func scaledTrainingImagesAreStandard() throws {
        let dataset = try numbered((0..<50).map { $0 % 10 }, channels: 2)
        let values = try InputScaling(of: dataset)(dataset.images).doubles
        for channel in 0..<2 {
            let own = stride(from: channel, to: values.count, by: 2).map { values[$0] }
            let mean = own.reduce(0, +) / Double(own.count)
            #expect(abs(mean) < 1e-6)
            #expect(abs(own.reduce(0) { $0 + $1 * $1 } / Double(own.count) - 1) < 1e-6)
        }
    }

    @Test func isSavedExactly() throws {
        let scaling = InputScaling(mean: [0.1, 1.0 / 3], deviation: [0.7, 0.123456789012345])
        let data = try JSONCoder.encode(scaling)
        #expect(try JSONCoder.decode(InputScaling.self, from: data) == scaling)
    }
}
