import Foundation
import RenormFormats
import RenormImages
import Testing

@Suite struct SamplingTests {
    /// 100 examples of 5 classes of unequal size: 40, 30, 20, 9, 1, mixed.
    private static let labels: [Int32] = {
        let sorted = zip([40, 30, 20, 9, 1], 0...).flatMap { [Int32](repeating: $1, count: $0) }
        return (0..<100).map { sorted[$0 * 37 % 100] }
    }()

    private func sampler(
        _ sampling: Sampling, batch: Int, group: Int? = nil, seed: UInt64 = 1, labels: [Int32] = labels
    ) throws -> BatchSampler {
        try BatchSampler(
            sampling, labels: labels, classCount: 5, batchSize: batch, groupSize: group, seed: seed)
    }

    @Test func anEpochShufflesEveryExampleOnce() throws {
        let sampler = try sampler(.shuffled, batch: 10)
        #expect(sampler.stepsPerEpoch == 10)
        var orders: [[Int]] = []
        for epoch in 0..<3 {
            let order = (0..<10).flatMap { sampler.indices(step: epoch * 10 + $0) }
            #expect(order.sorted() == Array(0..<100))
            orders.append(order)
        }
        #expect(Set(orders).count == 3)
    }

    @Test(arguments: [
        Sampling.shuffled, .sequential, .sorted, .labelBlocks(labels: 8, each: 4), .sortedBatches,
        .sortedBatchesInAnyOrder, .sourceBlocks(batches: 2), .balanced,
    ])
    func everyStepIsAFunctionOfSeedAndStep(sampling: Sampling) throws {
        let first = try sampler(sampling, batch: 32)
        let inOrder = (0..<20).map { first.indices(step: $0) }
        let second = try sampler(sampling, batch: 32)
        for step in [13, 2, 19, 0, 7, 13] { #expect(second.indices(step: step) == inOrder[step]) }
        let isRandom = sampling != .sequential && sampling != .sorted
        let otherSeed = try sampler(sampling, batch: 32, seed: 2)
        #expect((otherSeed.indices(step: 0) != inOrder[0]) == isRandom)
    }

    @Test func aLastIncompleteBatchIsDropped() throws {
        let sampler = try sampler(.shuffled, batch: 32)
        #expect(sampler.stepsPerEpoch == 3)
        #expect(sampler.droppedPerEpoch == 4)
        let epoch = (0..<3).flatMap { sampler.indices(step: $0) }
        #expect(Set(epoch).count == 96)
        // Which examples are dropped changes from epoch to epoch.
        #expect(Set((3..<6).flatMap { sampler.indices(step: $0) }) != Set(epoch))
    }

    @Test func sortedBatchesAreShuffledOnesSorted() throws {
        let shuffled = try sampler(.shuffled, batch: 20)
        let sorted = try sampler(.sortedBatches, batch: 20, group: 4)
        let anyOrder = try sampler(.sortedBatchesInAnyOrder, batch: 20, group: 4)
        var isReordered = false
        for step in 0..<7 {
            let indices = sorted.indices(step: step)
            #expect(Set(indices) == Set(shuffled.indices(step: step)))
            let labels = indices.map { Self.labels[$0] }
            #expect(labels == labels.sorted())
            func groups(_ indices: [Int]) -> [[Int]] {
                stride(from: 0, to: 20, by: 4).map { Array(indices[$0..<$0 + 4]) }
            }
            let other = anyOrder.indices(step: step)
            #expect(Set(groups(other)) == Set(groups(indices)))
            isReordered = isReordered || other != indices
        }
        #expect(isReordered)
    }

    /// 100 examples in batches of 16 and groups of 8 leave 4, a group of their own.
    @Test(arguments: [Sampling.sortedBatches, .sortedBatchesInAnyOrder])
    func evaluationsOfSortedBatchesSeeEveryExample(sampling: Sampling) throws {
        let batches = try BatchSampler.evaluationBatches(
            sampling, labels: Self.labels, classCount: 5, batchSize: 16, groupSize: 8, seed: 1)
        #expect(batches.map(\.count) == [16, 16, 16, 16, 16, 16, 4])
        #expect(batches.joined().sorted() == Array(0..<100))
    }

    @Test func blocksTakeOneSourceAfterAnother() throws {
        let sources = (0..<100).map { $0 % 3 == 0 ? 1 : 0 }
        let sampler = try BatchSampler(
            .sourceBlocks(batches: 2), labels: Self.labels, classCount: 5, batchSize: 10, sources: sources,
            seed: 1)
        var seen: [Int: [Int]] = [:]
        for step in 0..<24 {
            let batch = sampler.indices(step: step)
            #expect(Set(batch.map { sources[$0] }) == [step / 2 % 2])
            seen[step / 2 % 2, default: []] += batch
        }
        // Source 0 has 66 examples, so six batches are an epoch in which none comes twice; source 1 has three.
        #expect(Set(seen[0]!.prefix(60)).count == 60 && Set(seen[1]!.prefix(30)).count == 30)
        #expect(Set(seen[1]!.dropFirst(30).prefix(30)).count == 30)
        // 6 of the one and 4 of the other fill no batch.
        #expect(sampler.droppedPerEpoch == 10)
        let error = #expect(throws: ImagesError.self) {
            try BatchSampler(
                .sourceBlocks(batches: 2), labels: Self.labels, classCount: 5, batchSize: 40,
                sources: sources,
                seed: 1)
        }
        #expect("\(String(describing: error))".contains("Source 2 has 34 examples"))
    }

