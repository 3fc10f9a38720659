import Renorm
import Testing

/// Adapted averages beside sums that are computed here, picture by picture in two passes of Float64.
@Suite struct AdaptationTests {
    private static let epsilon = 1e-3

    /// Pictures `[count, 4, 4, 3]`, each with a level of its own.
    private func pictures(
        _ count: Int, shift: Double = 0, scale: Double = 1, levels: Double = 0.5, seed: UInt64 = 5
    ) -> NDArray {
        var random = Random(seed: seed, stream: "pictures")
        var values: [Float] = []
        for _ in 0..<count {
            let level = (0..<3).map { _ in levels * random.normal() }
            for _ in 0..<16 {
                for channel in 0..<3 {
                    values.append(
                        Float(shift + Double(channel) + scale * (level[channel] + random.normal())))
                }
            }
        }
        return NDArray(values, shape: [count, 4, 4, 3])
    }

    /// Two normalizations one after the other, so that what the second sees can be computed by hand.
    private func model(
        _ kind: any NormalizationKind = .batch, second: (any NormalizationKind)? = nil
    ) throws -> Model {
        let network = Sequential {
            Normalization(kind, epsilon: Self.epsilon)
            Normalization(second ?? kind, epsilon: Self.epsilon)
            GlobalAveragePool()
            Dense(3)
        }
        return try Model(network, input: [4, 4, 3], seed: 3)
    }

    private struct Moments {
        var means: [Double], variances: [Double]
    }

    /// Mean and variance of a population of pictures: the scatter within pictures and that between them, unbiased.
    private func moments(_ images: NDArray, together: Double = .infinity) -> Moments {
        let (values, count) = (images.doubles, images.shape[0])
        func value(_ image: Int, _ position: Int, _ channel: Int) -> Double {
            values[(image * 16 + position) * 3 + channel]
        }
        var result = Moments(means: [], variances: [])
        for channel in 0..<3 {
            let own = (0..<count).map { image in
                (0..<16).reduce(0) { $0 + value(image, $1, channel) } / 16
            }
            let mean = own.reduce(0, +) / Double(count)
            let within =
                (0..<count).reduce(0) { sum, image in
                    sum
                        + (0..<16).reduce(0) {
                            $0 + (value(image, $1, channel) - own[image])
                                * (value(image, $1, channel) - own[image])
                        } / 16
                } / Double(count)
            let between = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
            result.means.append(mean)
            result.variances.append(within + between * (1 - 1 / together))
        }
        return result
    }

    private func normalized(_ images: NDArray, _ by: Moments) -> NDArray {
        let values = images.doubles.enumerated().map { index, value in
            (value - by.means[index % 3]) / (by.variances[index % 3] + Self.epsilon).squareRoot()
        }
        return NDArray(values.map { Float($0) }, shape: images.shape)
    }

    private func paths(_ model: Model) throws -> [String] { try model.tracedNormalizations().map(\.path) }

    private func distance(_ found: NDArray?, _ expected: [Double]) -> Double {
        guard let found = found?.doubles, found.count == expected.count else { return .infinity }
        return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    private let engine = ReferenceEngine(precision: .f64)

    @Test(arguments: [1.0, 0.4, 0.0])
    func aGivenShareBlendsMeansAndVariancesLayerAfterLayer(share: Double) throws {
        let (images, model) = (pictures(12, shift: 2, scale: 3), try model())
        let result = try Adaptation(engine, blend: .target(share)).adapt(
            model, to: ImageBatches(images, batchSize: 5))
        var input = images
        let paths = try paths(model)
        for path in paths {
            let target = moments(input)
            // The source's are those of a new network: 0 and 1.
            let blended = Moments(
                means: target.means.map { share * $0 },
                variances: target.variances.map { 1 + share * ($0 - 1) })
            let variables = result.model.variables
            #expect(distance(variables["\(path).running_mean"]?.value, blended.means) < 1e-5)
            #expect(distance(variables["\(path).running_var"]?.value, blended.variances) < 1e-5)
            input = normalized(input, blended)
        }
        #expect(result.passes == 2 && result.images == 12)
        #expect(result.layers.map(\.path) == paths)
        #expect(
            result.layers.allSatisfy {
                abs($0.meanWeight - share) < 1e-12 && abs($0.varianceWeight - share) < 1e-12
            })
    }

