import RenormImages
import Testing

/// Every class equally often, without replacement within a class.
@Suite struct BalancedSamplingTests {
    /// 100 examples of five classes of 40, 30, 20, 9 and 1, mixed, and of a sixth that has none.
    private static let labels: [Int32] = {
        let sorted = zip([40, 30, 20, 9, 1], [0, 1, 3, 4, 5]).flatMap { [Int32](repeating: $1, count: $0) }
        return (0..<100).map { sorted[$0 * 37 % 100] }
    }()

    private func sampler(batch: Int, seed: UInt64 = 1) throws -> BatchSampler {
        try BatchSampler(.balanced, labels: Self.labels, classCount: 6, batchSize: batch, seed: seed)
    }

    /// A batch of 7 begins in the middle of an order of the five classes.
    @Test(arguments: [1, 5, 7, 32])
    func classesComeEquallyOften(batch: Int) throws {
        let sampler = try sampler(batch: batch)
        #expect(sampler.stepsPerEpoch == 100 / batch && sampler.droppedPerEpoch == 0)
        let order = (0..<700 / batch).flatMap { sampler.indices(step: $0) }
        var orders: Set<[Int32]> = []
        for start in stride(from: 0, to: order.count - 4, by: 5) {
            let block = order[start..<start + 5].map { Self.labels[$0] }
            #expect(block.sorted() == [0, 1, 3, 4, 5])
            orders.insert(block)
        }
        #expect(orders.count > 50)
    }

    @Test func noExampleComesAgainBeforeAllOfItsClassHaveBeen() throws {
        let sampler = try sampler(batch: 10)
        let order = (0..<200).flatMap { sampler.indices(step: $0) }
        for (label, count) in [(0, 40), (1, 30), (3, 20), (4, 9), (5, 1)] as [(Int32, Int)] {
            let own = order.filter { Self.labels[$0] == label }
            #expect(own.count == 400)
            var epochs: [[Int]] = []
            for start in stride(from: 0, through: own.count - count, by: count) {
                epochs.append(Array(own[start..<start + count]))
                #expect(Set(epochs.last!).count == count)
            }
            // Each epoch has an order of its own.
            if count > 8 { #expect(Set(epochs).count == epochs.count) }
        }
    }

    @Test func theSequenceDoesNotDependOnTheBatch() throws {
        let (small, large) = (try sampler(batch: 6), try sampler(batch: 30))
        #expect((0..<50).flatMap { small.indices(step: $0) } == (0..<10).flatMap { large.indices(step: $0) })
        #expect(try sampler(batch: 6, seed: 2).indices(step: 0) != small.indices(step: 0))
    }

    /// As many whole batches as the dataset has.
    @Test func evaluationsAreBalanced() throws {
        func batches(_ seed: UInt64) throws -> [[Int]] {
            try BatchSampler.evaluationBatches(
                .balanced, labels: Self.labels, classCount: 6, batchSize: 20, seed: seed)
        }
        #expect(try batches(1).map(\.count) == [20, 20, 20, 20, 20])
        for batch in try batches(1) {
            for label in [0, 1, 3, 4, 5] as [Int32] { #expect(batch.count { Self.labels[$0] == label } == 4) }
        }
        #expect(try batches(1) != batches(2))
    }

    /// A step draws no more with 1,300,000 examples than with 1,300, once the epochs of its classes are drawn.
    @Test func aStepTakesNoLongerWithManyExamples() throws {
        func time(_ count: Int) throws -> Duration {
            let sampler = try BatchSampler(
                .balanced, labels: (0..<count).map { Int32($0 % 13) }, classCount: 13, batchSize: 26, seed: 1)
            _ = sampler.indices(step: 0)
            let clock = ContinuousClock()
            return try (0..<5).map { round in
                try clock.measure {
                    for step in 1..<40 { try #require(sampler.indices(step: round * 40 + step).count == 26) }
                }
            }.min()!
        }
        let (few, many) = (try time(13 * 512), try time(13 * 100_000))
        #expect(many < few * 5 + .milliseconds(1), "\(few) and \(many)")
    }
}
