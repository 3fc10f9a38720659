import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

@Suite struct StatisticsMeasurementTests {
    /// A network of the fixture, whose averages say nothing.
    private func chain(_ kind: any NormalizationKind, type: ElementType) throws -> Model {
        let fixture = try Fixture("surgery")
        let normalization = Normalization(kind, epsilon: 1e-3)
        let network = Sequential {
            ConvolutionUnit(
                Convolution(3, kernel: 3, padding: .all(1), bias: false), normalization,
                names: ("conv1", "bn1"))
            ConvolutionUnit(
                Convolution(4, kernel: 3, padding: .all(1), bias: false), normalization,
                names: ("conv2", "bn2"))
            GlobalAveragePool()
        }
        var model = try Model(network, input: [6, 6, 2])
        for path in model.variables.paths {
            if path.hasSuffix("weight") || path.hasSuffix("bias") {
                model.variables[path]!.value = fixture["measure.\(path)"]
            } else if path.contains("running_") {
                model.variables[path]!.value = NDArray(
                    repeating: Float(7), shape: model.variables[path]!.value.shape)
            }
            let value = model.variables[path]!.value
            if value.type == .f32 { model.variables[path]!.value = value.converted(to: type) }
        }
        return model
    }

    @Test(arguments: [1, 3, 7])
    func averagesAreThoseOfPyTorchWhateverTheBatch(_ batchSize: Int) throws {
        let fixture = try Fixture("surgery")
        let images = fixture["measure.images"]
        let engine = ReferenceEngine(precision: .f64)
        let kinds: [any NormalizationKind] = [.batch, .frozen, .batchRenorm, .batchRenorm(.limits(.open))]
        for kind in kinds {
            let model = try chain(kind, type: .f64)
            let result = try StatisticsMeasurement(engine).measure(
                of: model, on: ImageBatches(images, batchSize: batchSize))
            #expect(result.passes == 2 && result.layers.map(\.path) == ["bn1", "bn2"])
            #expect(result.layers.map(\.moments.count) == [7 * 36, 7 * 36])
            for layer in result.layers {
                let (mean, variance) = (
                    fixture["measure.\(layer.path).running_mean"],
                    fixture["measure.\(layer.path).running_var"]
                )
                let shape = mean.shape
                #expect(mismatch(NDArray(layer.moments.means, shape: shape), mean, tolerance: 1e-12) == nil)
                #expect(
                    mismatch(NDArray(layer.moments.variances, shape: shape), variance, tolerance: 1e-12)
                        == nil)
                let variables = result.model.variables
                #expect(
                    mismatch(variables["\(layer.path).running_mean"]!.value, mean, tolerance: 1e-12) == nil)
                let deviation = NDArray(variance.doubles.map { ($0 + 1e-3).squareRoot() }, shape: shape)
                let spread =
                    variables["\(layer.path).running_var"] == nil
                    ? ("running_std", deviation) : ("running_var", variance)
                #expect(
                    mismatch(variables["\(layer.path).\(spread.0)"]!.value, spread.1, tolerance: 1e-12) == nil
                )
                #expect(variables["\(layer.path).num_batches_tracked"]!.value.doubles == [1])
            }
            #expect(result.model.variables["conv1.weight"] == model.variables["conv1.weight"])
        }
    }

    /// The first normalization sees the same in either way: its averages are means over whole batches, and what comes after it is
    /// normalized by the batch, so that averages that say nothing do not matter.
    @Test(arguments: [Averaging.batch, .batchRenorm]) func onePassGivesMeansOverBatches(
        _ choice: Averaging
    ) throws {
        let images = try Fixture("surgery")["measure.images"]
        let engine = ReferenceEngine(precision: .f64)
        var single = Normalization(choice.kind, epsilon: 1e-3)
        single.examples = 1
        var model = try chain(choice.kind, type: .f64)
        model.overrides = [
            Override("bn2", normalization: single)
        ]
        let found = try StatisticsMeasurement(engine).estimate(
            of: model, on: ImageBatches(images, batchSize: 3))
        // The seventh image is no batch.
        let halves = try [0, 3].map { start in
            try StatisticsMeasurement(engine).measure(
                of: model, on: ImageBatches(images.rows(start..<start + 3))
            ).layers[0].moments
        }
        func mean(_ part: KeyPath<PopulationMoments, [Double]>) -> NDArray {
            NDArray(zip(halves[0][keyPath: part], halves[1][keyPath: part]).map { ($0 + $1) / 2 }, shape: [3])
        }
        let variables = found.variables
        #expect(mismatch(variables["bn1.running_mean"]!.value, mean(\.means), tolerance: 1e-6) == nil)
        let spread = choice == .batch ? "running_var" : "running_std"
        let expected =
            choice == .batch
            ? mean(\.variances)
            : NDArray(mean(\.variances).doubles.map { ($0 + 1e-3).squareRoot() }, shape: [3])
        #expect(mismatch(variables["bn1.\(spread)"]!.value, expected, tolerance: 1e-6) == nil)
        // Of batches that the layer before has normalized with γ and β, as PyTorch computes it in training, not of the 7 that was there.
        #expect(variables["bn2.\(spread)"]!.value.doubles.allSatisfy { $0 < 3 })
        #expect(
            found.overrides == model.overrides && variables["conv1.weight"] == model.variables["conv1.weight"]
        )
    }

    /// Kinds by a name that tests can show.
    enum Averaging: String {
        case batch, batchRenorm

        var kind: any NormalizationKind { self == .batch ? .batch : .batchRenorm }
    }

    @Test func onTheFastEngineToItsRounding() throws {
        let fixture = try Fixture("surgery")
        let result = try StatisticsMeasurement(OneDNNEngine(threads: 2)).measure(
            of: chain(.batch, type: .f32), on: ImageBatches(fixture["measure.images"], batchSize: 3))
        for path in ["bn1.running_mean", "bn1.running_var", "bn2.running_mean", "bn2.running_var"] {
            let found = result.model.variables[path]!.value
            #expect(found.type == .f32)
            #expect(mismatch(found, fixture["measure.\(path)"], tolerance: 1e-5) == nil)
        }
    }

    @Test func aPatternMeasuresWhatItMatches() throws {
        let fixture = try Fixture("surgery")
        let model = try chain(.batch, type: .f64)
        let engine = ReferenceEngine(precision: .f64)
        let images = ImageBatches(fixture["measure.images"])
        let result = try StatisticsMeasurement(engine).measure("bn1", of: model, on: images)
        #expect(result.passes == 1 && result.layers.map(\.path) == ["bn1"])
        #expect(result.model.variables["bn2.running_mean"] == model.variables["bn2.running_mean"])
        // Then the second by itself is what both give together.
        let second = try StatisticsMeasurement(engine).measure("bn2", of: result.model, on: images)
        #expect(
            try second.model.variables
                == StatisticsMeasurement(engine).measure(of: model, on: images).model.variables)
        #expect(throws: GraphError.self) {
            try StatisticsMeasurement(engine).measure("bn3", of: model, on: images)
        }
    }

    @Test func branchesAreMeasuredTogether() throws {
        let model = try Model(
            ResNet(
                blocks: [1, 1], bottlenecks: false, classes: 3, stem: .cifar,
                normalization: Normalization(.batch)), input: [8, 8, 3])
        let images = randomArray([6, 8, 8, 3], mean: 0.3, type: .f32)
        let engine = try OneDNNEngine(threads: 2)
        let result = try StatisticsMeasurement(engine).measure(
            of: model, on: ImageBatches(images, batchSize: 4))
        // Stem, two in the first block, two in the second beside its shortcut.
        #expect(result.passes == 5)
        #expect(try result.layers.map(\.path) == model.tracedNormalizations().map(\.path))
        // What inference then gives is normalized: on the same images moments of 0 and 1.
        let again = try StatisticsMeasurement(engine).measure(
            of: result.model, on: ImageBatches(images, batchSize: 6))
        for (path, variable) in result.model.variables where variable.kind == .statistic {
            let found = again.model.variables[path]!.value
            #expect(mismatch(found, variable.value, tolerance: 1e-5, of: path) == nil)
        }
    }

    @Test func momentsAreJoinedWithoutLoss() {
        var random = Random(seed: 4, stream: "moments")
        let values = (0..<1000).map { _ in 1e6 + random.normal() }
        var moments = PopulationMoments()
        var start = 0
        for size in [1, 2, 7, 90, 400, 500] {
            let part = values[start..<start + size]
            let mean = part.reduce(0, +) / Double(size)
            moments.add(
                means: [mean],
                biasedVariances: [part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)],
                count: size)
            start += size
        }
        let mean = values.reduce(0, +) / 1000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 999
        #expect(moments.count == 1000)
        #expect(abs(moments.means[0] - mean) < 1e-9 && abs(moments.variances[0] - variance) < 1e-9)
    }

    @Test func whatCannotBeMeasuredIsAnError() throws {
        let model = try chain(.batch, type: .f32)
        let engine = ReferenceEngine()
        func measure(_ images: NDArray) throws {
            _ = try StatisticsMeasurement(engine).measure(
                of: model, on: ImageBatches(images, name: "pictures"))
        }
        #expect(throws: TrainingError.self) { try measure(NDArray(zeros: [0, 6, 6, 2])) }
        #expect(
            throws: TrainingError.imageShape(data: "pictures", found: [5, 6, 2], expected: [6, 6, 2])
        ) { try measure(NDArray(zeros: [2, 5, 6, 2])) }
        #expect(throws: TrainingError.notFiniteOn(data: "pictures", path: "bn1")) {
            try measure(NDArray(repeating: Float.nan, shape: [2, 6, 6, 2]))
        }
    }

    @Test func theImagesOfADatasetComeInItsOrder() throws {
        let dataset = try TinyData.dataset(10)
        let next = try ImageBatches(dataset, scaling: InputScaling(of: dataset), batchSize: 4).open()
        var counts: [Int] = []
        while let batch = try next() { counts.append(batch.shape[0]) }
        #expect(counts == [4, 4, 2])
    }
}
