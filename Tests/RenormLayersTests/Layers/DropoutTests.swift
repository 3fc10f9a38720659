import Renorm
import RenormTestSupport
import Testing

@Suite struct DropoutTests {
    private let ones = NDArray(repeating: 1.0, shape: [64, 1000])

    private func dropped(
        _ rate: Double, path: String = "drop", step: Int = 0, seed: UInt64 = 0
    ) throws -> [Double] {
        try Model(Dropout(rate).named(path), input: [1000])
            .output(ones, phase: .training, step: step, seed: seed).doubles
    }

    @Test(arguments: [0.1, 0.5, 0.9])
    func dropsThatShareAndKeepsTheExpectation(_ rate: Double) throws {
        let values = try dropped(rate)
        let kept = values.filter { $0 != 0 }
        #expect(kept.allSatisfy { abs($0 - 1 / (1 - rate)) < 1e-12 })
        // 64,000 draws: five standard deviations.
        let deviation = (rate * (1 - rate) / 64_000).squareRoot()
        #expect(abs(Double(kept.count) / 64_000 - (1 - rate)) < 5 * deviation)
        #expect(abs(values.reduce(0, +) / 64_000 - 1) < 5 * deviation / (1 - rate))
    }

    @Test func drawsAreAFunctionOfSeedPathAndStep() throws {
        let draws = try dropped(0.5)
        #expect(try dropped(0.5) == draws)
        #expect(try dropped(0.5, path: "other") != draws)
        #expect(try dropped(0.5, step: 1) != draws)
        #expect(try dropped(0.5, seed: 1) != draws)
        // The draws of another rate are the same, so what a low rate drops a high one drops too.
        #expect(try zip(dropped(0.3), dropped(0.6)).allSatisfy { $0 != 0 || $1 == 0 })
        let inFloat = try Model(Dropout(0.5).named("drop"), input: [1000]).output(
            ones.converted(to: .f32), phase: .training, engine: ReferenceEngine(precision: .f32))
        #expect(inFloat.doubles == draws)
    }

    @Test func isOffAtInferenceAndWherePhasesSaySo() throws {
        let model = try Model(Dropout(0.5).named("drop"), input: [1000])
        #expect(try model.output(ones) == ones)
        #expect(try model.output(ones, phase: .batchStatistics) == ones)
        let frozen = try Model(Dropout(0.5).named("drop"), input: [1000], overrides: [.freeze("drop")])
        #expect(try frozen.output(ones, phase: .training) == ones)
        #expect(try dropped(0) == ones.doubles)
    }

    @Test(arguments: [-0.1, 1, 1.5, .nan])
    func ratesOutOfRangeAreErrors(_ rate: Double) {
        let error = #expect(throws: GraphError.self) { try Model(Dropout(rate).named("drop"), input: [4]) }
        #expect(
            error?.description
                == "dropout at 'drop': found rate \(rate); expected at least 0 and less than 1. "
                + "Change the layer's options.")
    }

    @Test func theGradientGoesWhereTheValueWent() throws {
        let model = try Model(Dropout(0.5), input: [6])
        let (y, gradients) = try model.gradients(
            NDArray(repeating: 3.0, shape: [3, 6]), weights: NDArray(repeating: 1.0, shape: [3, 6]))
        #expect(Set(y.doubles) == [0, 6])
        #expect(gradients["x"]!.doubles == y.doubles.map { $0 / 3 })
    }

    // MARK: Stochastic depth

    private func withoutSome(
        _ rate: Double, path: String = "path", step: Int = 0, shape: TensorShape = [400, 2, 2, 3],
        engine: any Engine = ReferenceEngine(precision: .f64)
    ) throws -> [[Double]] {
        let model = try Model(
            StochasticDepth(rate).named(path), input: TensorShape(shape.dimensions.suffix(3)))
        let images = NDArray(repeating: 1.0, shape: shape).converted(to: .f32)
        let y = try model.output(images, phase: .training, step: step, engine: engine)
        let size = shape.elementCount / shape[0]
        return (0..<shape[0]).map { Array(y.doubles[$0 * size..<($0 + 1) * size]) }
    }

    @Test(arguments: [0.1, 0.5, 0.8])
    func stochasticDepthDropsWholeExamples(_ rate: Double) throws {
        let examples = try withoutSome(rate)
        #expect(examples.allSatisfy { Set($0).count == 1 })
        let kept = examples.filter { $0[0] != 0 }
        #expect(kept.allSatisfy { abs($0[0] - 1 / (1 - rate)) < 1e-12 })
        let deviation = (rate * (1 - rate) / 400).squareRoot()
        #expect(abs(Double(kept.count) / 400 - (1 - rate)) < 4 * deviation)
        #expect(
            try withoutSome(rate, engine: OneDNNEngine(threads: 2)).map { $0[0] != 0 }
                == examples.map { $0[0] != 0 })
    }

    @Test func stochasticDepthDrawsAreAFunctionOfPathAndStep() throws {
        let draws = try withoutSome(0.5)
        #expect(try withoutSome(0.5) == draws)
        #expect(try withoutSome(0.5, path: "other") != draws)
        #expect(try withoutSome(0.5, step: 1) != draws)
        let images = NDArray(repeating: 1.0, shape: [400, 2, 2, 3])
        let model = try Model(StochasticDepth(0.5).named("path"), input: [2, 2, 3])
        #expect(try model.output(images) == images)
        #expect(try model.output(images, phase: .batchStatistics) == images)
        #expect(throws: GraphError.self) { try Model(StochasticDepth(1).named("path"), input: [2, 2, 3]) }
    }
}
