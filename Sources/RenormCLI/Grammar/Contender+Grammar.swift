import Renorm

extension Experiment.Contender {
    /// Reads a normalization with options, as `NormalizationGrammar` reads them, and among them another learning rate than
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
        let normalization = try NormalizationGrammar(
            labelled.words.filter { !$0.hasPrefix(option) }
        ) { labelled.error("normalization", found: $0, expected: $1) }
        self.init(labelled.name, text: labelled.text) { [rate] recipe in
            let steps = recipe.configuration.steps
            recipe.architecture.normalization = normalization.value(in: recipe.setting, steps: steps)
            if let rate { recipe.configuration.options.learningRate = .cosine(from: rate, steps: steps) }
        }
    }
}
