import RenormImages
import Testing

@Suite struct AugmentationTests {
    private func loader(_ dataset: Dataset, seed: UInt64) -> BatchLoader {
        // The identity scaling: values are the pixels themselves.
        let scaling = InputScaling(
            mean: [Double](repeating: 0, count: dataset.channels),
            deviation: [Double](repeating: 1.0 / 255, count: dataset.channels))
        return BatchLoader(
            dataset: dataset, scaling: scaling, augmentation: .standard, seed: seed, from: 0, depth: 2
        ) { _, indices in
            indices = Array(0..<dataset.count) + Array(0..<dataset.count)
            return true
        }
    }

    private func placement(
        _ augmentation: Augmentation, seed: UInt64 = 1, step: Int = 0, position: Int, of size: ImageSize
    ) -> Placement {
        augmentation.draw(
            seed: seed, step: step, position: position, picture: size,
            placement: Placement(whole: size, height: size.height, width: size.width)
        ).placement
    }

    @Test(arguments: [(9, 6, 1), (9, 6, 3), (1, 1, 1), (33, 17, 2)])
    func everyImageIsACropOfItsPaddedSelf(height: Int, width: Int, channels: Int) throws {
        let labels = (0..<20).map { Int32($0 % 10) }
        let dataset = try numbered(labels, height: height, width: width, channels: channels)
        let pixels = dataset.images.doubles
        let batch = try #require(try loader(dataset, seed: 3).next())
        let values = batch.images.doubles
        for position in 0..<40 {
            let placement = placement(.standard, seed: 3, position: position, of: dataset.size)
            for y in 0..<height {
                for x in 0..<width {
                    for channel in 0..<channels {
                        let row = y + Int(placement.crop.top)
                        let column = (placement.isMirrored ? width - 1 - x : x) + Int(placement.crop.left)
                        let isInside = (0..<height).contains(row) && (0..<width).contains(column)
                        let from = ((position % 20 * height + row) * width + column) * channels + channel
                        let to = ((position * height + y) * width + x) * channels + channel
                        #expect(abs(values[to] - (isInside ? pixels[from] : 0)) < 1e-3)
                    }
                }
            }
        }
    }

    @Test func placesAreUniform() {
        let size = ImageSize(height: 28, width: 32, channels: 1)
        var tops: [Int: Int] = [:]
        var lefts: [Int: Int] = [:]
        var mirrored = 0
        let count = 21_000
        for index in 0..<count {
            let placement = placement(.standard, step: index / 64, position: index % 64, of: size)
            tops[Int(placement.crop.top), default: 0] += 1
            lefts[Int(placement.crop.left), default: 0] += 1
            if placement.isMirrored { mirrored += 1 }
        }
        #expect(tops.keys.sorted() == Array(-3...3))
        #expect(lefts.keys.sorted() == Array(-4...4))
        for number in tops.values { #expect(abs(number - count / 7) < 5 * 51) }
        for number in lefts.values { #expect(abs(number - count / 9) < 5 * 46) }
        #expect(abs(mirrored - count / 2) < 5 * 73)
    }

    @Test func theSameExampleTwiceInABatchIsPlacedTwice() {
        let size = ImageSize(height: 28, width: 28, channels: 1)
        let placements = (0..<64).map {
            placement(.standard, position: $0, of: size)
        }
        #expect(Set(placements).count > 30)
        let unplaced = (0..<64).map {
            placement(.none, position: $0, of: size)
        }
        #expect(Set(unplaced) == [Placement(whole: size, height: 28, width: 28)])
    }
}