    @Test(arguments: ["sorted-batches", "sorted-batches:any-order", "source-blocks:4"])
    func newOrdersHaveTextForms(text: String) throws {
        #expect(try Sampling(parsing: text).description == text)
    }

    @Test func sequentialIsTheDatasetsOrder() throws {
        let sampler = try sampler(.sequential, batch: 30)
        #expect(sampler.indices(step: 1) == Array(30..<60))
        #expect(sampler.indices(step: 3) == Array(0..<30))
    }

    @Test func sortedRunsThroughTheClasses() throws {
        let sampler = try sampler(.sorted, batch: 10)
        for epoch in 0..<2 {
            let order = (0..<10).flatMap { sampler.indices(step: epoch * 10 + $0) }
            #expect(order.sorted() == Array(0..<100))
            #expect(order.map { Self.labels[$0] } == Self.labels.sorted())
            for label in 0..<5 as Range<Int32> {
                let own = order.filter { Self.labels[$0] == label }
                #expect(own == own.sorted())
            }
        }
    }

    @Test func labelBlocksHaveExactCounts() throws {
        let sampler = try sampler(.labelBlocks(labels: 16, each: 2), batch: 32)
        var drawnLabels = [Int](repeating: 0, count: 5)
        let steps = 500
        for step in 0..<steps {
            let labels = sampler.indices(step: step).map { Self.labels[$0] }
            #expect(labels.count == 32)
            for block in 0..<16 {
                #expect(labels[2 * block] == labels[2 * block + 1])
                drawnLabels[Int(labels[2 * block])] += 1
            }
        }
        // Labels are uniform, although the classes are not: 16·500/5 each, within 5 deviations.
        for count in drawnLabels { #expect(abs(count - 1600) < 5 * 36) }
    }

    @Test func labelBlocksReachEveryExampleOfAClass() throws {
        let sampler = try sampler(.labelBlocks(labels: 4, each: 8), batch: 32)
        var counts = [Int](repeating: 0, count: 100)
        for step in 0..<2000 { for index in sampler.indices(step: step) { counts[index] += 1 } }
        for (index, count) in counts.enumerated() {
            let size = Self.labels.count { $0 == Self.labels[index] }
            let expected = 2000.0 * 32 / 5 / Double(size)
            // Blocks of 8 of one label make the counts of a small class vary more than single draws would.
            #expect(abs(Double(count) - expected) < 0.35 * expected)
        }
    }

    @Test func eachGroupIsADrawOfItsOwn() throws {
        let sampler = try sampler(.labelBlocks(labels: 2, each: 4), batch: 32, group: 8)
        var pairs: Set<[Int32]> = []
        for step in 0..<50 {
            let labels = sampler.indices(step: step).map { Self.labels[$0] }
            for group in 0..<4 {
                let own = Array(labels[group * 8..<(group + 1) * 8])
                #expect(Set(own[0..<4]).count == 1)
                #expect(Set(own[4..<8]).count == 1)
                pairs.insert([own[0], own[4]])
            }
        }
        #expect(pairs.count == 25)
    }

    @Test func labelsAreDrawnWithReplacement() throws {
        let sampler = try sampler(.labelBlocks(labels: 2, each: 1), batch: 2)
        let isPair = (0..<1000).map { step in
            let labels = sampler.indices(step: step).map { Self.labels[$0] }
            return labels[0] == labels[1]
        }
        let share = isPair.count { $0 }
        #expect(abs(share - 200) < 5 * 13)
    }

    @Test(
        arguments: [
            (
                Sampling.shuffled, 101, nil,
                "A batch of 101 was asked of 100 examples. Expected a batch of 1 to 100. "
                    + "Choose another batch size."
            ),
            (
                .shuffled, 0, nil,
                "A batch of 0 was asked of 100 examples. Expected a batch of 1 to 100. Choose "
                    + "another batch size."
            ),
            (
                .shuffled, 64, 12,
                "Groups of 12 examples do not divide a batch of 64. Expected a batch that is a "
                    + "multiple of the group. Choose a batch of 72, or another group."
            ),
            (
                .shuffled, 64, 0,
                "Groups of 0 examples do not divide a batch of 64. Expected a batch that is a "
                    + "multiple of the group. Choose a batch of 64, or another group."
            ),
            (
                .labelBlocks(labels: 16, each: 2), 64, nil,
                "Label blocks of 16 labels × 2 examples make 32 examples. "
                    + "Expected 64, the size of the batch. Choose labels and examples whose product is 64."
            ),
            (
                .labelBlocks(labels: 16, each: 2), 64, 16,
                "Label blocks of 16 labels × 2 examples make 32 examples. "
                    + "Expected 16, the size of a group. Choose labels and examples whose product is 16."
            ),
        ] as [(Sampling, Int, Int?, String)])
    func saysWhatIsWrong(sampling: Sampling, batch: Int, group: Int?, message: String) throws {
        let error = try #require(throws: ImagesError.self) {
            try sampler(sampling, batch: batch, group: group)
        }
        #expect("\(error)" == message)
    }