    @Test func theSourceCountsAsSoManyPictures() throws {
        let images = pictures(12, shift: 2)
        let result = try Adaptation(engine, blend: .sourceImages(36)).adapt(
            model(), to: ImageBatches(images))
        let path = result.layers[0].path
        #expect(
            distance(
                result.model.variables["\(path).running_mean"]?.value, moments(images).means.map { $0 / 4 })
                < 1e-5)
    }

    /// Adapting and converting may change places.
    @Test func batchRenormalizationSaysTheSame() throws {
        let (images, source) = (ImageBatches(pictures(9, shift: 1, scale: 2)), try model())
        for blend in [StatisticsBlend.automatic, .target(0.7)] {
            let adaptation = Adaptation(engine, blend: blend)
            let one = try adaptation.adapt(source, to: images).model.converting(to: .batchRenorm)
            let other = try adaptation.adapt(source.converting(to: .batchRenorm), to: images).model
            for path in try paths(source) {
                for name in ["running_mean", "running_std"] {
                    let place = "\(path).\(name)"
                    #expect(
                        distance(one.variables[place]?.value, other.variables[place]!.value.doubles) < 1e-5)
                }
            }
        }
    }

    /// Groups of k pictures show (k − 1)/k of the scatter between pictures.
    @Test func averagesAreThoseThatTrainingWouldSettleAt() throws {
        let images = pictures(60, levels: 2)
        let result = try Adaptation(engine, blend: .target(1), examplesTogether: 2).adapt(
            model(), to: ImageBatches(images))
        let unbiased = moments(images, together: 2).variances.map { $0 * 32 / 31 }
        let found = result.model.variables["\(result.layers[0].path).running_var"]!.value.doubles
        for (found, expected) in zip(found, unbiased) { #expect(abs(found / expected - 1) < 0.1) }
        // And not what a large batch has.
        #expect(zip(found, moments(images).variances).allSatisfy { $0 < 0.75 * $1 })
        // Batch renormalization averages logarithms of deviations, which are less than the root of the mean.
        let renorm = try Adaptation(engine, blend: .target(1), examplesTogether: 2).adapt(
            model(.batchRenorm), to: ImageBatches(images))
        let deviations = renorm.model.variables["\(renorm.layers[0].path).running_std"]!.value.doubles
        #expect(zip(deviations, unbiased).allSatisfy { $0 * $0 < $1 })
    }

    @Test func whatKeepsNoAveragesStaysAsItIs() throws {
        let images = ImageBatches(pictures(6))
        let mixed = try model(.batch, second: .group(3))
        let result = try Adaptation(engine, blend: .target(1)).adapt(mixed, to: images)
        #expect(result.layers.count == 1)
        let changed = mixed.variables.paths.filter {
            result.model.variables[$0] != mixed.variables[$0]
        }
        #expect(Set(changed.map { $0.split(separator: ".").first }).count == 1)
        #expect(changed.allSatisfy { $0.hasPrefix(result.layers[0].path) })
        #expect(throws: AdaptationError.self) { try Adaptation(engine).adapt(model(.instance), to: images) }
        #expect(throws: AdaptationError.self) {
            try Adaptation(engine, pattern: "nowhere").adapt(mixed, to: images)
        }
    }

    /// What the averages say of themselves, drawn again in small numbers: the estimate goes hardly anywhere, and is nearer to the truth
    /// than the sample.
    @Test func fewPicturesOfTheSourceChangeLittle() throws {
        let source = try Adaptation(engine, blend: .target(1)).adapt(
            model(), to: ImageBatches(pictures(4000, seed: 1))
        ).model
        let path = try paths(source)[0]
        let truth = source.variables["\(path).running_mean"]!.value.doubles
        var (blended, own) = (0.0, 0.0)
        for seed in 10..<30 as Range<UInt64> {
            let few = pictures(6, seed: seed)
            let result = try Adaptation(engine).adapt(source, to: ImageBatches(few))
            let found = result.model.variables["\(path).running_mean"]!.value.doubles
            blended += zip(found, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            own += zip(moments(few).means, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        #expect(blended < 0.3 * own)
    }

    @Test func manyPicturesOfAnotherDomainCountInFull() throws {
        let result = try Adaptation(engine, classShares: nil).adapt(
            model(), to: ImageBatches(pictures(200, shift: 3, scale: 2)))
        #expect(result.layers[0].meanWeight > 0.8 && result.layers[0].varianceWeight > 0.8)
        #expect(result.layers[0].meanGap > 3)
    }

    @Test func anOrderCountsAgainstThePictures() throws {
        let images = pictures(256, levels: 1)
        let shuffled = try Adaptation(engine).adapt(model(), to: ImageBatches(images))
        #expect(shuffled.order?.matters == false)
        // By the first channel's mean.
        let values = images.doubles
        let levels = (0..<256).map { image in
            (0..<16).reduce(0) { $0 + values[(image * 16 + $1) * 3] }
        }
        let sorted = (0..<256).sorted { levels[$0] < levels[$1] }
        let film = NDArray(joining: sorted.map { images.rows($0..<$0 + 1) })
        let result = try Adaptation(engine).adapt(model(), to: ImageBatches(film))
        #expect(result.order?.matters == true)
        let order = try #require(result.layers[0].order)
        #expect(order.value > 3)
        // What classes scatter, as far as their mix is off, comes on top.
        #expect(result.layers[0].effectiveImages <= 256 / order.value * (1 + 1e-9))
        #expect(result.warnings(.automatic).contains { $0.contains("alike") })
        let ignored = try Adaptation(engine, isOrdered: false).adapt(model(), to: ImageBatches(film))
        #expect(ignored.order == nil && !ignored.warnings(.automatic).contains { $0.contains("alike") })
    }

    @Test func aSinglePictureNeedsAGivenBlend() throws {
        let one = ImageBatches(pictures(1))
        #expect(throws: AdaptationError.tooFew(data: "the images", images: 1)) {
            try Adaptation(engine).adapt(model(), to: one)
        }
        let result = try Adaptation(engine, blend: .sourceImages(15)).adapt(model(), to: one)
        #expect(result.layers[0].meanWeight == 1.0 / 16 && result.layers[0].meanError == nil)
        #expect(throws: AdaptationError.self) {
            try Adaptation(engine, blend: .target(1)).adapt(
                model(), to: ImageBatches(NDArray(zeros: [0, 4, 4, 3])))
        }
    }

    @Test func blendsAreReadAndWritten() throws {
        for text in ["auto", "0.25", "images:16.0"] {
            #expect(try StatisticsBlend(parsing: text).description == text)
        }
        for text in ["", "1.5", "-0.1", "images:", "images:-1", "nan", "much"] {
            #expect(throws: Fault.self) { try StatisticsBlend(parsing: text) }
        }
    }
}

