import Renorm
import RenormTestSupport
import Testing

@Suite struct FiniteGuardsTests {
    private func graph(_ layer: any Layer, phase: Phase = .inference) throws -> (Model, Graph) {
        let model = try Model(layer, input: [9, 9, 3], seed: 2)
        return (model, try model.graph(batch: 4, phase: phase))
    }

    /// What is guarded in inference, by its place, and how many elements that is.
    private func guarded(_ graph: Graph) -> [String: Int] {
        let guarded = graph.guardingWhatHides()
        return guarded.guards.reduce(into: [:]) {
            $0[$1.path, default: 0] += guarded[$1.node].shape.elementCount
        }
    }

    @Test func vectorsAreGuardedAndNoActivation() throws {
        let residual = ResNet(
            blocks: [1, 1, 1, 1], bottlenecks: false, classes: 3, stem: .imagenet,
            normalization: Normalization(.batch))
        let (model, batch) = try graph(residual)
        #expect(batch.guards.isEmpty)
        let vectors = try model.tracedNormalizations().map { record in
            (record.path, model.variables["\(record.path).running_var"]!.value.elementCount)
        }
        #expect(guarded(batch) == Dictionary(uniqueKeysWithValues: vectors))
    }

    /// One number for each ReLU6, and nothing of it depends on activations but for the first, which depends on the images.
    @Test func bounds() throws {
        let (model, plain) = try graph(
            MobileNetV2(classes: 3, stem: .cifar, normalization: Normalization(.batch)))
        let graph = plain.guardingWhatHides()
        #expect(!graph.nodes.contains { $0.op == .activation(.relu6) })
        let activations = graph.nodes.filter { $0.op == .activation(.relu6OfNumbers) }.count
        let numbers = graph.guards.filter { graph[$0.node].shape == .scalar }
        #expect(activations == 35 && numbers.count == activations)
        var readsImages: [Bool] = []
        for node in graph.nodes {
            if case .input = node.op {
                readsImages.append(true)
            } else {
                readsImages.append(
                    node.op != .activation(.relu6OfNumbers) && node.inputs.contains { readsImages[$0.index] })
            }
        }
        #expect(numbers.filter { readsImages[$0.node.index] }.count == 1)
        // And they are bounds.
        let images = randomArray([4, 9, 9, 3], type: .f32)
        let engine = ReferenceEngine()
        let inputs = zip(
            graph.nodes.filter { $0.op == .activation(.relu6OfNumbers) }.map { $0.inputs[0] }, numbers)
        for (input, number) in inputs {
            let largest = Node(
                op: .reduce(.maximum, axes: [0, 1, 2, 3]), inputs: [input], shape: .scalar, type: .f32)
            let fetching = Graph(
                nodes: graph.nodes + [largest],
                fetches: [
                    Graph.Fetch(name: "largest", node: NodeID(graph.nodes.count)),
                    Graph.Fetch(name: "bound", node: number.node),
                ], updates: [], guards: [], schedules: graph.schedules, variables: graph.variables)
            let found = try engine.compile(fetching.pruned()).run(
                ["images": images], on: engine.makeStore(model.variables))
            let (most, bound) = (found["largest"]!.doubles[0], found["bound"]!.doubles[0])
            #expect(most <= bound && bound < 1e12)
        }
    }

    /// Divisors, moments and whatever else a result does not show.
    @Test func whatHides() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2, 4, 4, 3])
        let y = builder.input("y", shape: [2, 4, 4, 3])
        func guarded(_ tensor: Tensor) -> [NodeID] {
            let builder = tensor.builder
            let graph = Graph(
                nodes: builder.graph.nodes, fetches: [], updates: [], guards: [],
                schedules: builder.graph.schedules,
                variables: builder.graph.variables)
            return graph.guardingWhatHides().guards.map(\.node)
        }
        #expect(guarded(x).isEmpty)
        #expect(guarded(try x / y) == [y.id])
        let other = GraphBuilder()
        let z = other.input("z", shape: [2, 4, 4, 3])
        let pooling = PoolingOptions(window: [2, 2], strides: [2, 2])
        _ = try z.relu().maxPool(pooling)
        _ = try (z.silu(), z.gelu())
        #expect(guarded(z).isEmpty)
        _ = try z.maxPool(pooling)
        #expect(guarded(z) == [z.id])
        let third = GraphBuilder()
        let v = third.input("v", shape: [2, 3])
        let inner = try v + 1
        _ = inner.sigmoid()
        #expect(guarded(v) == [inner.id])
        let fourth = GraphBuilder()
        let w = try fourth.input("w", shape: [2, 3]) * 2
        _ = try w.maximum(fourth.constant(0))
        #expect(guarded(w) == [w.id])
        // What multiplies its own argument shows it; what multiplies another number does not.
        let sixth = GraphBuilder()
        let u = sixth.input("u", shape: [2, 3])
        _ = try u.hardSwish()
        #expect(guarded(u).isEmpty)
        _ = try u.hardSigmoid()
        #expect(guarded(u).count == 1)
        // Under another shape too.
        let fifth = GraphBuilder()
        let inputs = fifth.input("x", shape: [2, 3])
        let logits = try inputs * 2
        _ = try logits.reshaped(to: [2, 3]).rightAnswers(labels: fifth.input("y", shape: [2], type: .i32))
        let divisors = try fifth.input("d", shape: [3]) + 1
        _ = try inputs / divisors
        #expect(guarded(logits) == [logits.id, divisors.id])
    }
}
