import RenormArrays

extension BatchSampler {
    /// The batches of one evaluation, which see every example once; the last one may be smaller.
    ///
    /// With groups of k examples a last batch that k does not divide is cut in two: whole groups, and the rest as a batch
    /// (and group) of its own. Sources in blocks follow one another, each batch of one of them. Label blocks and balanced batches draw
    /// as many whole batches as the dataset has (at least one), so there examples may be missing or repeated.
    ///
    /// - Throws: `ImagesError` as the initializer; a batch may be larger than the dataset, unless it is drawn.
    public static func evaluationBatches(
        _ sampling: Sampling, labels: [Int32], classCount: Int, classNames: [String]? = nil, batchSize: Int,
        groupSize: Int? = nil, sources: [Int]? = nil, seed: UInt64
    ) throws -> [[Int]] {
        guard batchSize > 0, !labels.isEmpty else {
            throw ImagesError.batchSize(requested: batchSize, available: labels.count)
        }
        let sampler = try BatchSampler(
            checked: sampling, labels: labels, classCount: classCount, classNames: classNames,
            batchSize: batchSize, groupSize: groupSize, sources: sources, seed: seed)
        // What is cut into batches: all in one order, or each source by itself.
        let orders: [[Int]]
        switch sampling {
        case .shuffled, .sortedBatches, .sortedBatchesInAnyOrder:
            var random = Random(seed: seed, stream: "evaluation")
            orders = [random.permutation(labels.count)]
        case .sourceBlocks: orders = sampler.bySource
        case .sequential: orders = [Array(labels.indices)]
        case .sorted: orders = [sampler.byClass]
        case .labelBlocks, .balanced:
            guard batchSize <= labels.count else {
                throw ImagesError.batchSize(requested: batchSize, available: labels.count)
            }
            return (0..<sampler.stepsPerEpoch).map { sampler.indices(step: $0) }
        }
        var batches: [[Int]] = []
        for order in orders {
            var start = 0
            while start < order.count {
                var size = min(batchSize, order.count - start)
                if let groupSize, size >= groupSize { size -= size % groupSize }
                var batch = Array(order[start..<start + size])
                if !sampler.labels.isEmpty { sampler.sortByClass(&batch, step: batches.count) }
                batches.append(batch)
                start += size
            }
        }
        return batches
    }

    /// The batches of one evaluation of a dataset.
    public static func evaluationBatches(
        _ sampling: Sampling = .sequential, dataset: Dataset, batchSize: Int, groupSize: Int? = nil,
        seed: UInt64 = 0
    ) throws -> [[Int]] {
        try evaluationBatches(
            sampling, labels: dataset.labels, classCount: dataset.classCount,
            classNames: dataset.classNames, batchSize: batchSize, groupSize: groupSize,
            sources: sampling.isBySource ? dataset.sourceOfExamples : nil, seed: seed)
    }
}
