import Renorm
import RenormOneDNN
import RenormTestSupport
import Testing

/// Computing again gives the same bits as keeping, on every engine.
@Suite struct RecomputationStepTests {
    /// A network and its normalization.
    struct Case: Sendable, CustomStringConvertible {
        var name: String
        var normalization: Normalization
        var batch = 4
        var precision = Precision.f32

        var description: String { "\(name), \(normalization.summary), \(precision)" }

        func graph(_ memory: MemoryUse, _ recomputes: Bool) throws -> Graph {
            let layer: any Layer =
                switch name {
                case "resnet":
                    ResNet(
                        blocks: [2, 2], bottlenecks: false, classes: 5, stem: .cifar,
                        normalization: normalization)
                case "bottlenecks":
                    ResNet(
                        blocks: [1, 2], bottlenecks: true, classes: 5, stem: .imagenet,
                        normalization: normalization)
                case "mixed": Mixed(normalization: normalization)
                default:
                    try Architecture(
                        name: name, classes: 5, input: [12, 12, 3], normalization: normalization
                    ).makeLayer()
                }
            let options = TrainingOptions(
                learningRate: .linear([(0, 0.05), (4, 0.01)]), weightDecay: 0.001, clipNorm: 1,
                parameterAveragingRate: 0.1, precision: precision, memory: memory, recomputes: recomputes)
            return try TrainingGraph(
                Model(layer, input: [12, 12, 3]), batch: batch, options: options, seed: 3
            ).graph
        }
    }

