import Renorm
import RenormTestSupport
import Testing

/// What the doctor computes beside sums that are made here.
@Suite struct RecalibratorTests {
    /// Two normalizations, so that what the second sees can be computed by hand.
    private func model() throws -> Model {
        let network = Sequential {
            Normalization(.batch, epsilon: 1e-3)
            Normalization(.batch, epsilon: 1e-3)
            GlobalAveragePool()
            Dense(3)
        }
        return try Model(network, input: [8, 8, 1], seed: 3)
    }

    private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1))
    }

    @Test func populationStatisticsAreThoseOfTwoPassesInFloat64() throws {
        let data = try TinyData.dataset(100)
        let scaling = try InputScaling(of: data)
        let result = try Recalibrator(ReferenceEngine()).recalibrate(
            model(), by: .population, on: data, scaling: scaling, history: Doctor.History())
        var values = data.images.values(of: UInt8.self).map {
            (Double($0) / 255 - scaling.mean[0]) / scaling.deviation[0]
        }
        for path in try result.tracedNormalizations().map(\.path) {
            let expected = moments(values)
            let mean = result.variables["\(path).running_mean"]!.value.doubles[0]
            let variance = result.variables["\(path).running_var"]!.value.doubles[0]
            #expect(abs(mean - expected.mean) < 1e-5)
            #expect(abs(variance - expected.variance) < 1e-5 * max(expected.variance, 1))
            values = values.map { ($0 - expected.mean) / (expected.variance + 1e-3).squareRoot() }
        }
    }

    @Test func trainingsEstimatorIsTheMeanOfBatches() throws {
        let data = try TinyData.dataset(96)
        let scaling = try InputScaling(of: data)
        var history = Doctor.History()
        (history.batchSize, history.sampling) = (32, .sequential)
        let result = try Recalibrator(ReferenceEngine()).recalibrate(
            model(), by: .training, on: data, scaling: scaling, history: history)
        let values = data.images.values(of: UInt8.self).map {
            (Double($0) / 255 - scaling.mean[0]) / scaling.deviation[0]
        }
        let batches = (0..<3).map { moments(Array(values[$0 * 32 * 64..<($0 + 1) * 32 * 64])) }
        let path = try result.tracedNormalizations()[0].path
        let found = (
            result.variables["\(path).running_mean"]!.value.doubles[0],
            result.variables["\(path).running_var"]!.value.doubles[0]
        )
        #expect(abs(found.0 - batches.map(\.mean).reduce(0, +) / 3) < 1e-5)
        #expect(abs(found.1 - batches.map(\.variance).reduce(0, +) / 3) < 1e-4)
    }

    @Test func aNetworkWithoutAveragesIsRefused() throws {
        let data = try TinyData.dataset(10)
        let model = try Model(
            Small(classes: 3, width: 0.25, normalization: Normalization(.group(2))), input: [8, 8, 1])
        #expect(throws: TrainingError.self) {
            try Recalibrator(ReferenceEngine()).recalibrate(
                model, by: .population, on: data, scaling: InputScaling(of: data),
                history: Doctor.History())
        }
    }

    /// Outputs of a normalization with two kinds of averages, computed value by value.
    @Test func outputDifferencesAreThoseOfOutputs() throws {
        var random = Random(seed: 1, stream: "values")
        let values = (0..<2).map { channel in
            (0..<500).map { _ in Double(channel) + random.normal() * Double(channel + 1) }
        }
        func biased(_ values: [Double]) -> (Double, Double) {
            let (mean, variance) = moments(values)
            return (mean, variance * Double(values.count - 1) / Double(values.count))
        }
        let input = LayerAverages(
            means: values.map { biased($0).0 }, variances: values.map { biased($0).1 })
        let one = LayerAverages(means: [0.3, 0.9], variances: [2, 3])
        let other = LayerAverages(means: [0, 1], variances: [1, 4])
        let (gamma, beta) = ([1.5, 0.5], [0.2, -1.0])
        var (squares, sizes) = ([0.0, 0.0], [0.0, 0.0])
        for channel in 0..<2 {
            for x in values[channel] {
                func y(_ averages: LayerAverages) -> Double {
                    gamma[channel] * (x - averages.means[channel])
                        / (averages.variances[channel] + 1e-3).squareRoot() + beta[channel]
                }
                squares[channel] += (y(one) - y(other)) * (y(one) - y(other))
                sizes[channel] += y(other) * y(other)
            }
        }
        let found = one.outputDifference(
            from: other, input: input, epsilon: 1e-3, gamma: gamma, beta: beta)
        #expect(abs(found.all - ((squares[0] + squares[1]) / (sizes[0] + sizes[1])).squareRoot()) < 1e-9)
        let worst = (0..<2).map { (squares[$0] / sizes[$0]).squareRoot() }.max()!
        #expect(abs(found.worst - worst) < 1e-9)
    }

    /// Of independent values the bootstrap's error is σ/√n, of equal ones in groups of k √k times as much.
    @Test(arguments: [1, 8]) func theBootstrapKnowsGroups(size: Int) {
        var random = Random(seed: 2, stream: "values")
        let values = (0..<200).flatMap { _ in [Double](repeating: random.normal(), count: size) }
        let found = PairedDifference(loss: values, accuracy: values, inGroupsOf: size, seed: 0)
        let (mean, variance) = moments(values)
        #expect(abs(found.lossError / (variance / 200).squareRoot() - 1) < 0.2)
        #expect(abs(found.loss - mean) < 1e-12)
    }
}
