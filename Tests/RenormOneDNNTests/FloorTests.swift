import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// The floor that the benchmarks print.
@Suite struct FloorTests {
    private func training(_ batch: Int) throws -> (OneDNNExecutable, any Store, [NDArray]) {
        let model = try Model(
            Small(classes: 10, width: 0.25, normalization: Normalization(.batch)), input: [8, 8, 1])
        let graph = try TrainingGraph(
            model, batch: batch, options: TrainingOptions(learningRate: .constant(0.01))
        )
        .graph
        let engine = try OneDNNEngine(threads: 1, convolution: .direct)
        let feeds = [
            randomArray([batch, 8, 8, 1], seed: 1, type: .f32), randomLabels(batch, classes: 10, seed: 2),
        ]
        return (
            try #require(try engine.compile(graph) as? OneDNNExecutable),
            try engine.makeStore(graph.initialVariables(seed: 3)), feeds
        )
    }

    /// Channels 8, 8, pool, 16, 16, pool, 32 on 8×8 images, then 32 → 10: counted by hand, backward twice forward except
    /// for the images, which need no gradient.
    @Test func countsOperations() throws {
        let forward: [Double] = [64 * 8 * 9, 64 * 8 * 72, 16 * 16 * 72, 16 * 16 * 144, 4 * 32 * 144, 32 * 10]
        let expected = 2 * 3 * (3 * forward.reduce(0, +) - forward[0])
        #expect(try training(3).0.floor.operationCount == expected)
    }

    /// A batch twice as large moves more, but not more than twice as much; and each of the activations that the
    /// normalizations read and write forward and backward counts.
    @Test func countsBytes() throws {
        let (one, two) = (try training(4).0.floor, try training(8).0.floor)
        #expect(two.movedByteCount > one.movedByteCount)
        #expect(two.movedByteCount < 2 * one.movedByteCount)
        let activations = 4 * 4 * (64 * 16 + 16 * 32 + 4 * 32)
        // Forward: moments read, affine reads and writes; backward: sums read two, the gradient reads two, writes one.
        #expect(two.movedByteCount - one.movedByteCount >= 8 * activations)
        #expect(two.movedByteCount - one.movedByteCount < 16 * activations)
    }

    @Test func computingAloneIsPartOfTheStep() throws {
        let (executable, store, feeds) = try training(32)
        #expect(try executable.secondsOfCompute() == nil)
        var results: [NDArray] = []
        var (compute, step) = (Double.infinity, Double.infinity)
        for index in 0..<10 {
            let clock = ContinuousClock()
            let time = try clock.measure { try executable.run(feeds, step: index, on: store, into: &results) }
            step = min(step, time / .seconds(1))
            compute = min(compute, try #require(try executable.secondsOfCompute()))
        }
        #expect(compute > 0)
        #expect(compute < step)
    }
}