/// Weights beside those that theory knows where gaps are drawn from one width.
@Suite struct ShrinkageTests {
    @Test(arguments: [0.05, 0.3, 1, 4])
    func areThoseOfTheWidth(width: Double) {
        var random = Random(seed: 3, stream: "gaps")
        let error = 0.25
        let truth = (0..<2000).map { _ in width.squareRoot() * random.normal() }
        let gaps = truth.map { $0 + error.squareRoot() * random.normal() }
        let weights = Shrinkage(gaps: gaps, errors: gaps.map { _ in error }).weights
        let found = zip(weights, gaps).map { $0 * $1 }
        func distance(_ estimates: [Double]) -> Double {
            zip(estimates, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 2000
        }
        // The least that is possible is width · error / (width + error).
        #expect(distance(found) < 1.15 * width * error / (width + error))
    }

    @Test func aFewThatAreFarOffDoNotSpeakForAll() {
        var random = Random(seed: 4, stream: "gaps")
        var gaps = (0..<64).map { _ in 0.3 * random.normal() }
        gaps[5] = 100
        let weights = Shrinkage(gaps: gaps, errors: gaps.map { _ in 0.09 }).weights
        #expect(weights[5] > 0.999)
        #expect(weights.enumerated().filter { $0.offset != 5 }.map(\.element).reduce(0, +) / 63 < 0.3)
    }

    @Test func nothingOffMovesNothing() {
        #expect(Shrinkage(gaps: [0, 0], errors: [1, 0]).weights == [0, 0])
        #expect(Shrinkage(gaps: [], errors: []).weights.isEmpty)
        #expect(Shrinkage(gaps: [2], errors: [0]).weights.allSatisfy { $0 > 0.99 })
    }
}

/// Mixes beside what multinomial draws are known to give.
@Suite struct ClassScatterTests {
    /// Classes of unequal sizes drawn with a known variance between them: the estimate is right on average.
    @Test func isRightOnAverage() throws {
        var random = Random(seed: 3, stream: "classes")
        let sizes = [2, 5, 40, 9, 3, 1]
        let classes = sizes.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        var (sum, square) = (0.0, 0.0)
        for _ in 0..<2000 {
            let means = sizes.map { _ in 2 * random.normal() }
            let values = classes.map { means[$0] + 3 * random.normal() }
            let estimate = try #require(ClassScatter(classes).variance { values[$0] })
            sum += estimate / 2000
            square += estimate * estimate / 2000
        }
        // Estimates below 0 become 0, which adds a little.
        let error = ((square - sum * sum) / 2000).squareRoot()
        #expect(sum > 4 - 3 * error && sum < 4.6 + 3 * error, "\(sum) ± \(error)")
    }

