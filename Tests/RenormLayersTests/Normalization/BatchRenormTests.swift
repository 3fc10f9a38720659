import Renorm
import RenormTestSupport
import Testing

@Suite struct BatchRenormTests {
    // MARK: Open limits

    @Test(arguments: TestEngine.allCases, [0.3, 1000])
    func openLimitsTrainToWhatInferenceGives(_ engine: TestEngine, mean: Double) throws {
        for examples in [nil, 4, 1] {
            let setting = LayerSetting(limits: .open, examples: examples, mean: mean)
            let (model, images) = (try setting.model(), setting.images.converted(to: engine.type))
            let trained = try model.run(images, phase: .training, engine: engine.make())
            let inference = try model.output(images, phase: .inference, engine: engine.make())
            let error = relativeError(trained.output, inference)
            // At mean 1000 the averages themselves are rounded to 1e-5 of a deviation, before and after alike.
            #expect(error <= engine.tolerance(double: 1e-12, float: 1e-5), "examples \(examples ?? 8)")
            #expect(trained.variables["running_mean"] != model.variables["running_mean"])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func openLimitsTrainAWholeNetworkToWhatInferenceGives(_ engine: TestEngine) throws {
        let small = Small(
            classes: 10, width: 0.25, normalization: Normalization(.batchRenorm(.limits(.open))))
        var model = try Model(small, input: [12, 12, 1], seed: 3)
        for warmUp in 0..<3 {
            let images = randomArray([8, 12, 12, 1], seed: UInt64(warmUp))
            model.variables = try model.run(images, phase: .training).variables
        }
        let images = randomArray([8, 12, 12, 1], seed: 7).converted(to: engine.type)
        let trained = try model.output(images, phase: .training, engine: engine.make())
        let inference = try model.output(images, phase: .inference, engine: engine.make())
        #expect(relativeError(trained, inference) <= engine.tolerance(double: 1e-12, float: 1e-5))
    }

    // MARK: Closed limits

    @Test(arguments: TestEngine.allCases, [nil, 4])
    func closedLimitsAreBatchNormalizationToTheBit(_ engine: TestEngine, examples: Int?) throws {
        let renorm = LayerSetting(limits: .closed, examples: examples)
        let batch = LayerSetting(isBatch: true, examples: examples)
        let images = renorm.images.converted(to: engine.type)
        let weights = renorm.weights.converted(to: engine.type)
        let found = try renorm.model().gradients(images, weights: weights, engine: engine.make())
        let expected = try batch.model().gradients(images, weights: weights, engine: engine.make())
        #expect(found.output == expected.output)
        #expect(Set(found.gradients.keys) == ["x", "weight", "bias"])
        for (name, gradient) in expected.gradients {
            #expect(found.gradients[name] == gradient, "gradient of \(name)")
        }
    }

    @Test(arguments: TestEngine.allCases)
    func closedLimitsTrainANetworkAsBatchNormalizationDoes(_ engine: TestEngine) throws {
        func steps(_ normalization: Normalization) throws -> Variables {
            let small = Small(classes: 4, width: 0.25, normalization: normalization)
            let model = try Model(small, input: [12, 12, 1], seed: 3)
            return try trained(model, steps: 3, engine: engine.make()).variables
        }
        let renorm = try steps(Normalization(.batchRenorm(.limits(.closed))))
        let batch = try steps(Normalization(.batch)).ofKinds([.parameter])
        #expect(batch.count == 17)
        for (path, variable) in batch { #expect(renorm[path] == variable, "\(path)") }
    }

    // MARK: Algorithm 1

    @Test(arguments: TestEngine.allCases, [nil, 4])
    func outputIsAlgorithmOne(_ engine: TestEngine, examples: Int?) throws {
        let limits = Limits(rMax: .constant(1.5), dMax: .constant(0.4))
        let setting = LayerSetting(limits: limits, examples: examples)
        let (model, images) = (try setting.model(), setting.images)
        let output = try model.output(
            images.converted(to: engine.type), phase: .training, engine: engine.make())
        var clipped = [0, 0]
        let together = examples ?? 8
        for group in 0..<8 / together {
            for channel in 0..<17 {
                let oracle = setting.oracle(
                    model, images, channel: channel, group: group, rMax: 1.5, dMax: 0.4)
                let found = output.channel(channel, examples: group * together..<(group + 1) * together)
                let expected = oracle.output(r: oracle.r, d: oracle.d)
                #expect(
                    mismatch(
                        vector(found), vector(expected),
                        tolerance: engine.tolerance(double: 1e-13, float: 2e-6)) == nil)
                if [1.5, 1 / 1.5].contains(oracle.r) { clipped[0] += 1 }
                if abs(oracle.d) == 0.4 { clipped[1] += 1 }
            }
        }
        // Both limits must show, and both must leave some channels alone.
        let vectors = 17 * 8 / together
        #expect((1..<vectors).contains(clipped[0]) && (1..<vectors).contains(clipped[1]))
    }

    @Test func limitsFollowTheirSchedules() throws {
        let limits = Limits(
            rMax: .linear([(10, 1), (20, 3)]), dMax: .linear([(10, 0), (20, 5)]))
        let setting = LayerSetting(limits: limits)
        let (model, images) = (try setting.model(), setting.images)
        for step in [0, 10, 13, 20, 30] {
            let output = try model.output(images, phase: .training, step: step)
            for channel in 0..<17 {
                let oracle = setting.oracle(
                    model, images, channel: channel, group: 0, rMax: limits.rMax.value(at: step),
                    dMax: limits.dMax.value(at: step))
                let expected = vector(oracle.output(r: oracle.r, d: oracle.d))
                let found = vector(output.channel(channel, examples: 0..<8))
                #expect(mismatch(found, expected, tolerance: 1e-13) == nil, "step \(step)")
            }
        }
    }

    @Test func layersMayHaveLimitsOfTheirOwn() throws {
        let network = Sequential {
            Normalization(.batchRenorm(.limits(.closed)))
            Normalization(.batchRenorm(.limits(.open)))
            Normalization(.batchRenorm(.limits(.closed)))
        }
        let graph = try Model(network, input: [3, 3, 2]).graph(batch: 4, phase: .training)
        #expect(graph.schedules.keys.elements == ["r_max", "d_max", "1.r_max", "1.d_max"])
    }

    // MARK: Averages

    @Test(arguments: [nil, 4])
    func averagesMoveTowardsTheMeanOverGroupsByTheRate(_ examples: Int?) throws {
        let setting = LayerSetting(examples: examples)
        let (model, images) = (try setting.model(), setting.images)
        let after = try model.run(images, phase: .training).variables
        let groups = 8 / (examples ?? 8)
        for channel in 0..<17 {
            let oracles = (0..<groups).map {
                setting.oracle(model, images, channel: channel, group: $0, rMax: 3, dMax: 5)
            }
            let mean = oracles.map(\.batchMean).reduce(0, +) / Double(groups)
            let deviation = oracles.map(\.batchDeviation).reduce(0, +) / Double(groups)
            let before = oracles[0]
            #expect(
                abs(
                    after["running_mean"]!.value.doubles[channel]
                        - (before.mean + 0.1 * (mean - before.mean))) < 1e-14)
            #expect(
                abs(
                    after["running_std"]!.value.doubles[channel]
                        - (before.deviation + 0.1 * (deviation - before.deviation))) < 1e-14)
        }
        #expect(after["num_batches_tracked"]!.value == NDArray(scalar: Int64(6)))
    }

    @Test(arguments: TestEngine.allCases)
    func theFirstBatchSetsTheAverages(_ engine: TestEngine) throws {
        let setting = LayerSetting(limits: .open)
        let images = setting.images.converted(to: engine.type)
        let model = try Model(setting.normalization, input: [5, 5, 17])
        #expect(model.variables["num_batches_tracked"]!.value == NDArray(scalar: Int64(0)))
        let (output, after) = try model.run(images, phase: .training, engine: engine.make())
        // r = 1 and d = 0 in this step, however open the limits.
        let batch = try Model(Normalization(.batch), input: [5, 5, 17])
        #expect(output == (try batch.output(images, phase: .training, engine: engine.make())))
        for channel in 0..<17 {
            let oracle = ScalarRenorm(values: setting.images.channel(channel, examples: 0..<8))
            let tolerance = engine.tolerance(double: 1e-14, float: 1e-6)
            #expect(abs(after["running_mean"]!.value.doubles[channel] - oracle.batchMean) < tolerance)
            #expect(abs(after["running_std"]!.value.doubles[channel] - oracle.batchDeviation) < tolerance)
        }
        #expect(after["num_batches_tracked"]!.value.doubles == [1])
    }

    // MARK: Not finite

    @Test(arguments: TestEngine.allCases, [Float.nan, .infinity, -.infinity])
    func aBatchThatIsNotFiniteNamesLayerAndStepAndLeavesAveragesAlone(_ engine: TestEngine, value: Float)
        throws
    {
        for kind: any NormalizationKind in [.batchRenorm, .batch] {
            let small = Small(classes: 4, width: 0.25, normalization: Normalization(kind))
            let model = try Model(small, input: [12, 12, 1], seed: 3)
            var images = randomArray([4, 12, 12, 1], type: .f32)
            images.withMutableValues(of: Float.self) { $0[200] = value }
            let engine = try engine.make()
            let graph = try TrainingGraph(
                model, batch: 4, options: TrainingOptions(learningRate: .constant(0.1)))
            let store = try engine.makeStore(graph.initialState(of: model))
            let before = try store.read()
            let step = try engine.compile(graph.graph)
            let error = #expect(throws: EngineError.notFinite(path: "bn1", step: 12)) {
                _ = try step.run(
                    ["images": images, "labels": randomLabels(4, classes: 4)], step: 12, on: store)
            }
            #expect(error?.description.hasPrefix("Step 12: 'bn1' is not finite (NaN or infinity)") == true)
            #expect(try store.read() == before)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func theFirstLayerThatIsNotFiniteIsTheOneNamed(_ engine: TestEngine) throws {
        let small = Small(classes: 4, width: 0.25, normalization: Normalization(.batchRenorm))
        var model = try Model(small, input: [12, 12, 1], seed: 3)
        // bn1 and bn2 stay finite; conv3 is broken.
        model.variables["conv3.weight"]?.value.withMutableValues(of: Float.self) { $0[5] = .infinity }
        let graph = try TrainingGraph(model, batch: 4, options: TrainingOptions(learningRate: .constant(0.1)))
        let engine = try engine.make()
        let store = try engine.makeStore(graph.initialState(of: model))
        let before = try store.read()
        let step = try engine.compile(graph.graph)
        #expect(throws: EngineError.notFinite(path: "bn3", step: 3)) {
            _ = try step.run(
                [
                    "images": randomArray([4, 12, 12, 1], type: .f32),
                    "labels": randomLabels(4, classes: 4),
                ], step: 3, on: store)
        }
        #expect(try store.read() == before)
    }
}
