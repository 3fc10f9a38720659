import Renorm

extension Experiment.Setting {
    /// Reads an order of examples (`Sampling`) and options, with a name of one's own before them if wanted:
    ///
    ///     shuffled
    ///     groups of 4: shuffled examples=4
    ///     one label × 8: label-blocks:1x8 examples=8 batch=32
    ///
    /// - Throws: `UsageError`; `ImagesError` for an unknown order.
    package init(parsing description: String, batchSize: Int = 32) throws {
        let labelled = LabelledText(description)
        func fail(_ found: String, _ expected: String) -> UsageError {
            labelled.error("setting", found: found, expected: expected)
        }
        var words = labelled.words
        guard !words.isEmpty else { throw fail("no order of examples", "such as shuffled") }
        let sampling = try Sampling(parsing: words.removeFirst())
        var numbers: [String: Int] = [:]
        for word in words {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, let number = Int(pair[1]), (1...TrainingLimits.examples).contains(number),
                ["examples", "batch"].contains(pair[0])
            else {
                throw fail(
                    "'\(word)'", "examples=NUMBER or batch=NUMBER, 1 to \(TrainingLimits.examples)")
            }
            numbers[pair[0]] = number
        }
        let batchSize = numbers["batch"] ?? batchSize
        let examples = numbers["examples"] ?? batchSize
        guard batchSize % examples == 0 else {
            throw fail("groups of \(examples) in batches of \(batchSize)", "a divisor of the batch")
        }
        // Results of other batches than the usual ones are told apart by it.
        let isUsual = numbers["batch"] != nil || batchSize == 32
        self.init(
            labelled.name, text: labelled.text + (isUsual ? "" : " batch=\(batchSize)"), sampling: sampling,
            batchSize: batchSize, examples: examples)
    }
}
