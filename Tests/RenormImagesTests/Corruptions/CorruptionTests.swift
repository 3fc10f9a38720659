import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Corruptions against Pillow and NumPy where the recipe is exact, and what holds of all.
@Suite struct CorruptionTests {
    private static let exact = [
        "contrast", "brightness", "gaussian-blur", "gamma", "dim", "scale", "pixelate",
    ]

    private func image(_ fixture: Fixture, _ channels: Int) -> ImageValues {
        let array = fixture["\(channels).image"]
        return ImageValues(
            size: ImageSize(height: 28, width: 28, channels: channels),
            values: array.floats.map { $0 / 255 })
    }

    private func bytes(_ image: ImageValues) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: image.values.count)
        result.withUnsafeMutableBufferPointer { image.write(to: $0.baseAddress!) }
        return result
    }

    private func difference(_ a: [UInt8], _ b: [UInt8]) -> Int {
        zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 256
    }

    @Test(arguments: exact, [1, 3]) func areThoseOfPillowAndNumPy(name: String, channels: Int) throws {
        let fixture = try Fixture("corruptions")
        let corruption = try #require(Corruptions.table[name])
        for severity in [1, 3, 5] {
            var changed = image(fixture, channels)
            corruption.apply(to: &changed, number: 0, severity: severity, seed: 1)
            let expected = fixture["\(channels).\(name):\(severity)"].values(of: UInt8.self)
            // Pillow rounds between rows and columns too.
            let tolerance = name == "pixelate" ? 2 : 1
            #expect(
                difference(bytes(changed), expected) <= tolerance, "\(name):\(severity), \(channels) channels"
            )
        }
    }

    @Test(arguments: [1, 3]) func rotationIsPillows(channels: Int) throws {
        let fixture = try Fixture("corruptions")
        for severity in [1, 3, 5] {
            var signs: Set<Int> = []
            for number in 0..<12 {
                var changed = image(fixture, channels)
                Corruption.rotation.apply(to: &changed, number: number, severity: severity, seed: 1)
                // Either way; which one is drawn.
                let near = [-1, 1].filter { sign in
                    let name = "\(channels).rotation\(sign > 0 ? "+" : "-")1:\(severity)"
                    return difference(bytes(changed), fixture[name].values(of: UInt8.self)) <= 1
                }
                #expect(near.count == 1, "rotation:\(severity), \(channels) channels")
                signs.formUnion(near)
            }
            #expect(signs.count == 2)
        }
    }

    @Test func stripeAndInversionAreMNISTCs() throws {
        let fixture = try Fixture("corruptions")
        for corruption in [Corruption.stripe, .inversion] {
            var changed = image(fixture, 1)
            corruption.apply(to: &changed, number: 0, severity: 5, seed: 1)
            #expect(
                difference(bytes(changed), fixture["1.\(corruption.name):5"].values(of: UInt8.self)) == 0)
        }
    }

    /// The values of a gray image that is 0.5 everywhere, corrupted.
    private func changes(_ corruption: Corruption, severity: Int, value: Float = 0.5) -> [Double] {
        var image = ImageValues(
            size: ImageSize(height: 200, width: 200, channels: 1),
            values: [Float](repeating: value, count: 40_000))
        corruption.apply(to: &image, number: 3, severity: severity, seed: 9)
        return image.values.map { Double($0) }
    }

    private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (
            mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        )
    }

    @Test func noiseHasTheMomentsOfItsRecipe() {
        // Standard errors of 40,000 values: 0.5 % of a deviation in the mean, 0.35 % in the deviation.
        for (severity, sigma) in [(1, 0.08), (3, 0.18)] {
            let found = moments(changes(.gaussianNoise, severity: severity))
            #expect(abs(found.mean - 0.5) < 0.02 * sigma && abs(found.deviation / sigma - 1) < 0.02)
        }
        for (severity, sigma) in [(1, 0.15), (5, 0.6)] {
            let found = moments(changes(.speckleNoise, severity: severity))
            #expect(abs(found.mean - 0.5) < 0.01 && abs(found.deviation / (0.5 * sigma) - 1) < 0.02)
        }
        for (severity, count) in [(1, 60.0), (5, 3.0)] {
            // Poisson: variance of x·c counts is x·c.
            let found = moments(changes(.shotNoise, severity: severity))
            #expect(abs(found.mean - 0.5) < 0.01)
            #expect(abs(found.deviation / (0.5 / count).squareRoot() - 1) < 0.02)
            #expect(
                changes(.shotNoise, severity: severity).allSatisfy {
                    ($0 * count).rounded() - $0 * count < 1e-4
                })
        }
        for (severity, part) in [(1, 0.03), (5, 0.27)] {
            let values = changes(.impulseNoise, severity: severity)
            let (black, white) = (values.count { $0 == 0 }, values.count { $0 == 1 })
            #expect(abs(Double(black + white) / 40_000 / part - 1) < 0.1)
            #expect(abs(Double(white) / Double(black + white) - 0.5) < 0.06)
        }
        #expect(changes(.shotNoise, severity: 5, value: 0).allSatisfy { $0 == 0 })
    }

    private func dataset(channels: Int, side: (Int, Int) = (28, 28), count: Int = 6) throws -> Dataset {
        let fixture = try Fixture("corruptions")
        var images = NDArray(zeros: [count, side.0, side.1, channels], type: .u8)
        let one = fixture["\(channels).image"].values(of: UInt8.self)
        images.withMutableValues(of: UInt8.self) { images in
            for place in images.indices {
                let (image, rest) = place.quotientAndRemainder(dividingBy: side.0 * side.1 * channels)
                let (row, column) = (rest / (side.1 * channels), rest / channels % side.1)
                images[place] = one[((row + 3 * image) % 28 * 28 + column % 28) * channels + rest % channels]
            }
        }
        return try Dataset(
            name: "drawings", images: images, labels: (0..<Int32(count)).map { $0 % 2 },
            classNames: ["a", "b"])
    }

    @Test(arguments: Corruptions.table.names) func severityIsHowFarItGoes(name: String) throws {
        let corruption = try #require(Corruptions.table[name])
        for channels in [1, 3] {
            let clean = try dataset(channels: channels)
            let pixels = clean.images.doubles
            var before = 0.0
            for severity in Corruption.severities {
                let changed = try clean.corrupted(by: corruption, severity: severity, seed: 4).readImages()
                let distance = zip(pixels, changed.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                    .squareRoot()
                // MNIST-C's constants of these are of another kind from one severity to the next.
                let least = ["fog", "spatter", "pixelate"].contains(name) ? 0.6 * before : before
                #expect(distance > least, "\(name):\(severity), \(channels) channels")
                before = distance
            }
        }
    }

    @Test(arguments: Corruptions.table.names) func isAFunctionOfSeedAndNumber(name: String) throws {
        let applied = try AppliedCorruption(parsing: "\(name):4")
        let clean = try dataset(channels: 3, side: (20, 33))
        let all = try clean.corrupted(by: applied, seed: 5).readImages()
        #expect((try clean.corrupted(by: applied, seed: 5).readImages() == all) == true)
        // A subset, in another order, and the subset corrupted.
        let places = [4, 1]
        let expected = NDArray(joining: places.map { all.rows($0..<$0 + 1) })
        #expect((try clean.corrupted(by: applied, seed: 5).subset(places).readImages() == expected) == true)
        #expect((try clean.subset(places).corrupted(by: applied, seed: 5).readImages() == expected) == true)
        #expect(clean.corrupted(by: applied, seed: 5).fingerprint != clean.fingerprint)
        let draws = ["noise", "glass", "motion", "fog", "spatter", "occlusion"].contains { name.contains($0) }
        if draws {
            #expect((try clean.corrupted(by: applied, seed: 6).readImages() == all) == false)
        }
    }

    @Test(arguments: Corruptions.table.names) func takesImagesOfAnySize(name: String) throws {
        for (height, width) in [(1, 1), (2, 5), (64, 40)] {
            for channels in [1, 3] {
                let clean = try dataset(channels: channels, side: (height, width), count: 2)
                for severity in [1, 5] {
                    let changed = clean.corrupted(
                        by: try AppliedCorruption(parsing: "\(name):\(severity)"), seed: 1)
                    #expect(try changed.readImages().shape == clean.images.shape)
                }
            }
        }
    }

    @Test func textsAndPurposes() throws {
        #expect(try AppliedCorruption(parsing: "fog").description == "fog:5")
        #expect(try AppliedCorruption(parsing: "fog:2").description == "fog:2")
        for wrong in ["fog:6", "fog:0", "fog:", "fogg", "fog:x", ""] {
            #expect(throws: Fault.self, "\(wrong)") { try AppliedCorruption(parsing: wrong) }
        }
        #expect(Corruptions.all(.development).count == 8 && Corruptions.all(.test).count == 15)
    }
}
