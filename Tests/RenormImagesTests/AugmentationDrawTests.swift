import RenormArrays
import RenormImages
import Testing

/// How augmentations are drawn, by the distribution of torchvision's draws.
@Suite struct AugmentationDrawTests {
    /// The fractions of our draws below torchvision's points; each within five deviations of the difference of two samples.
    private func expect(_ values: [Double], like points: [[Double]]?, _ name: String) throws {
        for point in try #require(points) {
            let fraction = Double(values.count { $0 < point[0] }) / Double(values.count)
            let middle = min(max((fraction + point[1]) / 2, 0.001), 0.999)
            let samples = 1 / Double(values.count) + 1 / Double(AugmentationFixture.draws)
            let deviation = (middle * (1 - middle) * samples).squareRoot()
            #expect(abs(fraction - point[1]) < 5 * deviation, "\(name): \(fraction) below \(point)")
        }
    }

    private func draws(_ augmentation: Augmentation, of picture: ImageSize, _ count: Int = 8000)
        -> [AugmentationDraw]
    {
        let placement = Placement(whole: picture, height: picture.height, width: picture.width)
        return (0..<count).map {
            augmentation.draw(
                seed: 9, step: $0 / 100, position: $0 % 100, picture: picture, placement: placement)
        }
    }

    @Test(arguments: 0..<4) func resizedCropsAreDrawnAsByTorchvision(number: Int) throws {
        let drawn = try AugmentationFixture.read().crops[number]
        let picture = ImageSize(height: drawn.picture[0], width: drawn.picture[1], channels: 3)
        let augmentation = Augmentation(
            crop: .resized(
                scale: drawn.scale[0]...drawn.scale[1], ratio: drawn.ratio[0]...drawn.ratio[1],
                interpolation: .bicubic))
        let placements = draws(augmentation, of: picture).map(\.placement)
        #expect(placements.allSatisfy { $0.interpolation == .bicubic && !$0.isMirrored && !$0.isFlipped })
        #expect(placements.allSatisfy { $0.height == picture.height && $0.width == picture.width })
        for crop in placements.map(\.crop) {
            #expect(crop.top >= 0 && crop.top + crop.height <= Double(picture.height))
            #expect(crop.left >= 0 && crop.left + crop.width <= Double(picture.width))
        }
        try expect(placements.map(\.crop.top), like: drawn.spread["top"], "top")
        try expect(placements.map(\.crop.left), like: drawn.spread["left"], "left")
        try expect(placements.map(\.crop.height), like: drawn.spread["height"], "height")
        try expect(placements.map(\.crop.width), like: drawn.spread["width"], "width")
    }

    @Test(arguments: 0..<2) func rectanglesAreErasedAsByTorchvision(number: Int) throws {
        let drawn = try AugmentationFixture.read().erasing[number]
        let picture = ImageSize(height: drawn.picture[0], width: drawn.picture[1], channels: 3)
        func erased(_ probability: Double) -> [PixelRectangle] {
            let erasing = Augmentation.Erasing(
                probability: probability, scale: drawn.scale[0]...drawn.scale[1],
                ratio: drawn.ratio[0]...drawn.ratio[1])
            return draws(Augmentation(erasing: erasing), of: picture).compactMap(\.erased)
        }
        let all = erased(1)
        let share = try #require(drawn.erased)
        #expect(abs(Double(all.count) / 8000 - share) < 0.03)
        #expect(abs(Double(erased(0.25).count) / 8000 - 0.25 * share) < 0.03)
        try expect(all.map { Double($0.rows.lowerBound) }, like: drawn.spread["top"], "top")
        try expect(all.map { Double($0.columns.lowerBound) }, like: drawn.spread["left"], "left")
        try expect(all.map { Double($0.rows.count) }, like: drawn.spread["height"], "height")
        try expect(all.map { Double($0.columns.count) }, like: drawn.spread["width"], "width")
    }

    @Test func coloursAreChangedAsByTorchvision() throws {
        let drawn = try AugmentationFixture.read().jitter
        let jitter = Augmentation.ColourJitter(brightness: 0.4, contrast: 0.3, saturation: 1.2, hue: 0.1)
        let size = ImageSize(height: 8, width: 8, channels: 3)
        let draws = draws(Augmentation(jitter: jitter), of: size)
        var factors = [[Double]](repeating: [], count: 4)
        var first = [0, 0, 0, 0]
        for operations in draws.map(\.operations) {
            #expect(operations.count == 4)
            for (place, operation) in operations.enumerated() {
                let (kind, factor) =
                    switch operation {
                    case .brightness(let factor): (0, factor)
                    case .contrast(let factor): (1, factor)
                    case .saturation(let factor): (2, factor)
                    case .hue(let shift): (3, shift)
                    default: (4, 0)
                    }
                factors[kind].append(factor)
                if place == 0 { first[kind] += 1 }
            }
        }
        for (kind, name) in ["brightness", "contrast", "saturation", "hue"].enumerated() {
            try expect(factors[kind], like: drawn.spread[name], name)
            #expect(abs(Double(first[kind]) / 8000 - drawn.first[kind]) < 0.03)
        }
        // All orders occur.
        let orders = Set(
            draws.map { $0.operations.map { "\($0)".prefix { $0 != "(" } }.joined(separator: " ") })
        #expect(orders.count == 24)
        let gray = self.draws(
            Augmentation(jitter: jitter), of: ImageSize(height: 8, width: 8, channels: 1), 50)
        #expect(gray.allSatisfy { $0.operations.count == 2 })
    }

    @Test func operationsOfTrivialAugmentAreDrawnAsByTorchvision() throws {
        let drawn = try AugmentationFixture.read().trivial
        let size = ImageSize(height: 8, width: 8, channels: 3)
        let draws = draws(Augmentation(isTrivial: true), of: size, 14_000)
        var counts: [String: Int] = [:]
        var (signed, negative) = (0, 0)
        var shears: Set<Double> = []
        for operations in draws.map(\.operations) {
            #expect(operations.count <= 1)
            let name = operations.first.map { String("\($0)".prefix { $0 != "(" }) } ?? "identity"
            counts[name, default: 0] += 1
            if case .shearX(let factor)? = operations.first {
                shears.insert(abs(factor))
                signed += 1
                negative += factor < 0 ? 1 : 0
            }
        }
        #expect(counts.count == 14 && drawn.counts.count == 14)
        // χ² of 13 degrees of freedom against equal chances, ours and torchvision's: 34.5 is passed once in a thousand.
        for all in [counts, drawn.counts] {
            let expected = Double(all.values.reduce(0, +)) / 14
            let distance = all.values.reduce(0) {
                $0 + (Double($1) - expected) * (Double($1) - expected) / expected
            }
            #expect(distance < 34.5)
        }
        #expect(shears.count == 31)
        #expect(abs(Double(negative) / Double(signed) - drawn.negative) < 0.08)
    }

    @Test func flipsAreAsProbableAsAskedFor() {
        let size = ImageSize(height: 8, width: 9, channels: 3)
        let placements = draws(Augmentation(flip: 0.2, verticalFlip: 0.7), of: size).map(\.placement)
        #expect(abs(placements.count { $0.isMirrored } - 1600) < 5 * 36)
        #expect(abs(placements.count { $0.isFlipped } - 5600) < 5 * 41)
        #expect(abs(placements.count { $0.isMirrored && $0.isFlipped } - 1120) < 5 * 31)
        let always = draws(Augmentation(flip: 1, verticalFlip: 1), of: size, 100).map(\.placement)
        #expect(always.allSatisfy { $0.isMirrored && $0.isFlipped })
    }

    /// What one draws does not depend on whether another is there.
    @Test func drawsDoNotDependOnOneAnother() {
        let size = ImageSize(height: 30, width: 40, channels: 3)
        var augmentation = Augmentation.photo
        augmentation.isTrivial = true
        augmentation.erasing = Augmentation.Erasing(probability: 0.5)
        let all = draws(augmentation, of: size, 50)
        #expect(all.map(\.placement) == draws(.photo, of: size, 50).map(\.placement))
        #expect(
            all.map { Array($0.operations.prefix(4)) } == draws(.photo, of: size, 50).map(\.operations))
        #expect(
            all.map(\.erased)
                == draws(Augmentation(erasing: augmentation.erasing), of: size, 50).map(\.erased))
    }

    /// All that can be done, by one worker and by four, whole and in parts.
    @Test func whatIsDrawnDependsOnSeedStepAndPositionAlone() throws {
        let dataset = try numbered((0..<40).map { $0 % 10 }, height: 24, width: 19, channels: 3)
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 5)
        let augmentation = try Augmentation(parsing: "photo vflip=0.5 trivial=true erasing=0.5")
        func images(workers: Int, parts: Int, seed: UInt64 = 3) throws -> [Float] {
            let loader = BatchLoader(
                dataset: dataset, scaling: scaling, augmentation: augmentation, sampler: sampler, seed: seed,
                to: 6, parts: parts, workers: workers)
            var all: [Float] = []
            while let batch = try loader.next() { all += batch.images.floats }
            return all
        }
        let one = try images(workers: 1, parts: 1)
        #expect(one.count == 48 * dataset.size.valueCount)
        #expect(try images(workers: 4, parts: 1) == one)
        #expect(try images(workers: 4, parts: 2) == one)
        #expect(try images(workers: 1, parts: 1, seed: 4) != one)
    }

    /// A batch is what its draws say, done by hand.
    @Test func batchesAreWhatWasDrawn() throws {
        let dataset = try numbered((0..<20).map { $0 % 10 }, height: 24, width: 19, channels: 3)
        let scaling = try InputScaling(of: dataset)
        let augmentation = try Augmentation(parsing: "photo vflip=0.5 trivial=true erasing=0.5")
        let loader = BatchLoader(
            dataset: dataset, scaling: scaling, augmentation: augmentation, seed: 7, from: 4, depth: 1
        ) { _, indices in
            indices = Array(0..<20)
            return true
        }
        let batch = try #require(try loader.next())
        let size = dataset.size
        var erasures = 0
        for example in 0..<20 {
            let draw = augmentation.draw(
                seed: 7, step: 4, position: example, picture: size,
                placement: Placement(whole: size, height: 24, width: 19))
            let placed = draw.placement(dataset.images.rows(example..<example + 1))
            var pixels = placed.values(of: UInt8.self)
            var spare = pixels
            pixels.withUnsafeMutableBufferPointer {
                let picture = MutablePixels(of: size, $0.baseAddress!)
                for operation in draw.operations { picture.apply(operation, spare: &spare) }
            }
            var expected = scaling(NDArray(pixels, shape: placed.shape)).floats
            if let erased = draw.erased {
                erasures += 1
                for row in erased.rows {
                    for value in erased.columns.lowerBound * 3..<erased.columns.upperBound * 3 {
                        expected[row * 57 + value] = 0
                    }
                }
            }
            #expect(batch.images.rows(example..<example + 1).floats == expected)
        }
        #expect(erasures > 3)
    }
}