    @Test func fewerThanTwoClassesSayNothing() {
        #expect(ClassScatter([1, 1, 1]).variance { Double($0) } == nil)
        #expect(ClassScatter([0, 1, 1]).variances(channels: 2) { _, _ in 1 } == nil)
        #expect(ClassScatter([0, 0, 1, 1]).variances(channels: 2) { Double($0 * $1) }?.count == 2)
    }
}

@Suite struct LabelMixTests {
    @Test func aSingleClassIsAsFarAsCanBe() {
        let mix = LabelMix(counts: [0, 500, 0, 0])
        #expect(abs(mix.distance - 0.75) < 1e-12 && mix.standardError < 0.01)
        #expect(mix.effectiveClasses == 1 && mix.expectedClasses == 4 && mix.isBiased)
    }

    @Test func drawsAsExpectedAreNotBiased() {
        var random = Random(seed: 1, stream: "labels")
        var (sum, square, biased) = (0.0, 0.0, 0)
        for _ in 0..<400 {
            var counts = [Int](repeating: 0, count: 5)
            for _ in 0..<60 { counts[[0, 0, 1, 2, 3, 4][random.integer(below: 6)]] += 1 }
            let mix = LabelMix(counts: counts, expected: [2, 1, 1, 1, 1])
            sum += mix.distance / 400
            square += mix.distance * mix.distance / 400
            if mix.isBiased { biased += 1 }
        }
        // Unbiased around 0, and as far off as it says.
        #expect(abs(sum) < 0.002)
        let error = LabelMix(counts: [20, 10, 10, 10, 10], expected: [2, 1, 1, 1, 1]).standardError
        #expect(abs(square.squareRoot() / error - 1) < 0.3)
        #expect(biased < 4)
    }
}
