import RenormArrays

/// Which examples are in the batch of each training step: a pure function of (seed, step), so a run resumed at a step
/// needs to know nothing else.
///
///     let sampler = try BatchSampler(.shuffled, dataset: training, batchSize: 64, seed: 1)
///     sampler.indices(step: 0)  // 64 indices into `training`
///
/// An epoch is as many whole batches as the dataset has; what is left over is not trained on in that epoch.
public struct BatchSampler: Sendable {
    /// The order.
    public let sampling: Sampling
    /// The number of examples in each batch.
    public let batchSize: Int
    /// The number of examples that are normalized together, a divisor of the batch; `nil`: all.
    public let groupSize: Int?
    /// What the draws depend on, with the step.
    public let seed: UInt64
    /// The number of examples in the dataset.
    public let count: Int

    /// The class of each example. Only for sorted batches.
    let labels: [Int32]
    /// The examples of each source. Only for blocks of sources.
    let bySource: [[Int]]
    /// Examples sorted by class; class c is `byClass[starts[c]..<starts[c + 1]]`. Only for samplings by class.
    let byClass: [Int]
    private let starts: [Int]
    /// The classes that have examples. Only for balanced batches.
    private let classes: [Int]
    private let permutations = Permutations()

    /// A sampler for training.
    ///
    /// - Parameters:
    ///   - labels: the class of each example.
    ///   - classCount: the number of classes.
    ///   - classNames: what messages call them; `nil`: by number.
    ///   - groupSize: the number of examples normalized together, if not the whole batch.
    ///   - sources: the source of each example, for blocks of sources; `nil`: there is one source.
    ///   - sourceNames: what messages call the sources; `nil`: by number.
    /// - Throws: `ImagesError` if the batch is larger than the dataset, the group does not divide it, the label blocks
    ///   do not fill the batch (or group), or a class to draw from has no example.
    public init(
        _ sampling: Sampling, labels: [Int32], classCount: Int, classNames: [String]? = nil, batchSize: Int,
        groupSize: Int? = nil, sources: [Int]? = nil, sourceNames: [String]? = nil, seed: UInt64
    ) throws {
        guard batchSize > 0, batchSize <= labels.count else {
            throw ImagesError.batchSize(requested: batchSize, available: labels.count)
        }
        try self.init(
            checked: sampling, labels: labels, classCount: classCount, classNames: classNames,
            batchSize: batchSize, groupSize: groupSize, sources: sources, seed: seed)
        if let examples = bySource.first(where: { $0.count < batchSize }), let sources {
            let source = sources[examples[0]]
            throw ImagesError.sourceTooSmall(
                source: sourceNames?[source] ?? "\(source + 1)", examples: examples.count, batch: batchSize)
        }
    }

    /// A sampler for training on a dataset.
    public init(
        _ sampling: Sampling, dataset: Dataset, batchSize: Int, groupSize: Int? = nil, seed: UInt64
    ) throws {
        try self.init(
            sampling, labels: dataset.labels, classCount: dataset.classCount,
            classNames: dataset.classNames, batchSize: batchSize, groupSize: groupSize,
            sources: sampling.isBySource ? dataset.sourceOfExamples : nil, sourceNames: dataset.sources,
            seed: seed)
    }

    init(
        checked sampling: Sampling, labels: [Int32], classCount: Int, classNames: [String]?, batchSize: Int,
        groupSize: Int?, sources: [Int]?, seed: UInt64
    ) throws {
        precondition(sampling.fault == nil, "\(sampling)")
        if let groupSize, groupSize < 1 || batchSize % groupSize != 0 {
            throw ImagesError.groupSize(group: groupSize, batch: batchSize)
        }
        var byClass: [Int] = []
        var starts: [Int] = []
        if sampling.isByClass {
            (byClass, starts) = BatchSampler.sortedByClass(labels, classCount: classCount)
        }
        if case .labelBlocks(let perGroup, let each) = sampling {
            let size = groupSize ?? batchSize
            let (product, overflow) = perGroup.multipliedReportingOverflow(by: each)
            guard !overflow, product == size, perGroup > 0 else {
                throw ImagesError.labelBlocks(
                    labels: perGroup, each: each, size: size, isGroup: groupSize != nil)
            }
            if let label = (0..<classCount).first(where: { starts[$0] == starts[$0 + 1] }) {
                throw ImagesError.classWithoutExamples(name: classNames?[label] ?? "\(label)")
            }
        }
        self.sampling = sampling
        self.batchSize = batchSize
        self.groupSize = groupSize
        self.seed = seed
        count = labels.count
        let needsLabels = sampling == .sortedBatches || sampling == .sortedBatchesInAnyOrder
        self.labels = needsLabels ? labels : []
        var bySource: [[Int]] = []
        if case .sourceBlocks = sampling {
            let sources = sources ?? [Int](repeating: 0, count: labels.count)
            bySource = [[Int]](repeating: [], count: (sources.max() ?? 0) + 1)
            for (index, source) in sources.enumerated() { bySource[source].append(index) }
            bySource.removeAll { $0.isEmpty }
        }
        self.bySource = bySource
        self.byClass = byClass
        self.starts = starts
        classes =
            sampling == .balanced ? (0..<classCount).filter { starts[$0] < starts[$0 + 1] } : []
    }

