import Renorm
import RenormTestSupport
import Testing

/// Rewrites, order and memory.
@Suite struct PlanningTests {
    /// Random graphs with updates, views, broadcasts, shared operands and variables read by several updates: every value
    /// is what the reference says, variables read their values from before the step.
    @Test(arguments: Array(0..<60).sampled(every: 3))
    func randomGraphsAgree(_ seed: Int) throws {
        let graph = try RandomGraph(seed: UInt64(seed)).graph
        let initial = graph.initialVariables(seed: UInt64(seed))
        let reference = ReferenceEngine(precision: .f64)
        let (expected, expectedStore) = (try reference.compile(graph), try reference.makeStore(initial))
        let feeds = [randomArray([4, 6], seed: UInt64(seed), type: .f32)]
        for isFused in [false, true] {
            let engine = try OneDNNEngine(threads: 2, isFused: isFused)
            let executable = try #require(engine.compile(graph) as? OneDNNExecutable)
            #expect(try executable.accesses().violation == nil)
            let store = try engine.makeStore(initial)
            try expectedStore.write(initial)
            for step in 0..<3 {
                var (a, b): ([NDArray], [NDArray]) = ([], [])
                try expected.run(feeds, step: step, on: expectedStore, into: &a)
                try executable.run(feeds, step: step, on: store, into: &b)
                for (index, output) in executable.outputs.enumerated() {
                    #expect(
                        mismatch(b[index], a[index], tolerance: 1e-4, absolute: 1e-6, of: output.name) == nil)
                }
                for (path, variable) in try expectedStore.read() {
                    #expect(
                        try mismatch(
                            store.read(path), variable.value, tolerance: 1e-4, absolute: 1e-6, of: path)
                            == nil)
                }
            }
        }
    }

    @Test(arguments: ["small", "resnet18"])
    func memoryIsSharedAndNeverTwiceAtOnce(_ name: String) throws {
        let model = try Architecture(
            name: name, classes: 10, input: [16, 16, 3], normalization: Normalization(.batchRenorm)
        ).makeModel(seed: 1)
        let options = TrainingOptions(learningRate: .constant(0.1))
        let engine = try OneDNNEngine(threads: 2)
        let training = try #require(
            engine.compile(TrainingGraph(model, batch: 8, options: options).graph) as? OneDNNExecutable)
        let plan = training.memoryPlan
        #expect(try training.accesses().violation == nil)
        let sum = plan.slots.reduce(0) { $0 + $1.byteCount }
        #expect(plan.arenaByteCount * 6 < sum * 5)
        #expect(training.plannedByteCount == plan.arenaByteCount + plan.persistentByteCount)
        let evaluation = try engine.compile(model.graph(batch: 8))
        // Folded weights are kept between runs; activations are not kept at all.
        let inference = try #require(evaluation as? OneDNNExecutable).memoryPlan
        #expect(inference.arenaByteCount < plan.arenaByteCount)
    }

    /// Passes share memory traffic where they can: one for each affine operation with its activation and residual.
    @Test func normalizationIsFused() throws {
        let layer = ResNet(
            blocks: [2], bottlenecks: false, classes: 5, stem: .cifar, normalization: Normalization(.batch))
        let model = try Model(layer, input: [8, 8, 16])
        let graph = try TrainingGraph(
            model, batch: 4, options: TrainingOptions(learningRate: .constant(0.1))
        ).graph
        func units(_ isFused: Bool) throws -> [String] {
            let engine = try OneDNNEngine(threads: 2, isFused: isFused)
            let executable = try #require(engine.compile(graph) as? OneDNNExecutable)
            return executable.measurements.map(\.name)
        }
        func count(_ names: [String], _ name: String) -> Int { names.filter { $0 == name }.count }
        let (fused, single) = (try units(true), try units(false))
        for name in ["affine", "affineSums", "affineGradient"] {
            #expect(count(fused, name) == 5)
            #expect(count(single, name) == 5)
        }
        // Passes over whole activations: none is left but the sum of the gradients that meet at the image's features.
        func passes(_ names: [String]) -> Int { names.filter { $0.contains("×\(4 * 8 * 8 * 64),") }.count }
        #expect(passes(fused) <= 1)
        #expect(passes(single) >= 14)
    }
}

/// A graph drawn by chance.
private struct RandomGraph {
    let graph: Graph

    init(seed: UInt64) throws {
        let builder = GraphBuilder()
        var random = Random(seed: seed, stream: "graph")
        let shapes: [TensorShape] = [[4, 6], [6], [4, 1], []]
        var pool = [
            builder.input("x", shape: [4, 6]), builder.step,
            try builder.schedule("s", .linear([(0, 0.5), (2, 1)])),
        ]
        let variableCount = 3 + random.integer(below: 4)
        for index in 0..<variableCount {
            pool.append(
                try builder.variable(
                    VariableSpecification(
                        path: "v\(index)", kind: .statistic,
                        shape: shapes[random.integer(below: shapes.count)],
                        initializer: .uniform(bound: 1))))
        }
        func pick() -> Tensor { pool[random.integer(below: pool.count)] }
        for _ in 0..<(10 + random.integer(below: 30)) {
            let (a, b) = (pick(), pick())
            let new: Tensor? =
                switch random.integer(below: 12) {
                case 0: try? a + b
                case 1: try? a * b
                case 2: try? a - b
                case 3: a.unary(.tanh)
                case 4: try? a.maximum(b)
                case 5: try a.sum(axes: a.shape.rank > 1 ? [1] : nil).unary(.tanh)
                case 6: a.shape.rank == 2 ? try a.transposed([1, 0]).barrier() : a.barrier()
                case 7: a.shape.rank > 0 && a.shape[0] > 1 ? try a.element(1) : try a * 0.5
                case 8: try a.reshaped(to: [a.shape.elementCount])
                case 9: try? a.compare(.greater, b + 0.3719).select(a, b)
                case 10:
                    try a.broadcast(to: TensorShape([2] + a.shape.dimensions)).sum(axes: [0]).unary(.tanh)
                default: a.shape.rank == 2 ? try a.padded(low: [1, 0], high: [0, 2]).unary(.logistic) : -a
                }
            if let new, new.shape.elementCount <= 200 { pool.append(new) }
        }
        for index in 0..<2 { builder.fetch(pick(), as: "y\(index)") }
        for index in 0..<variableCount {
            let shape = try builder.variable(at: "v\(index)").shape
            let fitting = pool.filter { $0.shape == shape }
            if random.integer(below: 4) > 0 {
                try builder.update("v\(index)", to: fitting[random.integer(below: fitting.count)])
            }
        }
        graph = builder.graph
    }
}
