import RenormLayers

/// A way of normalizing that is compared with others: a normalization, the same for all layers.
///
/// As text: a normalization (`NormalizationText`), with a name of one's own before it if wanted, and `learning-rate=` for
/// another learning rate than the comparison's:
///
///     batch
///     batch examples=half
///     BRN by hand: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.05
///     group:8 learning-rate=0.05
public struct Contender: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// The text that it was read from, without the name.
    public var text: String
    /// The text of the normalization alone.
    private var normalizationText: String
    /// The learning rate, if it has one of its own.
    public var learningRate: Double?

    /// Reads the text form.
    ///
    /// - Throws: `ExperimentError.contender`.
    public init(_ description: String) throws {
        let parts = description.split(separator: ": ", maxSplits: 1).map(String.init)
        text = parts.last ?? ""
        name = parts.count > 1 ? parts[0] : text
        var words = text.split(separator: " ").map(String.init)
        if let index = words.firstIndex(where: { $0.hasPrefix("learning-rate=") }) {
            let word = words.remove(at: index)
            guard let rate = Double(word.dropFirst(14)), (1e-12...1e12).contains(rate) else {
                throw ExperimentError.contender(
                    text: description, found: "'\(word)'", expected: "learning-rate= a number above 0")
            }
            learningRate = rate
        }
        normalizationText = words.joined(separator: " ")
        do {
            // What is wrong with it is wrong in every setting.
            _ = try Normalization(
                parsing: normalizationText, in: NormalizationText.Run(steps: 1000, batchSize: 32, examples: 8)
            )
        } catch let error as NormalizationTextError {
            throw ExperimentError.contender(
                text: description, found: error.found, expected: error.expected)
        }
    }

    /// The layer in a setting, in a run of so many steps.
    public func normalization(in setting: ExperimentSetting, steps: Int) throws -> Normalization {
        try Normalization(
            parsing: normalizationText,
            in: NormalizationText.Run(
                steps: steps, batchSize: setting.batchSize, examples: setting.examples))
    }
}