    /// The number of batches in an epoch. With sources in blocks and with balanced batches, where each source or class has
    /// epochs of its own, and with label blocks it is the batches that all examples would make.
    public var stepsPerEpoch: Int { count / batchSize }

    /// The number of examples that an epoch leaves out because they do not fill a batch.
    public var droppedPerEpoch: Int {
        switch sampling {
        case .labelBlocks, .balanced: return 0
        case .sourceBlocks: return bySource.reduce(0) { $0 + $1.count % batchSize }
        default: return count % batchSize
        }
    }

    /// The examples in the batch of training step `step` (from 0), as indices into the dataset.
    public func indices(step: Int) -> [Int] {
        var result: [Int] = []
        write(step: step, into: &result)
        return result
    }

    /// Replaces `indices` by those of a step, in the memory that it has.
    package func write(step: Int, into indices: inout [Int]) {
        precondition(step >= 0, "step \(step)")
        indices.removeAll(keepingCapacity: true)
        let first = step % stepsPerEpoch * batchSize
        switch sampling {
        case .shuffled:
            appendShuffled(step: step, first: first, to: &indices)
        case .sortedBatches, .sortedBatchesInAnyOrder:
            appendShuffled(step: step, first: first, to: &indices)
            sortByClass(&indices, step: step)
        case .sourceBlocks(let batches):
            appendBatch(ofBlocks: batches, step: step, to: &indices)
        case .sequential:
            indices.append(contentsOf: first..<first + batchSize)
        case .sorted:
            indices.append(contentsOf: byClass[first..<first + batchSize])
        case .labelBlocks(let labels, let each):
            var random = Random(seed: seed, stream: "label blocks", counter: step)
            while indices.count < batchSize {
                appendBlock(labels: labels, each: each, random: &random, to: &indices)
            }
        case .balanced:
            for position in 0..<batchSize {
                indices.append(balanced(step.saturatingProduct(batchSize).saturatingSum(position)))
            }
        }
    }

    private func appendShuffled(step: Int, first: Int, to indices: inout [Int]) {
        permutations.of(.examples, epoch: step / stepsPerEpoch, count: count, seed: seed) {
            indices.append(contentsOf: $0[first..<first + batchSize])
        }
    }

    func sortByClass(_ indices: inout [Int], step: Int) {
        indices.sort { (labels[$0], $0) < (labels[$1], $1) }
        // The last batch of an evaluation may be smaller than a group, and is one then.
        guard sampling == .sortedBatchesInAnyOrder, let size = groupSize, size <= indices.count else {
            return
        }
        var random = Random(seed: seed, stream: "order of groups", counter: step)
        let sorted = indices
        indices = random.permutation(sorted.count / size).flatMap { sorted[$0 * size..<($0 + 1) * size] }
    }

    private func appendBatch(ofBlocks batches: Int, step: Int, to indices: inout [Int]) {
        let block = step / batches
        let source = block % bySource.count
        let examples = bySource[source]
        let batch = block / bySource.count * batches + step % batches
        let batchesInEpoch = examples.count / batchSize
        let first = batch % batchesInEpoch * batchSize
        permutations.of(
            .source(source), epoch: batch / batchesInEpoch, count: examples.count, seed: seed
        ) { order in
            indices.append(contentsOf: order[first..<first + batchSize].map { examples[$0] })
        }
    }

    private func appendBlock(labels: Int, each: Int, random: inout Random, to indices: inout [Int]) {
        for _ in 0..<labels {
            let label = random.integer(below: starts.count - 1)
            let range = starts[label]..<starts[label + 1]
            for _ in 0..<each {
                indices.append(byClass[range.lowerBound + random.integer(below: range.count)])
            }
        }
    }

    /// The example at a place in the sequence of all balanced batches. A class comes once in as many places as there are
    /// classes; its examples come in epochs of its own.
    private func balanced(_ place: Int) -> Int {
        let (block, position) = place.quotientAndRemainder(dividingBy: classes.count)
        let label = permutations.of(.classes, epoch: block, count: classes.count, seed: seed) {
            classes[$0[position]]
        }
        let examples = starts[label]..<starts[label + 1]
        let (epoch, next) = block.quotientAndRemainder(dividingBy: examples.count)
        return permutations.of(.class(label), epoch: epoch, count: examples.count, seed: seed) {
            byClass[examples.lowerBound + $0[next]]
        }
    }

    private static func sortedByClass(_ labels: [Int32], classCount: Int) -> ([Int], [Int]) {
        var starts = [Int](repeating: 0, count: classCount + 1)
        for label in labels { starts[Int(label) + 1] += 1 }
        for label in 0..<classCount { starts[label + 1] += starts[label] }
        var next = starts
        var order = [Int](repeating: 0, count: labels.count)
        for (index, label) in labels.enumerated() {
            order[next[Int(label)]] = index
            next[Int(label)] += 1
        }
        return (order, starts)
    }
}
