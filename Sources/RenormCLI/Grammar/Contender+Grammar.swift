import Renorm

extension Experiment.Contender {
    /// Reads a normalization with options, as `NormalizationText` reads them, and among them another learning rate than
    /// the experiment's; with a name of one's own before them if wanted:
    ///
    ///     batch
    ///     BRN by hand: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.05
    ///     group:8 learning-rate=0.05
    ///
    /// - Throws: `UsageError`.
    package init(parsing description: String) throws {
        let labelled = LabelledText(description)
        let option = "learning-rate="
        var rate: Double?
        for word in labelled.words where word.hasPrefix(option) {
            rate = Double(word.dropFirst(option.count))
            guard let rate, (1e-12...1e12).contains(rate) else {
                throw labelled.error(
                    "normalization", found: "'\(word)'", expected: "learning-rate= a number above 0")
            }
        }
        let normalization = labelled.words.filter { !$0.hasPrefix(option) }.joined(separator: " ")
        do {
            // What is wrong with it is wrong in every setting.
            let run = NormalizationText.Run(steps: 1000, batchSize: 32, examples: 8)
            _ = try Normalization(parsing: normalization, in: run)
        } catch let error as NormalizationTextError {
            throw labelled.error("normalization", found: error.found, expected: error.expected)
        }
        self.init(labelled.name, text: labelled.text) { [rate] recipe in
            let steps = recipe.configuration.steps
            let run = NormalizationText.Run(
                steps: steps, batchSize: recipe.setting.batchSize, examples: recipe.setting.examples)
            recipe.architecture.normalization = try Normalization(parsing: normalization, in: run)
            if let rate { recipe.configuration.options.learningRate = .cosine(from: rate, steps: steps) }
        }
    }
}