    @Test func aClassWithoutExamplesCannotBeDrawn() throws {
        let error = try #require(throws: ImagesError.self) {
            try sampler(.labelBlocks(labels: 1, each: 2), batch: 2, labels: [0, 1, 3, 4])
        }
        #expect(
            "\(error)"
                == "There is no example of the class '2' to draw. Expected at least one of each class, because label "
                + "blocks draw from every class. Add examples, or choose another sampling.")
        #expect(try sampler(.sorted, batch: 2, labels: [4, 1, 3, 0]).indices(step: 0) == [3, 1])
    }

    @Test(arguments: [Sampling.shuffled, .sequential, .sorted])
    func evaluationSeesEveryExampleOnce(sampling: Sampling) throws {
        for (batch, group) in [(32, nil), (7, nil), (1000, nil), (32, 16), (32, 8), (96, 3)] as [(Int, Int?)]
        {
            let batches = try BatchSampler.evaluationBatches(
                sampling, labels: Self.labels, classCount: 5, batchSize: batch, groupSize: group, seed: 1)
            #expect(batches.flatMap(\.self).sorted() == Array(0..<100))
            #expect(batches.dropLast(2).allSatisfy { $0.count == batch })
            if let group { #expect(batches.dropLast().allSatisfy { $0.count % group == 0 }) }
        }
    }

    /// Sources of 66 and 34 examples, in batches of 16 and groups of 8.
    @Test func evaluationBatchesAreOfOneSourceEach() throws {
        let sources = (0..<100).map { $0 % 3 == 0 ? 1 : 0 }
        let batches = try BatchSampler.evaluationBatches(
            .sourceBlocks(batches: 2), labels: Self.labels, classCount: 5, batchSize: 16, groupSize: 8,
            sources: sources, seed: 1)
        #expect(batches.map(\.count) == [16, 16, 16, 16, 2, 16, 16, 2])
        #expect(batches.map { Set($0.map { sources[$0] }) } == [0, 0, 0, 0, 0, 1, 1, 1].map { [$0] })
        #expect(batches.joined().sorted() == Array(0..<100))
    }

    @Test func theLastEvaluationBatchIsKept() throws {
        func sizes(_ batch: Int, _ group: Int?) throws -> [Int] {
            try BatchSampler.evaluationBatches(
                .sequential, labels: Self.labels, classCount: 5, batchSize: batch, groupSize: group, seed: 1
            ).map(\.count)
        }
        #expect(try sizes(32, nil) == [32, 32, 32, 4])
        #expect(try sizes(48, 8) == [48, 48, 4])
        #expect(try sizes(48, 3) == [48, 48, 3, 1])
        #expect(try sizes(50, nil) == [50, 50])
    }

    @Test(arguments: ["shuffled", "balanced", "sequential", "sorted", "label-blocks:16x2"])
    func samplingsAreWords(text: String) throws {
        let sampling = try Sampling(parsing: text)
        #expect("\(sampling)" == text)
        let data = try JSONCoder.encode([sampling])
        #expect(data == "[\"\(text)\"]")
        #expect(try JSONCoder.decode([Sampling].self, from: data) == [sampling])
    }

    @Test(arguments: [
        "", "random", "label-blocks", "label-blocks:", "label-blocks:16", "label-blocks:16x",
        "label-blocks:0x2",
        "label-blocks:16x2x3", "label-blocks:-1x-2", "labels:16x2",
    ])
    func otherWordsAreRefused(text: String) throws {
        let error = try #require(throws: ImagesError.self) { try Sampling(parsing: text) }
        #expect(
            "\(error)"
                == "\"\(text)\" is no sampling. Expected shuffled, balanced, sequential, sorted, sorted-batches, sorted-batches:any-order, "
                + "source-blocks:N (as source-blocks:4), label-blocks:LxE (as label-blocks:16x2). Choose one of these."
        )
    }
}
