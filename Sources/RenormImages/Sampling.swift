/// In which order, and how often, examples enter batches.
public enum Sampling: Hashable, Sendable {
    /// Each epoch a new permutation of all examples.
    case shuffled
    /// The dataset's order, again each epoch.
    case sequential
    /// Class after class, within a class in the dataset's order: as far from independent as batches can be.
    case sorted
    /// `labels` classes drawn uniformly with replacement, then `each` examples of each, drawn with replacement: the
    /// paper's batches of 16 labels × 2 images (Ioffe 2017, section 4.3). With groups of k examples each group is one
    /// such draw.
    case labelBlocks(labels: Int, each: Int)
}

extension Sampling: CustomStringConvertible, Codable {
    /// Reads `shuffled`, `sequential`, `sorted` or `label-blocks:LxE`.
    ///
    /// - Throws: `ImagesError.unknownChoice`.
    public init(parsing text: String) throws {
        switch text {
        case "shuffled": self = .shuffled
        case "sequential": self = .sequential
        case "sorted": self = .sorted
        default:
            let prefix = "label-blocks:"
            let numbers = text.dropFirst(prefix.count).split(
                separator: "x", omittingEmptySubsequences: false
            ).map { Int($0) }
            guard text.hasPrefix(prefix), numbers.count == 2, let labels = numbers[0],
                let each = numbers[1], labels > 0, each > 0
            else {
                throw ImagesError.unknownChoice(
                    option: "sampling", found: text,
                    choices: ["shuffled", "sequential", "sorted", "label-blocks:LxE (as label-blocks:16x2)"])
            }
            self = .labelBlocks(labels: labels, each: each)
        }
    }

    /// The text form, which `init(parsing:)` reads.
    public var description: String {
        switch self {
        case .shuffled: "shuffled"
        case .sequential: "sequential"
        case .sorted: "sorted"
        case .labelBlocks(let labels, let each): "label-blocks:\(labels)x\(each)"
        }
    }

    /// A sampling is coded as its text form.
    public init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    /// A sampling is coded as its text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
