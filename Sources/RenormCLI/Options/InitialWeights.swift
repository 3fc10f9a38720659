import Foundation
import Renorm

/// The weights that a run starts from (`--init`), and what they say of its network.
struct InitialWeights {
    let file: VariablesFile
    /// The network that they are of, as far as the file says it.
    let match: WeightsMatch
    /// The changes to parts of a network that was saved to go on with.
    var overrides: [Override] = []
}

extension TrainOptions {
    /// These options with the network of the weights that the run starts from, where no other is asked for, and these weights.
    func startingFromWeights() throws -> (TrainOptions, InitialWeights?) {
        guard let url = self.`init`?.url else { return (self, nil) }
        let file = try VariablesFile(reading: url)
        for remark in file.remarks { warn("note: \(url.path.visible): \(remark.visible)") }
        var result = self
        var weights: InitialWeights?
        let isModelGiven =
            NeedlessOption.isGiven("model") || network.model.description != NetworkName.small.description
        if let saved = try Classifier.origin(of: file), !isModelGiven {
            result.network.model = try NetworkName(parsing: saved.architecture.name)
            let match = try WeightsMatch(
                of: file,
                for: WeightsMatch.Request(name: saved.architecture.name, stem: saved.architecture.stem))
            weights = InitialWeights(file: file, match: match)
            if saved.isForUse, !NeedlessOption.isGiven("norm") {
                result.normalization.norm = try NormalizationChoice(
                    parsing: saved.architecture.normalization.description)
                weights?.overrides = saved.overrides
            }
        }
        return (
            result,
            try weights
                ?? InitialWeights(
                    file: file,
                    match: WeightsMatch(
                        of: file,
                        for: WeightsMatch.Request(
                            name: network.model.description, description: network.model.described,
                            stem: network.stem)))
        )
    }
}
