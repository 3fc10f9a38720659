import Foundation
import Renorm
import RenormTestSupport

/// A normalization alone on images `[8, 5, 5, C]`, with averages that differ from the batch's moments, so that r and d
/// clip in some channels only.
struct LayerSetting {
    /// Whether it is batch normalization rather than batch renormalization.
    var isBatch = false
    /// Those of batch renormalization; `nil` for automatic ones.
    var limits: Limits? = .open
    var examples: Int?
    var epsilon = 1e-5
    var mean = 0.3
    var deviation = 1.0
    var channels = 17
    var batch = 8
    var side = 5

    var images: NDArray {
        randomArray([batch, side, side, channels], mean: mean, deviation: deviation)
    }

    /// Random numbers to weight outputs with.
    var weights: NDArray { randomArray([batch, side, side, channels], seed: 9) }

    var normalization: Normalization {
        if isBatch { return Normalization(.batch(averagingRate: 0.1, examples: examples), epsilon: epsilon) }
        return Normalization(
            .batchRenorm(limits.map { .limits($0, averagingRate: 0.1) } ?? .automatic, examples: examples),
            epsilon: epsilon)
    }

    var deviations: [Double] {
        randomArray([channels], seed: 5, deviation: 0.7).doubles.map { deviation * exp($0) }
    }

    func model() throws -> Model {
        let values = [
            "weight": randomArray([channels], seed: 2, mean: 1, deviation: 0.3),
            "bias": randomArray([channels], seed: 3, deviation: 0.5),
            "running_mean": randomArray([channels], seed: 4, mean: mean, deviation: deviation),
            "num_batches_tracked": NDArray(scalar: Int64(5)),
            isBatch ? "running_var" : "running_std": vector(
                isBatch ? deviations.map { $0 * $0 - epsilon } : deviations),
        ]
        return try Model(normalization, input: [side, side, channels]).with(values)
    }

    /// One channel of one group of examples, for the oracle in plain Double.
    func oracle(_ model: Model, _ images: NDArray, channel: Int, group: Int, rMax: Double, dMax: Double)
        -> ScalarRenorm
    {
        let together = examples ?? batch
        func value(_ path: String) -> Double { model.variables[path]!.value.doubles[channel] }
        return ScalarRenorm(
            values: images.channel(channel, examples: group * together..<(group + 1) * together),
            gamma: value("weight"), beta: value("bias"), epsilon: epsilon, mean: value("running_mean"),
            deviation: value("running_std"), rMax: rMax, dMax: dMax)
    }
}
