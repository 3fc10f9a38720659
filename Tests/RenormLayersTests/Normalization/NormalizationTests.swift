import Renorm
import RenormTestSupport
import Testing

@Suite struct NormalizationTests {
    /// y of values that share moments, with γ = 1 and β = 0.
    private func standardized(_ values: [Double], epsilon: Double = 1e-5) -> [Double] {
        ScalarRenorm(values: values, epsilon: epsilon).standardized
    }

    // MARK: Moments

    @Test(
        arguments: TestEngine.allCases,
        [(.layer, 1), (.group(3), 3), (.instance, 6)] as [(any NormalizationKind, Int)])
    func eachExampleIsNormalizedForItself(_ engine: TestEngine, _ row: (any NormalizationKind, Int)) throws {
        let (kind, groups) = row
        let images = randomArray([3, 4, 5, 6], mean: 0.4, deviation: 1.3)
        let model = try Model(Normalization(kind), input: [4, 5, 6])
        #expect(model.variables.paths == ["weight", "bias"])
        for phase in [Phase.training, .inference, .batchStatistics] {
            let output = try model.output(
                images.converted(to: engine.type), phase: phase, engine: engine.make())
            for example in 0..<3 {
                for group in 0..<groups {
                    let channels = group * 6 / groups..<(group + 1) * 6 / groups
                    let values = channels.map { images.channel($0, examples: example..<example + 1) }
                    let found = channels.map { output.channel($0, examples: example..<example + 1) }
                    #expect(
                        mismatch(
                            vector(found.flatMap { $0 }), vector(standardized(values.flatMap { $0 })),
                            tolerance: engine.tolerance(double: 1e-13, float: 1e-6)) == nil)
                }
            }
        }
    }

    @Test func scaleAndShiftOfLayerAndGroupArePerChannel() throws {
        for kind: any NormalizationKind in [.layer, .group(3), .instance] {
            let images = randomArray([3, 4, 5, 6])
            let plain = try Model(Normalization(kind), input: [4, 5, 6]).output(images)
            let (gamma, beta) = (randomArray([6], seed: 2), randomArray([6], seed: 3))
            let scaled = try Model(Normalization(kind), input: [4, 5, 6])
                .with(["weight": gamma, "bias": beta]).output(images)
            for channel in 0..<6 {
                let expected = plain.channel(channel, examples: 0..<3)
                    .map { $0 * gamma.doubles[channel] + beta.doubles[channel] }
                #expect(
                    mismatch(
                        vector(scaled.channel(channel, examples: 0..<3)), vector(expected),
                        tolerance: 1e-13) == nil)
            }
        }
    }

    @Test func batchKeepsPyTorchsUnbiasedVariance() throws {
        let images = randomArray([4, 3, 3, 2], mean: 2, deviation: 1.5)
        let model = try Model(Normalization(.batch), input: [3, 3, 2])
        let after = try model.run(images, phase: .training).variables
        for channel in 0..<2 {
            let values = ScalarRenorm(values: images.channel(channel, examples: 0..<4))
            let unbiased = values.variance * 36 / 35
            #expect(
                abs(after["running_var"]!.value.doubles[channel] - (0.9 + 0.1 * unbiased)) < 1e-14)
            #expect(
                abs(after["running_mean"]!.value.doubles[channel] - 0.1 * values.batchMean) < 1e-14)
        }
        #expect(after["num_batches_tracked"]!.value == NDArray(scalar: Int64(1)))
    }

    @Test func batchAveragesTheUnbiasedVariancesOfItsGroups() throws {
        let images = randomArray([8, 3, 3, 1])
        let model = try Model(Normalization(.batch(averagingRate: 1, examples: 2)), input: [3, 3, 1])
        let after = try model.run(images, phase: .training).variables
        let groups = (0..<4).map { group in
            ScalarRenorm(values: images.channel(0, examples: 2 * group..<2 * group + 2))
        }
        let expected = groups.map { $0.variance * 18 / 17 }.reduce(0, +) / 4
        #expect(abs(after["running_var"]!.value.doubles[0] - expected) < 1e-14)
    }

    @Test func inferenceIsThatOfTheMovingAverages() throws {
        let images = randomArray([4, 3, 3, 1])
        let values = images.channel(0, examples: 0..<4)
        let averages = ["running_mean": vector([0.7]), "weight": vector([1.3]), "bias": vector([-0.2])]
        let batch = try Model(Normalization(.batch, epsilon: 0.1), input: [3, 3, 1])
            .with(averages.merging(["running_var": vector([2.4])]) { $1 })
        let renorm = try Model(Normalization(.batchRenorm, epsilon: 0.1), input: [3, 3, 1])
            .with(averages.merging(["running_std": vector([Double(2.5).squareRoot()])]) { $1 })
        let frozen = try Model(Normalization(.frozen, epsilon: 0.1), input: [3, 3, 1])
            .with(averages.merging(["running_var": vector([2.4])]) { $1 })
        let expected = vector(values.map { 1.3 * ($0 - 0.7) / Double(2.5).squareRoot() - 0.2 })
        for model in [batch, renorm, frozen] {
            let found = try model.output(images).reshaped(to: [36])
            #expect(mismatch(found, expected, tolerance: 1e-14) == nil)
        }
        let (output, after) = try frozen.run(images, phase: .training)
        #expect(mismatch(output.reshaped(to: [36]), expected, tolerance: 1e-14) == nil)
        for (path, variable) in frozen.variables {
            #expect(after[path]!.value.doubles == variable.value.doubles, "\(path)")
        }
    }

    // MARK: Groups of examples

    // Automatic limits filter the groups one after another.
    @Test(arguments: [.batch, .batchRenorm(.limits(.open))] as [any NormalizationKind])
    func groupsOfExamplesAreNormalizedApart(_ kind: any NormalizationKind) throws {
        let images = randomArray([6, 3, 3, 4])
        var grouped = Normalization(kind)
        grouped.examples = 2
        let whole = try Model(grouped, input: [3, 3, 4]).output(images, phase: .training)
        for group in 0..<3 {
            let part = try Model(Normalization(kind), input: [3, 3, 4])
                .output(images.rows(2 * group..<2 * group + 2), phase: .training)
            #expect(mismatch(whole.rows(2 * group..<2 * group + 2), part, tolerance: 1e-14) == nil)
        }
    }

    @Test func aBatchThatGroupsDoNotDivideIsAnErrorNamingBoth() throws {
        let model = try Model(Normalization(.batchRenorm(examples: 4)).named("bn1"), input: [3, 3, 4])
        let images = randomArray([10, 3, 3, 4])
        let error = #expect(throws: GraphError.self) { try model.output(images, phase: .training) }
        #expect(
            error?.description
                == "batch-renorm normalization at 'bn1': found a batch of 10 examples in groups of 4; "
                + "expected a batch of a multiple of 4. Change the layer's options.")
        // Inference does without groups.
        _ = try model.output(images)
        #expect(throws: GraphError.self) { try Model(Normalization(.batch(examples: 0)), input: [3, 3, 4]) }
    }

    // MARK: Options

    @Test(
        arguments: [.batch, .batchRenorm, .frozen, .layer, .instance, .group(2)] as [any NormalizationKind])
    func scaleAndShiftCanBeLeftOut(_ kind: any NormalizationKind) throws {
        let images = randomArray([4, 3, 3, 4])
        let full = try Model(Normalization(kind), input: [3, 3, 4])
        let bare = try Model(Normalization(kind, scale: false, shift: false), input: [3, 3, 4])
        #expect(bare.variables.paths == full.variables.paths.filter { $0 != "weight" && $0 != "bias" })
        #expect(try bare.output(images, phase: .training) == full.output(images, phase: .training))
        let shifted = try Model(Normalization(kind, scale: false), input: [3, 3, 4])
        #expect(shifted.variables["weight"] == nil && shifted.variables["bias"] != nil)
        let gradients = try bare.gradients(images, weights: randomArray([4, 3, 3, 4], seed: 9))
        #expect(Set(gradients.gradients.keys) == ["x"])
    }

    @Test func epsilonIsAddedUnderTheRoot() throws {
        let images = randomArray([4, 3, 3, 1])
        for kind: any NormalizationKind in [.batch, .batchRenorm] {
            let output = try Model(Normalization(kind, epsilon: 0.7), input: [3, 3, 1])
                .output(images, phase: .training)
            let expected = standardized(images.doubles, epsilon: 0.7)
            #expect(mismatch(output.reshaped(to: [36]), vector(expected), tolerance: 1e-14) == nil)
        }
    }

    @Test func ratesAreThoseOfTheKindUnlessGiven() {
        #expect(BatchNormalization().averagingRate == 0.1)
        #expect(
            BatchRenormalization(.limits(.open)) == BatchRenormalization(.limits(.open, averagingRate: 0.05)))
        #expect(Normalization(.batch).epsilon == 1e-5)
    }

    @Test(arguments: [
        (Normalization(.batch, epsilon: -1), "batch", "epsilon -1.0", "a finite number of at least 0"),
        (Normalization(.layer, epsilon: .nan), "layer", "epsilon nan", "a finite number of at least 0"),
        (Normalization(.batch(averagingRate: 1.5)), "batch", "averaging rate 1.5", "0 to 1"),
        (Normalization(.batch(averagingRate: .nan)), "batch", "averaging rate nan", "0 to 1"),
        (
            Normalization(.batchRenorm(.limits(Limits(rMax: .constant(0.5), dMax: .constant(0))))),
            "batch-renorm", "limits whose r_max falls to 0.5", "at least 1"
        ),
        (
            Normalization(
                .batchRenorm(.limits(Limits(rMax: .constant(2).warmedUp(over: 4), dMax: .constant(0))))),
            "batch-renorm", "limits whose r_max falls to 0.5", "at least 1"
        ),
        (
            Normalization(
                .batchRenorm(.limits(Limits(rMax: .constant(1), dMax: .linear([(0, 0), (9, -2)]))))),
            "batch-renorm", "limits whose d_max falls to -2.0", "at least 0"
        ),
    ])
    func optionsOutOfRangeAreErrors(
        _ row: (normalization: Normalization, kind: String, found: String, expected: String)
    ) {
        let error = #expect(throws: GraphError.self) {
            try Model(row.normalization.named("bn"), input: [3, 3, 2])
        }
        #expect(
            error?.description
                == "\(row.kind) normalization at 'bn': found \(row.found); expected \(row.expected). "
                + "Change the layer's options.")
    }

    @Test func inputsOfAnotherRankAreErrors() {
        let error = #expect(throws: GraphError.self) { try Model(Normalization(.batch), input: [3, 2]) }
        #expect(error?.description.contains("expected [N, H, W, C] or [N, C]") == true)
    }

    // MARK: One value per channel

    @Test(arguments: TestEngine.allCases)
    func oneValuePerChannelLeavesBatchItsShiftAndBatchRenormItsAverages(_ engine: TestEngine) throws {
        let images = randomArray([4, 1, 1, 3], type: engine.type)
        let variables = [
            "weight": vector([1.5, -2, 0.5]), "bias": vector([0.1, 0.2, 0.3]),
            "running_mean": vector([0.4, -0.3, 2]), "num_batches_tracked": NDArray(scalar: Int64(9)),
        ]
        let batch = try Model(Normalization(.batch(averagingRate: 0.25, examples: 1)), input: [1, 1, 3])
            .with(variables)
        let (output, after) = try batch.run(images, phase: .training, engine: engine.make())
        for example in 0..<4 {
            let found = output.rows(example..<example + 1).doubles
            #expect(mismatch(vector(found), variables["bias"]!, tolerance: 1e-7) == nil)
        }
        // The variance of one value is 0, by the factor 1, and so is no number lost to n − 1 = 0.
        #expect(after["running_var"]!.value.doubles == [0.75, 0.75, 0.75])

        let renorm = try Model(Normalization(.batchRenorm(.limits(.open), examples: 1)), input: [1, 1, 3])
            .with(variables).with(["running_std": vector([1.2, 0.8, 3])])
        let (corrected, gradients) = try renorm.gradients(
            images, weights: randomArray([4, 1, 1, 3], seed: 9, type: engine.type), engine: engine.make())
        let inference = try renorm.output(images, engine: engine.make())
        let tolerance = engine.tolerance(double: 1e-13, float: 1e-6)
        #expect(mismatch(corrected, inference, tolerance: tolerance) == nil)
        #expect(gradients["x"]!.doubles.allSatisfy { abs($0) < engine.tolerance(double: 1e-11, float: 1e-3) })
    }

    @Test(arguments: [
        (
            Normalization(.batch(examples: 1)), 4,
            "one value per channel is normalized alone (1×1 of 1 example): the output is β whatever the input is; "
                + "use larger groups of examples or batch-renorm"
        ),
        (
            Normalization(.batchRenorm), 1,
            "one value per channel is normalized alone (1×1 of 1 example): its gradient is 0; use larger groups of "
                + "examples"
        ),
        (
            Normalization(.batchRenorm(.limits(.open))), 1,
            "one value per channel is normalized alone (1×1 of 1 example): its gradient is 0, and its deviation "
                + "√ε pulls running_std down; use larger groups of examples"
        ),
        (
            Normalization(.instance), 4,
            "one value per channel is normalized alone (1×1 of 1 example): the output is β whatever the input is; "
                + "use batch or batch-renorm"
        ),
    ])
    func oneValuePerChannelIsWarnedOf(_ row: (Normalization, batch: Int, String)) throws {
        func warnings(_ side: Int, _ batch: Int) throws -> [String] {
            let model = try Model(row.0.named("bn"), input: [side, side, 3])
            let builder = GraphBuilder()
            let x = builder.input("images", shape: [batch, side, side, 3])
            return try model.trace(x, on: builder, phase: .training).warnings
        }
        #expect(try warnings(1, row.batch) == ["bn: " + row.2])
        #expect(try warnings(2, row.batch) == [])
    }

    @Test func whatManyLayersWarnOfIsSaidOnce() throws {
        let normalization = Normalization(.instance)
        let model = try Model(
            Sequential {
                normalization.named("a")
                normalization.named("b")
                Normalization(.batch).named("c")
            },
            input: [1, 1, 3])
        let builder = GraphBuilder()
        let x = builder.input("images", shape: [1, 1, 1, 3])
        let warnings = try model.trace(x, on: builder, phase: .training).warnings
        #expect(warnings.count == 2)
        #expect(warnings.first?.hasPrefix("a, b: one value per channel") == true, "\(warnings)")
        #expect(warnings.last?.hasPrefix("c: one value per channel") == true, "\(warnings)")
    }

    // MARK: Names

    @Test func kindsAreReadFromTheirNames() throws {
        let kinds: [any NormalizationKind] = [
            .batch, .batchRenorm, .frozen, .layer, .instance, .group(8), .none,
        ]
        let names = ["batch", "batch-renorm", "frozen", "layer", "instance", "group:8", "none"]
        #expect(kinds.map(\.word) == names)
        #expect(try names.map { try Normalization(parsing: $0) } == kinds.map { Normalization($0) })
        for wrong in ["", "Batch", "group", "group:", "group:0", "group:-1", "group:x", "renorm", "batch:2"] {
            let error = #expect(throws: NormalizationTextError.self) { try Normalization(parsing: wrong) }
            #expect(error?.description.contains("group:N") == true, "\(wrong)")
        }
    }

    /// The text of a value says all of it.
    @Test func textsAreReadBack() throws {
        let tuning = SelfTuning(
            filter: MomentFilter(adaptation: 0.5, rMax: .infinity, isArithmetic: true),
            projectsOverGroups: true)
        let kinds: [any NormalizationKind] = [
            .batch(averagingRate: 0.3, examples: 4), .batchRenorm(.selfTuning(tuning), examples: 2),
            .batchRenorm(.selfTuning(.fixed(gain: 0.05))),
            .batchRenorm(.limits(.open, averagingRate: 0.2, stepProjection: 0.95)),
            .batchRenorm(.limits(.ramp(from: 3, rMax: 2, at: 9, dMax: 1, at: 7), stepProjection: 1)),
            .batchRenorm(.limits(.paper(fullyOpenAt: 800)), examples: 8), .frozen, .group(4),
        ]
        for kind in kinds {
            let normalization = Normalization(kind, epsilon: 0.01, shift: false)
            #expect(try Normalization(parsing: normalization.description) == normalization)
        }
    }

    /// Limits may be infinite; what a layer reports of its state may not.
    @Test func readingsComeBack() throws {
        let layer = Normalization(
            .batchRenorm(.limits(Limits(rMax: .constant(.infinity), dMax: .constant(5)))))
        let readings = try model(of: layer, input: [2]).tracedNormalizations().readings(at: 3)
        #expect(readings["r_max"] == .infinity && readings["d_max"] == 5)
        let back = try JSONCoder.decode(NormalizationReadings.self, from: JSONCoder.encode(readings))
        #expect(back["r_max"] == .infinity && back["d_max"] == 5)
        #expect(throws: DecodingError.self) {
            try JSONCoder.decode(NormalizationReport.self, from: #"{"path": "bn1", "mean": "inf"}"#)
        }
    }
}
