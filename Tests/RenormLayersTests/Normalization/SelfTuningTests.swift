import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct SelfTuningTests {
    /// Six steps in groups of 4, as PyTorch operations computed them: limits hold and widen, a group alone is beyond noise, and two that
    /// agree show that the population has moved.
    @Test(arguments: TestEngine.allCases)
    func isWhatPyTorchComputes(_ engine: TestEngine) throws {
        let fixture = try Fixture("self-tuning")
        let filter = MomentFilter(adaptation: 0.5, rMax: 1.5, dMax: 1, widening: 0.4)
        let layer = Normalization(
            .batchRenorm(.selfTuning(SelfTuning(filter: filter)), examples: 4), epsilon: 1e-3)
        var model = try model(of: layer, input: [3, 3, 5])
            .with(["weight": fixture["weight"], "bias": fixture["bias"]])
        let tolerance = engine.tolerance(double: 1e-11, float: 2e-5)
        for step in 0..<6 {
            func expect(_ found: NDArray?, _ name: String) {
                let found = found ?? NDArray(zeros: [0])
                let problem = mismatch(
                    found, fixture["\(step).\(name)"], tolerance: tolerance, absolute: 1e-12,
                    of: "\(name) in step \(step)")
                #expect(problem == nil)
            }
            let (x, dy) = (
                fixture["\(step).x"].converted(to: engine.type),
                fixture["\(step).dy"].converted(to: engine.type)
            )
            let (y, gradients) = try model.gradients(x, weights: dy, engine: engine.make())
            expect(y, "y")
            expect(gradients["x"], "dx")
            expect(gradients["weight"], "dweight")
            expect(gradients["bias"], "dbias")
            model.variables = try model.run(x, phase: .training, engine: engine.make()).variables
            for name in ["running_mean", "running_std", "gains", "innovations"] {
                expect(model.variables[name]?.value, name)
            }
        }
        #expect(model.variables["num_batches_tracked"]?.value.doubles == [6])
    }

    /// The batch is one group: it trains on what inference gives after the update.
    @Test(arguments: TestEngine.allCases, [0.3, 1000])
    func trainsOnWhatInferenceWillGive(_ engine: TestEngine, mean: Double) throws {
        let setting = LayerSetting(limits: nil, mean: mean)
        var model = try setting.model()
        model.variables["gains"]?.value = NDArray([0.2, 1, 0.1, 0.3, 1, -0.1], shape: [2, 3])
        let images = setting.images.converted(to: engine.type)
        let trained = try model.run(images, phase: .training, engine: engine.make())
        model.variables = trained.variables
        let inference = try model.output(images, phase: .inference, engine: engine.make())
        #expect(
            relativeError(trained.output, inference) <= engine.tolerance(double: 1e-11, float: 1e-4))
    }

    /// Averages that come from elsewhere begin with a small gain, new ones with a gain of 1: batch normalization.
    @Test(arguments: TestEngine.allCases)
    func inheritedAveragesAreNotErased(_ engine: TestEngine) throws {
        let setting = LayerSetting(limits: nil)
        let images = setting.images.converted(to: engine.type)
        let inherited = try setting.model().run(images, phase: .training, engine: engine.make())
        let gains = inherited.variables["gains"]!.value.doubles
        #expect(abs(gains[0] - 0.01) < 1e-8 && abs(gains[3] - 0.01) < 1e-8)

        var fresh = try setting.model()
        fresh.variables["num_batches_tracked"]!.value = NDArray(scalar: Int64(0))
        let first = try fresh.run(images, phase: .training, engine: engine.make())
        #expect(first.variables["gains"]!.value.doubles == [1, 0, 0, 1, 0, 0])
        var batch = LayerSetting(isBatch: true)
        batch.mean = setting.mean
        let expected = try batch.model().output(images, phase: .training, engine: engine.make())
        #expect(relativeError(first.output, expected) <= engine.tolerance(double: 1e-12, float: 1e-5))
    }

    /// Parameters below must not chase what the normalization cancels: over the whole step dx has no mean and no part
    /// along x, whatever the gains.
    @Test(arguments: [(0.05, 0.05), (0.5, 0.5), (1, 1), (0.5, 0.05), (0.1, 0.9)])
    func theProjectionRemovesMeanAndDirectionOverTheStep(ofMeans: Double, ofDeviations: Double) throws {
        // With an adaptation this large the gains differ from group to group.
        let tuning = SelfTuning(filter: MomentFilter(adaptation: 1))
        let layer = Normalization(.batchRenorm(.selfTuning(tuning), examples: 2), epsilon: 0)
        var model = try model(of: layer, input: [3, 3, 4])
        let images = randomArray([8, 3, 3, 4], mean: 2)
        model.variables = try model.run(images, phase: .training).variables
        model.variables["gains"]!.value = vector([ofMeans, 1, 0.3, ofDeviations, 1, -0.3]).reshaped(to: [
            2, 3,
        ])
        let (_, gradients) = try model.gradients(images, weights: randomArray([8, 3, 3, 4], seed: 5))
        let (x, dx) = (images.doubles, gradients["x"]!.doubles)
        for channel in 0..<4 {
            let places = stride(from: channel, to: x.count, by: 4)
            #expect(abs(places.reduce(0) { $0 + dx[$1] }) < 1e-11)
            #expect(abs(places.reduce(0) { $0 + x[$1] * dx[$1] }) < 1e-11)
            #expect(places.reduce(0) { $0 + abs(dx[$1]) } > 0.1)
        }
    }

    /// One value has no deviation, and leaves the averages' as it is.
    @Test(arguments: TestEngine.allCases)
    func oneValueIsNormalizedAsInInference(_ engine: TestEngine) throws {
        let values = ["running_mean": vector([1, 2, 3]), "running_std": vector([2, 1, 0.5])]
        let model = try model(of: Normalization(.batchRenorm), input: [3])
            .with(values.merging(["num_batches_tracked": NDArray(scalar: Int64(9))]) { $1 })
        let images = NDArray([4.0, 1, 1], shape: [1, 3]).converted(to: engine.type)
        let trained = try model.run(images, phase: .training, engine: engine.make())
        #expect(trained.variables["running_std"]!.value.doubles == [2, 1, 0.5])
        // With a gain of 0.01: the mean comes 1 % nearer.
        let expected = vector([2.97 / 2, -0.99, -1.98 / 0.5]).reshaped(to: [1, 3])
        #expect(relativeError(trained.output, expected) < engine.tolerance(double: 1e-7, float: 1e-6))
    }

    /// A group far from the averages is normalized to r·x̂ + d with limited r and d, as in Algorithm 1, and the averages do not
    /// follow it further than their gain. From 500 steps on the limits are as wide as the averages are old.
    @Test(arguments: TestEngine.allCases, [(400, 3.0, 5.0), (1000, 6, 10), (5000, 30, 50)])
    func farGroupsAreLimited(_ engine: TestEngine, limits: (steps: Int, r: Double, d: Double)) throws {
        let layer = Normalization(.batchRenorm, epsilon: 0)
        let averages = ["running_mean": vector([0, 0, 0, 0]), "running_std": vector([1, 1, 1, 1])]
        let steps = NDArray(scalar: Int64(limits.steps))
        let model = try model(of: layer, input: [4])
            .with(averages.merging(["num_batches_tracked": steps]) { $1 })
        // σ_B 100, 0.01, 1 and 0.01; means 0, 0, 100 and 4.
        let images = NDArray([100, 0.01, 101, 4.01, -100, -0.01, 99, 3.99], shape: [2, 4]).converted(
            to: engine.type)
        let trained = try model.run(images, phase: .training, engine: engine.make())
        // r·x̂ + d, the last d (4 − 0.04) / 0.01^0.01.
        let (r, d, last) = (limits.r, limits.d, 3.96 / pow(0.01, 0.01))
        let expected = NDArray(
            [r, 1 / r, d + 1, last + 1 / r, -r, -1 / r, d - 1, last - 1 / r], shape: [2, 4])
        #expect(relativeError(trained.output, expected) < engine.tolerance(double: 1e-7, float: 1e-5))
        let means = trained.variables["running_mean"]!.value.doubles
        let deviations = trained.variables["running_std"]!.value.doubles
        #expect(zip(means, [0, 0, 1, 0.04]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(
            zip(deviations, [100, 0.01, 1, 0.01].map { pow($0, 0.01) }).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// Weights that have jumped: the first group after it is normalized by itself, as in batch normalization, and the averages follow with the second.
    @Test(arguments: TestEngine.allCases, [30.0, 1e4])
    func aJumpIsMetAtOnceAndFollowed(_ engine: TestEngine, factor: Double) throws {
        let shape: TensorShape = [8, 5, 5, 6]
        var renorm = try model(of: Normalization(.batchRenorm, epsilon: 1e-12), input: [5, 5, 6])
        let before = (0..<60).map { randomArray(shape, seed: UInt64($0 + 1), mean: 0.3, type: engine.type) }
        for images in before {
            renorm.variables = try renorm.run(images, phase: .training, engine: engine.make()).variables
        }
        // Gains as small as they come to be in a long run.
        var gains = renorm.variables["gains"]!.value.doubles
        (gains[0], gains[3]) = (0.002, 0.002)
        renorm.variables["gains"]!.value = NDArray(gains, shape: [2, 3])
        let after = (100..<104).map { seed in
            let images = randomArray(shape, seed: UInt64(seed), mean: 0.3)
            return NDArray(images.doubles.map { $0 * factor }, shape: shape).converted(to: engine.type)
        }
        var reference = try model(of: Normalization(.batch, epsilon: 1e-12), input: [5, 5, 6])
        for (step, images) in after.enumerated() {
            let old = renorm.variables["running_std"]!.value.doubles[0]
            let trained = try renorm.run(images, phase: .training, engine: engine.make())
            let expected = try reference.run(images, phase: .training, engine: engine.make())
            (renorm.variables, reference.variables) = (trained.variables, expected.variables)
            // What is left to the averages is at most 9 · S / e², of which the smaller factor makes more.
            #expect(relativeError(trained.output, expected.output) < (factor < 100 ? 0.05 : 0.002))
            let now = renorm.variables["running_std"]!.value.doubles[0]
            switch step {
            case 0: #expect(now < 1.05 * old)
            case 1: #expect(abs(now / factor - 1) < 0.2)
            default: #expect(abs(now / old - 1) < 0.2)
            }
        }
    }

    /// Noise that is large but does not agree changes nothing: groups of one label. Nor do filters without significance know any of it.
    @Test func noiseIsLeftToTheGains() throws {
        func outputs(_ filter: MomentFilter) throws -> [NDArray] {
            let layer = Normalization(.batchRenorm(.selfTuning(SelfTuning(filter: filter)), examples: 4))
            var model = try model(of: layer, input: [3, 3, 8])
            return try (0..<40).map { step in
                let images = NDArray(
                    (0..<4).flatMap { group -> [Double] in
                        let seed = UInt64(4 * step + group)
                        let label = randomArray([8], seed: seed + 1000, deviation: 2).doubles
                        return randomArray([4, 3, 3, 8], seed: seed).doubles.enumerated()
                            .map { $1 + label[$0 % 8] }
                    }, shape: [16, 3, 3, 8])
                let trained = try model.run(images, phase: .training)
                model.variables = trained.variables
                return trained.output
            }
        }
        let (found, old) = (try outputs(MomentFilter()), try outputs(MomentFilter(significance: .infinity)))
        for (a, b) in zip(found, old) { #expect(a == b) }
    }

    /// The state stays finite, so that it can be saved, however far a group is from what a dead channel had.
    @Test(arguments: TestEngine.allCases)
    func enormousInnovationsLeaveAFiniteState(_ engine: TestEngine) throws {
        var model = try model(of: Normalization(.batchRenorm, epsilon: 1e-12), input: [2])
            .with([
                "running_std": vector([1e-6, 1e-6]), "num_batches_tracked": NDArray(scalar: Int64(9)),
                "gains": vector([0.5, 1, 0, 0.5, 1, 0]).reshaped(to: [2, 3]),
            ])
        for mean in [1e17, -1e17, 0] {
            let images = NDArray([mean, 1, mean, 2], shape: [2, 2]).converted(to: engine.type)
            model.variables = try model.run(images, phase: .training, engine: engine.make()).variables
        }
        for name in ["gains", "innovations", "running_mean", "running_std"] {
            let values = model.variables[name]!.value.doubles
            #expect(values.allSatisfy { $0.isFinite }, "\(name): \(values)")
        }
        #expect(model.variables["gains"]!.value.doubles[0] >= 0.002)
    }

    /// Innovations that agree raise the gain, those that alternate lower it; between its bounds.
    @Test func gainsFollowTheAgreementOfInnovations() throws {
        func gain(after means: [Double]) throws -> Double {
            var model = try model(of: Normalization(.batchRenorm), input: [4, 4, 3])
            for mean in means {
                let images = randomArray([4, 4, 4, 3], mean: mean, deviation: 1)
                model.variables = try model.run(images, phase: .training).variables
            }
            return model.variables["gains"]!.value.doubles[0]
        }
        #expect(try gain(after: (0..<80).map { $0 % 2 == 0 ? 3 : -3 }) < 0.3)
        #expect(try gain(after: (0..<80).map { Double($0) }) == 1)
        let low = try gain(after: (0..<400).map { $0 % 2 == 0 ? 3 : -3 })
        #expect(low < 0.05 && low >= 0.002)
    }

    @Test func isSavedAndRead() throws {
        for correction in [.automatic, .selfTuning(.fixed(gain: 0.1))] as [BatchRenormalization.Correction] {
            let layer = Normalization(.batchRenorm(correction))
            let data = try JSONCoder.encode(layer)
            #expect(try JSONCoder.decode(Normalization.self, from: data) == layer)
        }
    }

    @Test(arguments: [
        (MomentFilter(floor: 0), "gains from 0.0 to 1.0"), (MomentFilter(floor: 0.5, ceiling: 0.1), "gains"),
        (MomentFilter(memory: 0), "memory"), (MomentFilter(adaptation: -1), "adaptation"),
        (MomentFilter(inherited: 2), "inherited"), (MomentFilter(rMax: 0.5), "r_max of 0.5"),
        (MomentFilter(dMax: -1), "d_max of -1"), (MomentFilter(rMax: .nan), "r_max"),
        (MomentFilter(widening: -0.1), "widen by -0.1"),
        (MomentFilter(significance: 0.5), "significance of 0.5"),
        (MomentFilter(significance: .nan), "significance"),
    ])
    func constantsAreChecked(filter: MomentFilter, found: String) throws {
        let layer = Normalization(.batchRenorm(.selfTuning(SelfTuning(filter: filter))))
        let error = #expect(throws: GraphError.self) { try Model(layer, input: [2, 2, 3]) }
        #expect("\(String(describing: error))".contains(found))
    }

    /// What was written before there were limits had none, nor a significance.
    @Test func readsConstantsWithoutLimits() throws {
        let text = """
            {"adaptation": 0.05, "margin": 0.1, "memory": 0.05, "floor": 0.002, "ceiling": 1, "inherited": 0.01, \
            "isArithmetic": false, "isTotal": false}
            """
        let filter = try JSONCoder.decode(MomentFilter.self, from: text)
        #expect(
            filter == MomentFilter(significance: .infinity, rMax: .infinity, dMax: .infinity, widening: 0))
        let others = [
            MomentFilter(rMax: 2, widening: 0.1),
            MomentFilter(significance: .infinity, rMax: .infinity, dMax: .infinity),
        ]
        for filter in others {
            #expect(try JSONCoder.decode(MomentFilter.self, from: JSONCoder.encode(filter)) == filter)
        }
    }

    /// Between limits by schedule and automatic ones, averages stay and gains come as unknown, or go.
    @Test func convertsFromAndToLimits() throws {
        let images = randomArray([4, 4, 4, 3], mean: 1)
        var scheduled = try Model(Normalization(.batchRenorm(.limits(.open))), input: [4, 4, 3])
        scheduled.variables = try scheduled.run(images, phase: .training).variables
        var automatic = try scheduled.converting(to: .batchRenorm)
        #expect(automatic.variables["gains"]!.value.doubles == [0, 0, 0, 0, 0, 0])
        #expect(automatic.variables["running_std"] == scheduled.variables["running_std"])
        automatic.variables = try automatic.run(images, phase: .training).variables
        let back = try automatic.converting(to: .batchRenorm(.limits(.open)))
        #expect(back.variables["gains"] == nil && back.variables["innovations"] == nil)
        let batch = try automatic.converting(to: .batch)
        #expect(batch.variables["gains"] == nil && batch.variables["running_var"] != nil)
        #expect(try batch.converting(to: .batchRenorm).variables["gains"] != nil)
    }
}
