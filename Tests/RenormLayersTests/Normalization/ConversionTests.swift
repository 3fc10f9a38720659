import Renorm
import RenormTestSupport
import Testing

@Suite struct ConversionTests {
    /// `small` under a normalization, after some steps, with variables of f64 or f32.
    private func network(
        _ normalization: Normalization, type: ElementType = .f64
    ) throws -> Model {
        let small = Small(classes: 4, width: 0.25, normalization: normalization)
        let engine = ReferenceEngine(precision: type == .f64 ? .f64 : .f32)
        return try trained(Model(small, input: [12, 12, 1], seed: 3), steps: 4, engine: engine)
    }

    private let images = randomArray([4, 12, 12, 1], seed: 50)

    @Test func thereAndBackInferenceGivesWhatItGave() throws {
        let batch = try network(Normalization(.batch))
        let renorm = try batch.converting(to: .batchRenorm)
        let back = try renorm.converting(to: .batch)
        let expected = try batch.output(images)
        #expect(try mismatch(renorm.output(images), expected, tolerance: 1e-10) == nil)
        #expect(try mismatch(back.output(images), expected, tolerance: 1e-10) == nil)
        #expect(renorm.variables["bn3.running_std"]!.value.type == .f64)
        #expect(renorm.variables["bn3.running_var"] == nil)
        #expect(back.variables.paths == batch.variables.paths)
        for (path, variable) in batch.variables {
            let found = back.variables[path]!.value
            #expect(mismatch(found, variable.value, tolerance: 1e-14, of: path) == nil)
        }
    }

    @Test func theDeviationIsThatOfVarianceAndEpsilonTakenAsItStands() throws {
        let batch = try network(Normalization(.batch, epsilon: 0.01))
        let renorm = try batch.converting(to: .batchRenorm)
        let variances = batch.variables["bn2.running_var"]!.value.doubles
        let expected = variances.map { ($0 + 0.01).squareRoot() }
        #expect(renorm.variables["bn2.running_std"]!.value == vector(expected))
        #expect(renorm.variables["bn2.running_mean"] == batch.variables["bn2.running_mean"])
    }

    @Test(arguments: [TestEngine.referenceFloat, .oneDNN])
    func inFloatInferenceChangesByRoundingAlone(_ engine: TestEngine) throws {
        let batch = try network(Normalization(.batch), type: .f32)
        let renorm = try batch.converting(to: .batchRenorm)
        let back = try renorm.converting(to: .batch)
        #expect(renorm.variables["bn1.running_std"]!.value.type == .f32)
        let engine = try engine.make()
        let images = images.converted(to: .f32)
        let expected = try batch.output(images, engine: engine)
        #expect(try mismatch(renorm.output(images, engine: engine), expected, tolerance: 1e-6) == nil)
        #expect(try mismatch(back.output(images, engine: engine), expected, tolerance: 1e-6) == nil)
    }

    @Test func aPatternConvertsWhatItMatches() throws {
        let model = try network(Normalization(.batch)).converting("bn4", to: .batchRenorm)
        let kinds = try model.tracedNormalizations().map(\.normalization.kind.word)
        #expect(kinds == ["batch", "batch", "batch", "batch-renorm", "batch"])
        #expect(model.variables["bn4.running_std"] != nil && model.variables["bn3.running_var"] != nil)
        let expected = try network(Normalization(.batch)).output(images)
        #expect(try mismatch(model.output(images), expected, tolerance: 1e-10) == nil)
    }

