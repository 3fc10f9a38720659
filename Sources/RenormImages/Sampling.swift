import RenormArrays

/// In which order, and how often, examples enter batches.
public enum Sampling: Hashable, Sendable {
    /// Each epoch a new permutation of all examples.
    case shuffled
    /// The dataset's order, again each epoch.
    case sequential
    /// Class after class, within a class in the dataset's order: as far from independent as batches can be.
    case sorted
    /// Each epoch a new permutation, but each batch sorted by class: independent batches whose groups of k examples are
    /// as uneven as they can be.
    case sortedBatches
    /// The same with the groups of each batch in random order.
    case sortedBatchesInAnyOrder
    /// Each batch from one of the dataset's sources: so many batches from one, then as many from the next. Within a
    /// source each epoch is a new permutation.
    case sourceBlocks(batches: Int)
    /// `labels` classes drawn uniformly with replacement, then `each` examples of each, drawn with replacement: the
    /// paper's batches of 16 labels × 2 images (Ioffe 2017, section 4.3). With groups of k examples each group is one
    /// such draw.
    case labelBlocks(labels: Int, each: Int)
    /// Every class equally often, whatever the number of its examples: the classes (those that have examples) come in one
    /// random order after another, and the examples of each in epochs of its own, so that none comes again before all of its
    /// class have been.
    case balanced
}

extension Sampling: TextCoded {
    /// Reads `shuffled`, `balanced`, `sequential`, `sorted`, `sorted-batches`, `sorted-batches:any-order`, `source-blocks:N` or
    /// `label-blocks:LxE`.
    ///
    /// - Throws: `ImagesError.unknownChoice`.
    public init(parsing text: String) throws {
        switch text {
        case "shuffled": self = .shuffled
        case "sequential": self = .sequential
        case "sorted": self = .sorted
        case "sorted-batches": self = .sortedBatches
        case "sorted-batches:any-order": self = .sortedBatchesInAnyOrder
        case "balanced": self = .balanced
        default:
            let sources = "source-blocks:"
            if text.hasPrefix(sources), let batches = Int(text.dropFirst(sources.count)), batches > 0 {
                self = .sourceBlocks(batches: batches)
                return
            }
            let prefix = "label-blocks:"
            let numbers = text.dropFirst(prefix.count).split(
                separator: "x", omittingEmptySubsequences: false
            ).map { Int($0) }
            guard text.hasPrefix(prefix), numbers.count == 2, let labels = numbers[0],
                let each = numbers[1], labels > 0, each > 0
            else {
                throw ImagesError.unknownChoice(
                    option: "sampling", found: text,
                    choices: [
                        "shuffled", "balanced", "sequential", "sorted", "sorted-batches",
                        "sorted-batches:any-order",
                        "source-blocks:N (as source-blocks:4)",
                        "label-blocks:LxE (as label-blocks:16x2)",
                    ])
            }
            self = .labelBlocks(labels: labels, each: each)
        }
    }

    /// The text forms, for help.
    public static let names =
        "shuffled, balanced, sequential, sorted, sorted-batches, sorted-batches:any-order, source-blocks:N or label-blocks:LxE"

    /// The text form, which `init(parsing:)` reads.
    public var description: String {
        switch self {
        case .shuffled: "shuffled"
        case .sequential: "sequential"
        case .sorted: "sorted"
        case .sortedBatches: "sorted-batches"
        case .sortedBatchesInAnyOrder: "sorted-batches:any-order"
        case .sourceBlocks(let batches): "source-blocks:\(batches)"
        case .labelBlocks(let labels, let each): "label-blocks:\(labels)x\(each)"
        case .balanced: "balanced"
        }
    }

    /// What messages call it.
    public static let kind = "sampling"
}

extension Sampling: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        switch self {
        case .sourceBlocks(let batches):
            Fault(of: "sampling", "\(self)", "at least 1 batch", unless: batches >= 1)
        case .labelBlocks(let labels, let each):
            Fault(of: "sampling", "\(self)", "at least 1 label and 1 image", unless: labels >= 1 && each >= 1)
        default: nil
        }
    }
}

extension Sampling {
    /// Whether an epoch may miss examples or repeat them.
    package var repeatsExamples: Bool {
        switch self {
        case .labelBlocks, .balanced: true
        default: false
        }
    }

    /// Whether the batches of an evaluation depend on a seed.
    package var isRandomInEvaluation: Bool {
        switch self {
        case .shuffled, .sortedBatches, .sortedBatchesInAnyOrder, .labelBlocks, .balanced: true
        case .sequential, .sorted, .sourceBlocks: false
        }
    }

    /// Whether examples are taken class by class.
    var isByClass: Bool {
        switch self {
        case .sorted, .labelBlocks, .balanced: true
        default: false
        }
    }

    /// Whether examples are taken source by source.
    var isBySource: Bool {
        if case .sourceBlocks = self { true } else { false }
    }
}
