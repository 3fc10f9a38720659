import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct BatchMixingTests {
    private let size = ImageSize(height: 20, width: 30, channels: 3)

    /// The fractions of `values` below points at which the distribution has the given ones; each within five deviations.
    private func expectQuantiles(_ values: [Double], _ points: [(at: Double, below: Double)]) {
        for (point, below) in points {
            let fraction = Double(values.count { $0 < point }) / Double(values.count)
            let deviation = (below * (1 - below) / Double(values.count)).squareRoot()
            #expect(abs(fraction - below) < 5 * deviation, "\(fraction) below \(point), not \(below)")
        }
    }

    /// Distribution functions: of Beta(1, 1) x, of Beta(½, ½) 2/π · asin √x, of Beta(2, 2) 3x² − 2x³.
    @Test func sharesAreOfBetaDistributions() {
        let known: [(Double, (Double) -> Double)] = [
            (1, { $0 }), (0.5, { 2 / .pi * asin($0.squareRoot()) }), (2, { $0 * $0 * (3 - 2 * $0) }),
        ]
        for (alpha, function) in known {
            let mixing = BatchMixing(mixup: alpha)
            let shares = (0..<20_000).map {
                mixing.draw(seed: 5, step: $0 / 4, part: $0 % 4, size: size)!.share
            }
            expectQuantiles(shares, [0.02, 0.2, 0.5, 0.7, 0.97].map { ($0, function($0)) })
        }
    }

    /// The mean of Beta(α, α) is 1/2, its variance 1/(8α + 4).
    @Test(arguments: [0.05, 0.2, 0.8, 1, 3, 200]) func momentsAreThoseOfTheDistribution(alpha: Double) {
        var random = Random(seed: 1, stream: "test")
        let values = (0..<20_000).map { _ in random.beta(alpha, alpha) }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / Double(values.count)
        let expected = 1 / (8 * alpha + 4)
        #expect(abs(mean - 0.5) < 5 * (expected / Double(values.count)).squareRoot())
        #expect(abs(variance / expected - 1) < 0.05)
        #expect(values.allSatisfy { (0...1).contains($0) })
    }

    @Test func extremeSharesAreNumbers() {
        var random = Random(seed: 1, stream: "test")
        for (first, second) in [(1e-300, 1e-300), (1e-3, 1e3), (1e3, 1e3)] {
            #expect((0..<1000).allSatisfy { _ in (0...1).contains(random.beta(first, second)) })
        }
        // x / (x + y) has the mean a / (a + b).
        let mean = (0..<20_000).reduce(0) { sum, _ in sum + random.beta(2, 6) } / 20_000
        #expect(abs(mean - 0.25) < 0.006)
    }

    @Test func aCutIsAboutAsLargeAsWhatIsGivenAway() throws {
        let mixing = BatchMixing(cutmix: 1)
        var areas: [Double] = []
        var corners: Set<Int> = []
        for step in 0..<4000 {
            let draw = try #require(mixing.draw(seed: 2, step: step, part: 0, size: size))
            let box = try #require(draw.box)
            #expect(box.rows.lowerBound >= 0 && box.rows.upperBound <= 20)
            #expect(box.columns.lowerBound >= 0 && box.columns.upperBound <= 30)
            #expect(draw.share == 1 - Double(box.area) / 600)
            areas.append(1 - draw.share)
            if box.area > 0 { corners.insert(box.rows.lowerBound) }
        }
        #expect(corners.count > 15)
        // Of torchvision's draws for this size: Tests/Fixtures/augmentations.json.
        let expected = try AugmentationFixture.read().cutmixAreas
        let mean = areas.reduce(0, +) / Double(areas.count)
        #expect(abs(mean - expected.mean) < 5 * expected.deviation * (1.0 / 4000 + 1 / 20_000).squareRoot())
    }

    @Test func aCoinDecidesBetweenBoth() {
        let mixing = BatchMixing(mixup: 0.3, cutmix: 1)
        let cuts = (0..<2000).count { mixing.draw(seed: 3, step: $0, part: 0, size: size)?.box != nil }
        #expect(abs(cuts - 1000) < 5 * 23)
        #expect(BatchMixing().draw(seed: 3, step: 0, part: 0, size: size) == nil)
    }

    /// As torchvision's `MixUp` and `CutMix` mix the same batch with the same parameters.
    @Test func picturesAreMixedAsTorchvisionDoes() throws {
        for one in try AugmentationFixture.read().mixes {
            let size = ImageSize(height: 5, width: 4, channels: 3)
            let draw = BatchMixing.Draw(
                share: one.share,
                box: one.box.map { PixelRectangle(rows: $0[1]..<$0[3], columns: $0[0]..<$0[2]) })
            var images = (0..<3 * size.valueCount).map { Float($0 * 37 % 64) / 16 }
            var spare = [Float](repeating: 0, count: size.valueCount)
            draw.mix(&images, count: 3, size: size, spare: &spare)
            #expect(images == one.images)
        }
    }

    private func dataset() throws -> Dataset {
        try numbered((0..<40).map { $0 % 5 }, height: 6, width: 4, channels: 3, classes: 5)
    }

    @Test func aBatchSaysWhatItIsMadeOf() throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let classWeights: [Float] = [0.5, 1, 2, 0, 1.5]
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        for parts in [1, 2] {
            let mixing = BatchMixing(mixup: 0.4, cutmix: 1)
            let loader = BatchLoader(
                dataset: dataset, scaling: scaling, mixing: mixing, classWeights: classWeights,
                sampler: sampler, seed: 4, to: 12, parts: parts)
            var number = 0
            while let batch = try loader.next() {
                let count = 8 / parts
                let draw = try #require(
                    mixing.draw(seed: 4, step: number / parts, part: number % parts, size: dataset.size))
                let labels = batch.indices.map { dataset.labels[$0] }
                let others = [labels[count - 1]] + labels.dropLast()
                #expect(batch.labels.values(of: Int32.self) == labels)
                #expect(batch.otherLabels?.values(of: Int32.self) == others)
                #expect(
                    batch.weights?.values(of: Float.self)
                        == labels.map { Float(draw.share) * classWeights[Int($0)] })
                #expect(
                    batch.otherWeights?.values(of: Float.self)
                        == others.map { Float(1 - draw.share) * classWeights[Int($0)] })
                var images = scaling(dataset.subset(batch.indices).images).floats
                var spare = [Float](repeating: 0, count: dataset.size.valueCount)
                draw.mix(&images, count: count, size: dataset.size, spare: &spare)
                #expect(batch.images.floats == images)
                number += 1
            }
            #expect(number == 12 * parts)
        }
    }

    @Test func whatIsNotAskedForIsNotThere() throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        for mixing in [nil, BatchMixing()] {
            let loader = BatchLoader(dataset: dataset, scaling: scaling, mixing: mixing, sampler: sampler)
            let batch = try #require(try loader.next())
            #expect(batch.weights == nil && batch.otherLabels == nil && batch.otherWeights == nil)
        }
        let weighted = BatchLoader(
            dataset: dataset, scaling: scaling, classWeights: [1, 2, 3, 4, 5], sampler: sampler)
        let batch = try #require(try weighted.next())
        #expect(batch.weights?.values(of: Float.self) == batch.indices.map { Float($0 % 5 + 1) })
        #expect(batch.otherLabels == nil && batch.otherWeights == nil)
    }

    @Test func theNumbersComeFromFilesChecked() throws {
        let mixing = BatchMixing(mixup: 0.2, cutmix: 1)
        #expect(try JSONDecoder().decode(BatchMixing.self, from: JSONEncoder().encode(mixing)) == mixing)
        #expect(try JSONDecoder().decode(BatchMixing.self, from: Data("{}".utf8)) == BatchMixing())
        for bad in [#"{"mixup": 0}"#, #"{"cutmix": -1}"#, #"{"mixup": 1e9}"#] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode(BatchMixing.self, from: Data(bad.utf8))
            }
        }
    }
}