    @Test func aKindKeepsEachLayersOptions() throws {
        let network = Sequential {
            Normalization(.batch(examples: 2), epsilon: 0.01)
            Normalization(.batch, epsilon: 0.02, shift: false)
        }
        let model = try Model(network, input: [3, 3, 2]).converting(to: .batchRenorm(.limits(.closed)))
        let found = try model.tracedNormalizations().map(\.normalization)
        #expect(
            found == [
                Normalization(.batchRenorm(.limits(.closed), examples: 2), epsilon: 0.01),
                Normalization(.batchRenorm(.limits(.closed)), epsilon: 0.02, shift: false),
            ])
    }

    @Test func anotherEpsilonIsTakenOutOfTheVariance() throws {
        let batch = try network(Normalization(.batch, epsilon: 0.01))
        for kind: any NormalizationKind in [.batch, .frozen] {
            let converted = try batch.converting(to: Normalization(kind, epsilon: 1e-5))
            #expect(try mismatch(converted.output(images), batch.output(images), tolerance: 1e-10) == nil)
        }
        let renorm = try network(Normalization(.batchRenorm, epsilon: 0.01))
        let converted = try renorm.converting(to: Normalization(.batchRenorm, epsilon: 1e-3))
        #expect(try converted.output(images) == renorm.output(images))
    }

    @Test func aDeviationBelowTheRootOfEpsilonIsAnError() throws {
        var model = try network(Normalization(.batchRenorm))
        model.variables["bn4.running_std"]!.value.withMutableValues(of: Double.self) { $0[3] = 0.003 }
        let error = #expect(throws: NormalizationError.self) { try model.converting(to: .batch) }
        #expect(
            error?.description
                == "'bn4', channel 3: the moving deviation is 0.003; expected at least √ε = 0.0031622776601683794, "
                + "since ε is inside it. Convert with the ε it was trained with.")
        model.variables["bn4.running_std"]!.value.withMutableValues(of: Double.self) { $0[3] = .nan }
        #expect(throws: NormalizationError.self) { try model.converting(to: .batch) }
    }

    @Test(arguments: [-1, Double.nan])
    func aNegativeVarianceIsAnError(_ variance: Double) throws {
        var model = try network(Normalization(.batch))
        model.variables["bn4.running_var"]!.value.withMutableValues(of: Double.self) { $0[3] = variance }
        let error = #expect(throws: NormalizationError.self) { try model.converting(to: .batchRenorm) }
        #expect(
            error?.description
                == "'bn4', channel 3: the moving variance is \(variance); expected at least 0. Load the network again, or "
                + "train it anew.")
    }

    /// √ε rounded to f32 may be less than √ε.
    @Test func aVarianceOfZeroSurvivesInFloat() throws {
        for epsilon in [1e-5, 1e-3, 2e-5] {
            let model = try Model(Normalization(.batch, epsilon: epsilon), input: [2, 2, 1])
                .with(["running_var": NDArray([Float(0)], shape: [1])])
            let back = try model.converting(to: .batchRenorm).converting(to: .batch)
            #expect(abs(back.variables["running_var"]!.value.doubles[0]) < 1e-6 * epsilon)
            #expect(back.variables["running_var"]!.value.doubles[0] >= 0)
        }
    }

    @Test func aScaleOrShiftThatDoesSomethingIsNotDroppedSilently() throws {
        let batch = try network(Normalization(.batch))
        let gamma = batch.variables["bn1.weight"]!.value.doubles[0]
        #expect(
            throws: NormalizationError.lostParameter(
                path: "bn1.weight", channel: 0, found: gamma, neutral: 1)
        ) {
            try batch.converting(to: Normalization(.batchRenorm, scale: false))
        }
        #expect(throws: NormalizationError.self) {
            try batch.converting(to: Normalization(.layer, shift: false))
        }
        #expect(throws: NormalizationError.self) {
            try batch.converting(to: .group(4)).converting(to: Normalization(.group(8), scale: false))
        }
        let fresh = try Model(Normalization(.batch), input: [2, 2, 3])
        let bare = try fresh.converting(to: Normalization(.batchRenorm, scale: false, shift: false))
        #expect(
            bare.variables.paths == [
                "running_mean", "running_std", "gains", "innovations", "num_batches_tracked",
            ])
    }

    /// The first batch sets averages while the counter is 0: it must not where there are averages to keep.
    @Test func carriedAveragesAreKeptAndInitialOnesAreNot() throws {
        let fresh = try Model(Normalization(.batch), input: [2, 2, 3])
        #expect(try fresh.converting(to: .batchRenorm).variables["num_batches_tracked"]!.value.doubles == [0])
        let loaded = fresh.with(["running_mean": vector([0, 0.1, 0])])
        #expect(
            try loaded.converting(to: .batchRenorm).variables["num_batches_tracked"]!.value.doubles == [1])
        var uncounted = loaded
        uncounted.variables["num_batches_tracked"] = nil
        #expect(
            try uncounted.converting(to: .batchRenorm).variables["num_batches_tracked"]!.value.doubles == [1])
        let counted = loaded.with(["num_batches_tracked": NDArray(scalar: Int64(70))])
        #expect(
            try counted.converting(to: .batchRenorm).variables["num_batches_tracked"]!.value.doubles == [70])
    }

    /// γ and β are carried over so that an example with the moments of the population gets what it got.
    @Test(arguments: [.group(2), .layer, .instance, .filterResponse] as [any NormalizationKind])
    func anExampleLikeThePopulationGetsWhatItGot(_ kind: any NormalizationKind) throws {
        let channels = 4
        let pixels = randomArray([25], seed: 3).doubles
        let center = pixels.reduce(0, +) / 25
        let square = pixels.reduce(0) { $0 + ($1 - center) * ($1 - center) } / 25
        let means = [0.5, -1, 2, 0.1]
        let variances = [0.3, 2, 1.1, 0.7]
        let values = pixels.flatMap { pixel in
            (0..<channels).map { means[$0] + (pixel - center) * (variances[$0] / square).squareRoot() }
        }
        let image = NDArray(values, shape: [1, 5, 5, channels])
        let batch = try Model(Normalization(.batch, epsilon: 1e-3), input: [5, 5, channels]).with([
            "weight": vector([1.5, 0.5, -1, 2]), "bias": vector([0.1, 0, -0.3, 0.7]),
            "running_mean": vector(means), "running_var": vector(variances),
        ])
        for source in [batch, try batch.converting(to: .batchRenorm)] {
            var converted = try source.converting(to: kind)
            if let threshold = converted.variables["threshold"] {
                #expect(threshold.value.doubles == [0, 0, 0, 0])
                converted.variables["threshold"]!.value = vector([-9, -9, -9, -9])
            }
            #expect(try mismatch(converted.output(image), source.output(image), tolerance: 1e-12) == nil)
        }
    }

    @Test func otherKindsKeepScaleAndShift() throws {
        let group = try network(Normalization(.batch)).converting(to: .group(4))
        #expect(group.variables["bn2.running_mean"] == nil)
        let layer = try group.converting(to: .layer)
        #expect(layer.variables["bn2.weight"] == group.variables["bn2.weight"])
        let none = try group.converting(to: Normalization(.none))
        #expect(none.variables.paths.allSatisfy { !$0.hasPrefix("bn") })
    }

    @Test func groupsThatDoNotFitAreAnErrorAtOnce() throws {
        let batch = try network(Normalization(.batch))
        let error = #expect(throws: GraphError.self) { try batch.converting(to: .group(3)) }
        #expect(
            error?.description
                == "group:3 normalization at 'bn1': found 8 channels in 3 groups; "
                + "expected a number of groups that divides the channels. Change the layer's options.")
    }
}