    /// Dropout inside, biases, several ways side by side, a gate with a smooth activation.
    struct Mixed: Layer {
        var normalization: Normalization

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            let y = try scope.apply(
                "body",
                Sequential {
                    Convolution(8, kernel: 3)
                    normalization
                    ReLU()
                    Dropout(0.3)
                    MaxPool(2)
                    Branches {
                        Convolution(4, kernel: 3)
                        Sequential {
                            Convolution(4, kernel: 1, bias: false)
                            normalization
                            SiLU()
                        }
                    }
                    Residual {
                        Convolution(8, kernel: 3, bias: false)
                        normalization
                        Dropout(0.2)
                    }
                    Convolution(16, kernel: 3, stride: 2, bias: false)
                    normalization
                    ReLU6()
                }, to: x)
            let gate = try scope.apply(
                "gate",
                Sequential {
                    GlobalAveragePool()
                    Dense(16)
                    Sigmoid()
                }, to: y)
            let gated = try y * gate.reshaped(to: [gate.shape[0], 1, 1, 16])
            return try scope.apply(
                "head",
                Sequential {
                    Convolution(12, kernel: 3)
                    normalization
                    ReLU()
                    GlobalAveragePool()
                    Dense(5)
                }, to: gated)
        }
    }

    static let cases: [Case] = [
        Case(name: "small:0.5", normalization: Normalization(.batch)),
        Case(name: "resnet", normalization: Normalization(.batchRenorm)),
        Case(name: "resnet", normalization: Normalization(.group(8))),
        Case(name: "bottlenecks", normalization: Normalization(.batch)),
        Case(name: "bottlenecks", normalization: Normalization(.frozen)),
        Case(name: "mobilenetv2:0.25", normalization: Normalization(.batchRenorm(examples: 2))),
        Case(name: "mixed", normalization: Normalization(.batchRenorm)),
        Case(name: "mixed", normalization: Normalization(.layer)),
        Case(name: "resnet", normalization: Normalization(.none)),
        Case(name: "resnet", normalization: Normalization(.batchRenorm), precision: .bf16),
    ]

    enum Engines: CaseIterable {
        case reference, separate, fused

        func make() throws -> any Engine {
            switch self {
            case .reference: ReferenceEngine()
            case .separate: try OneDNNEngine(threads: 2, isFused: false)
            case .fused: try OneDNNEngine(threads: 2)
            }
        }
    }

    /// The reference engine, which is slow, on some of the cases unless asked for all.
    static let runs =
        cases.flatMap { test in
            [Engines.separate, .fused].map { (test, $0) }
        } + cases.sampled(every: 4).map { ($0, .reference) }

    @Test(arguments: runs)
    func bitsAreTheSame(_ test: Case, _ engines: Engines) throws {
        let engine = try engines.make()
        if test.precision == .bf16, let fast = engine as? OneDNNEngine, !fast.multipliesBF16 {
            #expect(throws: EngineError.self) { try engine.compile(test.graph(.fast, false)) }
            return
        }
        func run(_ memory: MemoryUse, _ recomputes: Bool) throws -> (results: [NDArray], state: Variables) {
            let graph = try test.graph(memory, recomputes)
            let executable = try engine.compile(graph)
            if let planned = executable as? OneDNNExecutable {
                #expect(try planned.accesses().violation == nil)
            }
            let store = try engine.makeStore(graph.initialVariables(seed: 3))
            var results: [NDArray] = []
            for step in 0..<3 {
                let feeds = [
                    randomArray([test.batch, 12, 12, 3], seed: UInt64(step), mean: 0.5, type: .f32),
                    randomLabels(test.batch, classes: 5, seed: UInt64(step)),
                ]
                try executable.run(feeds, step: step, on: store, into: &results)
            }
            return (results, try store.read())
        }
        let expected = try run(.fast, false)
        let plain = try test.graph(.fast, false).nodes.count
        for (memory, recomputes) in [(MemoryUse.small, false), (.fast, true), (.small, true)] {
            // Without a normalization there is no value that one pass gives again from another that is kept.
            let isTheSame = test.normalization.kind is NoNormalization && !recomputes
            #expect(try (test.graph(memory, recomputes).nodes.count == plain) == isTheSame)
            let found = try run(memory, recomputes)
            #expect(found.results == expected.results, "\(memory), \(recomputes)")
            #expect(found.state.paths == expected.state.paths)
            for (path, variable) in expected.state {
                #expect(found.state[path]?.value == variable.value, "\(path): \(memory), \(recomputes)")
            }
        }
    }

    /// The passes of the forward part are fused in the copies too, so that `small` costs one pass each.
    @Test func copiesAreFused() throws {
        let engine = try OneDNNEngine(threads: 2)
        func units(_ memory: MemoryUse, _ recomputes: Bool) throws -> [String] {
            let graph = try Case(name: "resnet", normalization: Normalization(.batch)).graph(
                memory, recomputes)
            return try #require(engine.compile(graph) as? OneDNNExecutable).measurements.map(\.name)
        }
        func count(_ names: [String], _ prefix: String) -> Int { names.filter { $0 == prefix }.count }
        let (fast, small) = (try units(.fast, false), try units(.small, false))
        // 10 affine operations; the last block's output, which only the mask of its ReLU reads, is one of them.
        #expect(count(fast, "affine") == 10)
        #expect(count(small, "affine") <= 20)
        #expect(small.count - fast.count == count(small, "affine") - count(fast, "affine"))
        #expect(count(try units(.small, true), "moments") == count(fast, "moments"))
    }

    /// At sizes where activations count, each choice takes less than the one before, and next to nothing of the shared
    /// block is lost between buffers.
    @Test(arguments: ["resnet18", "resnet50", "mobilenetv2"])
    func eachChoiceNeedsLess(_ name: String) throws {
        let model = try Model(
            Architecture(
                name: name, stem: .imagenet, classes: 10, input: [96, 96, 3],
                normalization: Normalization(.batchRenorm)
            ).makeLayer(), input: [96, 96, 3])
        let engine = try OneDNNEngine(threads: 2)
        func planned(_ memory: MemoryUse, _ recomputes: Bool) throws -> Int {
            let options = TrainingOptions(
                learningRate: .constant(0.1), memory: memory, recomputes: recomputes)
            let executable = try #require(
                engine.compile(TrainingGraph(model, batch: 16, options: options).graph) as? OneDNNExecutable)
            let plan = executable.memoryPlan
            #expect(try executable.accesses().violation == nil)
            #expect(Double(plan.arenaByteCount) <= 1.08 * Double(plan.peakByteCount()))
            let memory = executable.plannedMemory
            #expect(memory.activations + memory.scratch == plan.arenaByteCount)
            #expect(memory.total == memory.variables + executable.plannedByteCount)
            return memory.activations
        }
        let (fast, small, sections) = (
            try planned(.fast, false), try planned(.small, false), try planned(.small, true)
        )
        #expect(Double(small) <= 0.9 * Double(fast))
        #expect(Double(sections) <= 0.9 * Double(small))
    }
}
