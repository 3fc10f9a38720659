import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// The floor that the benchmarks print.
@Suite struct FloorTests {
    private func training(
        _ batch: Int, convolution: ConvolutionAlgorithm = .direct
    ) throws -> (OneDNNExecutable, any Store, [NDArray]) {
        let model = try Model(
            Small(classes: 10, width: 0.25, normalization: Normalization(.batch)), input: [8, 8, 1])
        let graph = try TrainingGraph(
            model, batch: batch, options: TrainingOptions(learningRate: .constant(0.01))
        )
        .graph
        let engine = try OneDNNEngine(threads: 1, convolution: convolution)
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

    /// Five convolutions forward and by weights, four by inputs: each has its units in every plan under the same node, with
    /// copies of weights among them, and what only follows a convolution has none.
    @Test(arguments: ConvolutionAlgorithm.allCases)
    func unitsAreOfConvolutions(_ algorithm: ConvolutionAlgorithm) throws {
        let (executable, store, feeds) = try training(4, convolution: algorithm)
        try executable.run(feeds, step: 0, on: store)
        let units = try #require(try executable.timesOfCompute())
        func nodes(_ units: [UnitTime], _ operation: String) -> Set<Int> {
            Set(units.filter { $0.operation == operation }.compactMap(\.convolution))
        }
        let counts = ["convolution": 5, "convolutionInputGradient": 4, "convolutionWeightGradient": 5]
        let direct = try training(4, convolution: .direct).0.measurements
        for (operation, count) in counts {
            #expect(nodes(units, operation).count == count)
            #expect(nodes(units, operation) == nodes(direct, operation))
        }
        #expect(!units.contains { $0.name.hasPrefix("reorder") })
        for unit in executable.measurements where unit.convolution == nil {
            #expect(!unit.name.hasPrefix("convolution"))
        }
        // The others are the two poolings, their gradients, and the dense layer's three products.
        #expect(units.filter { $0.convolution == nil }.count == 7)
    }

    /// A convolution that a ReLU and a residual are computed with is still known by its own node.
    @Test func fusedConvolutionsAreKnown() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2, 6, 6, 16])
        let weight = builder.input("weight", shape: [16, 16, 3, 3])
        let y = try x.convolution(weight, options: ConvolutionOptions(padding: [1, 1, 1, 1]))
        builder.fetch(try (y + x).relu(), as: "y")
        let executable = try #require(OneDNNEngine(threads: 1).compile(builder.graph) as? OneDNNExecutable)
        let units = executable.measurements.filter { $0.name.hasPrefix("convolution") }
        #expect(units.count == 1)
        #expect(units[0].operation == "convolution")
        // The first of the graph's convolutions.
        #expect(units[0].convolution == 0)
    }

    /// By hand: node 1 is faster in the second plan, its filters counted; node 2 is computed in the same way by both, so
    /// its mean counts, as that of the rest does.
    @Test func leastOfPlans() {
        var (first, second) = (ComputeTimes(), ComputeTimes())
        for _ in 0..<2 {
            first.add([
                UnitTime(name: "direct", convolution: 1, seconds: 4),
                UnitTime(name: "direct", convolution: 2, seconds: 3), UnitTime(name: "pool", seconds: 1),
            ])
            second.add([
                UnitTime(name: "filters", convolution: 1, seconds: 0.5),
                UnitTime(name: "winograd", convolution: 1, seconds: 2),
                UnitTime(name: "direct", convolution: 2, seconds: 5), UnitTime(name: "pool", seconds: 2),
            ])
        }
        #expect(ComputeTimes.least(of: [first]) == 16)
        #expect(ComputeTimes.least(of: [first, second]) == 2 * (2.5 + 4 + 1.5))
        #expect(ComputeTimes.least(of: [second, first]) == 16)
    }
}
