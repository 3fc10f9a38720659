import RenormLayers

/// In what the update of one parameter differs from that of others.
struct ParameterRules {
    /// What the learning rate of a parameter is multiplied by, by path; 1 where it is missing.
    var rateFactors: [String: Double] = [:]
    /// The step since which a parameter is trained, by path; 0 where it is missing.
    var trainedSince: [String: Int]

    /// - Throws: `GraphError` if images do not fit the model.
    init(_ model: Model, _ options: TrainingOptions, _ trainedSince: [String: Int]) throws {
        self.trainedSince = trainedSince
        guard options.layerDecay != 1 else { return }
        // A product, so that no machine's power function decides the last bit.
        rateFactors = try model.unitsAfter().mapValues { units in
            (0..<units).reduce(1.0) { factor, _ in factor * options.layerDecay }
        }
    }
}
