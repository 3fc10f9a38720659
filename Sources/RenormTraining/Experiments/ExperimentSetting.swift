import RenormImages

/// How batches are made in a comparison: their order, their size, and how many examples are normalized together.
///
/// As text: the order (`Sampling`), then options, with a name of one's own before them if wanted:
///
///     shuffled
///     groups of 4: shuffled examples=4
///     one label × 8: label-blocks:1x8 examples=8 batch=32
public struct ExperimentSetting: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// The text that it was read from, without the name, with the batch if that is not 32.
    public var text: String
    /// The order of examples.
    public var sampling: Sampling
    /// Examples of a batch.
    public var batchSize: Int
    /// Examples normalized together.
    public var examples: Int

    /// Reads the text form.
    ///
    /// - Throws: `ExperimentError.setting`.
    public init(_ description: String, batchSize: Int = 32) throws {
        let parts = description.split(separator: ": ", maxSplits: 1).map(String.init)
        text = parts.last ?? ""
        name = parts.count > 1 ? parts[0] : text
        self.batchSize = batchSize
        var words = text.split(separator: " ").map(String.init)
        guard !words.isEmpty else {
            throw ExperimentError.setting(
                text: description, found: "no order of examples", expected: "such as shuffled")
        }
        sampling = try Sampling(parsing: words.removeFirst())
        var together: Int?
        for word in words {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, let number = Int(pair[1]), (1...TrainingLimits.examples).contains(number),
                ["examples", "batch"].contains(pair[0])
            else {
                throw ExperimentError.setting(
                    text: description, found: "'\(word)'",
                    expected: "examples=NUMBER or batch=NUMBER, 1 to \(TrainingLimits.examples)")
            }
            if pair[0] == "batch" { self.batchSize = number } else { together = number }
        }
        if batchSize != 32, !text.contains(" batch=") { text += " batch=\(batchSize)" }
        examples = together ?? self.batchSize
        guard self.batchSize % examples == 0 else {
            throw ExperimentError.setting(
                text: description, found: "groups of \(examples) in batches of \(self.batchSize)",
                expected: "a divisor of the batch")
        }
    }
}

/// What is wrong with a comparison that was asked for.
public enum ExperimentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A normalization that cannot be read.
    case contender(text: String, found: String, expected: String)
    /// A setting that cannot be read.
    case setting(text: String, found: String, expected: String)
    /// Results in a folder that are of another comparison.
    case otherResults(path: String, found: String, expected: String)
    /// A line of results that cannot be read.
    case unreadable(path: String, line: Int, reason: String)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .contender(let text, let found, let expected):
            "The normalization '\(text)': found \(found); expected \(expected). Change it."
        case .setting(let text, let found, let expected):
            "The setting '\(text)': found \(found); expected \(expected). Change it."
        case .otherResults(let path, let found, let expected):
            "'\(path)' holds results of another comparison: found \(found); expected \(expected). Choose another folder, "
                + "or the options that made it."
        case .unreadable(let path, let line, let reason):
            "'\(path)', line \(line), is no \(line == 1 ? "description of a comparison by this version" : "result"): \(reason). "
                + (line == 1
                    ? "Choose another folder, or delete this one to make its runs again."
                    : "Delete the line; its run is then made again.")
        }
    }
}
