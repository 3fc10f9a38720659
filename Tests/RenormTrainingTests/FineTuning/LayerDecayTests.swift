import Renorm
import Testing

/// Rates by depth.
@Suite struct LayerDecayTests {
    /// The parameters after a step of plain SGD.
    private func step(_ decay: Double, accumulation: Int = 1) async throws -> [String: NDArray] {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.group(2)), steps: 1)
        run.configuration.options = TrainingOptions(
            optimizer: .sgd(momentum: 0), learningRate: .constant(0.5), weightDecay: 0.01, layerDecay: decay)
        run.configuration.accumulation = accumulation
        try await run.finish()
        return try run.folder!.arrays(\.last)
    }

    /// A step moves each parameter by decay^(units after it) of what it moves without: `small` has six units, conv1 to conv5 with
    /// their normalizations, and fc.
    @Test(arguments: [1, 2])
    func aStepIsLessByTheUnitsAfterIt(_ accumulation: Int) async throws {
        let start = try TinyRun(normalization: Normalization(.group(2))).configuration.architecture!
            .makeModel(
                seed: 7
            ).variables
        let (plain, decayed) = try await (
            step(1, accumulation: accumulation), step(0.5, accumulation: accumulation)
        )
        let factors = [
            "conv1": 1.0 / 32, "bn1": 1.0 / 32, "conv2": 1.0 / 16, "bn2": 1.0 / 16, "conv3": 0.125,
            "bn3": 0.125, "conv4": 0.25, "bn4": 0.25, "conv5": 0.5, "bn5": 0.5, "fc": 1,
        ]
        for (path, variable) in start where variable.kind == .parameter {
            let factor = try #require(factors[String(path.prefix { $0 != "." })], "\(path)")
            let (before, one, other) = (
                variable.value.doubles, try #require(plain[path]).doubles, try #require(decayed[path]).doubles
            )
            for index in before.indices {
                let expected = (one[index] - before[index]) * factor
                #expect(abs(other[index] - before[index] - expected) < 3e-7, "\(path)")
            }
            #expect(one != before, "\(path)")
        }
    }

    @Test(arguments: [0, -1, 1.5, Double.nan]) func decaysOutOfRangeAreRefused(_ decay: Double) throws {
        var configuration = try TinyRun().configuration
        configuration.options.layerDecay = decay
        #expect(throws: TrainingError.self) { try configuration.check() }
    }
}
