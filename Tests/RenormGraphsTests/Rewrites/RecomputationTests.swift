import RenormGraphs
import Testing

/// Where copies stand, and what has none.
@Suite struct RecomputationTests {
    /// Convolution, affine with vectors made of moments, ReLU, dropout, convolution; a sum as the loss.
    private func step() throws -> Graph {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: [2, 4, 4, 1])
        func weight(_ path: String, _ inputs: Int) throws -> Tensor {
            try builder.variable(
                VariableSpecification(
                    path: path, kind: .parameter, shape: [3, inputs, 1, 1], initializer: .he(fanOut: 3),
                    isTrainable: true))
        }
        let (first, second) = (try weight("first", 1), try weight("second", 3))
        let y = try x.convolution(first)
        let moments = try y.momentVectors(groups: 1).stoppingGradient()
        builder.guardFinite(moments, path: "moments")
        let one = builder.constant(1, shape: [1, 3])
        let normal = try y.affine(
            mean: moments.element(0), scale: one, shift: one, projecting: (moments.element(1), 3)
        ).relu()
        let keep = try builder.uniform(shape: y.shape, seed: 1, stream: "dropout", counter: builder.step)
            .compare(.greater, builder.constant(0.5))
        let loss = try (normal * keep).convolution(second).sum()
        builder.fetch(loss, as: "loss")
        let gradients = try builder.gradients(of: loss, for: [first, second])
        try builder.within(part: .update) {
            try builder.update("first", to: first - gradients[0])
            try builder.update("second", to: second - gradients[1])
        }
        return builder.graph.pruned()
    }

    private func count(_ graph: Graph, _ name: String) -> Int {
        graph.nodes.filter { $0.op.name == name }.count
    }

    @Test func outputsOfOnePassAreMadeAgainWhereTheyAreRead() throws {
        let (before, after) = (try step(), try step().recomputing(.passes))
        for name in ["affine", "relu"] { #expect(count(after, name) == 2 * count(before, name), "\(name)") }
        for name in ["convolution", "moments", "random", "greater", "convolutionWeightGradient"] {
            #expect(count(after, name) == count(before, name), "\(name)")
        }
        #expect(after.updates.map(\.path) == before.updates.map(\.path))
        #expect(after.guards.map(\.path) == before.guards.map(\.path))
        // The copy reads the kept convolution behind a barrier and the same vectors, and stands right before its reader.
        let text = after.description.split(separator: "\n").map(String.init)
        let reader = try #require(after.nodes.firstIndex { $0.op.name == "convolutionWeightGradient" })
        let copies = after.nodes[..<reader].suffix(4).map(\.op.name)
        #expect(copies == ["barrier", "affine", "relu", "multiply"], "\(text[reader])")
        let affines = after.nodes.filter { $0.op.name == "affine" }
        #expect(affines[0].inputs.dropFirst() == affines[1].inputs.dropFirst())
        #expect(after[affines[1].inputs[0]].inputs == [affines[0].inputs[0]])
        #expect(affines[1].part == .backward)
    }

    @Test func aGraphWithoutBackwardPartStaysAsItIs() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2, 3])
        builder.fetch(try (x.relu() * 2).sum(), as: "y")
        let graph = builder.graph
        #expect(graph.recomputing([.passes, .blocks]).description == graph.description)
        #expect(try step().recomputing([]).description == step().description)
    }

    /// A chain of residual blocks on equal shapes: cuts lie between blocks, never inside them.
    private func chain(blocks: Int, depth: Int) throws -> Graph {
        let builder = GraphBuilder()
        var y = builder.input("images", shape: [2, 4, 4, 4])
        var weights: [Tensor] = []
        for block in 0..<blocks {
            let x = y
            for layer in 0..<depth {
                weights.append(
                    try builder.variable(
                        VariableSpecification(
                            path: "\(block).\(layer)", kind: .parameter, shape: [4, 4, 1, 1],
                            initializer: .he(fanOut: 4), isTrainable: true)))
                y = try builder.within(path: "block\(block)") {
                    try y.convolution(weights.last!).unary(.tanh)
                }
            }
            y = try builder.within(path: "end\(block)") { try (y + x).relu() }
        }
        let loss = try y.sum()
        builder.fetch(loss, as: "loss")
        for (weight, gradient) in zip(weights, try builder.gradients(of: loss, for: weights)) {
            guard case .variable(let path) = builder.graph[weight.id].op else { continue }
            try builder.within(part: .update) { try builder.update(path, to: weight - gradient) }
        }
        return builder.graph.pruned()
    }

    @Test(arguments: [(4, 3), (9, 2), (16, 4)])
    func sectionsEndBetweenBlocksAndTheLastIsNotMadeAgain(_ blocks: Int, _ depth: Int) throws {
        let before = try chain(blocks: blocks, depth: depth)
        let after = before.recomputing(.blocks)
        let made = Dictionary(grouping: after.nodes.filter { $0.op.name == "convolution" }, by: \.path)
            .mapValues(\.count)
        // Once in each block, and once more in all but the last section's; the first block, past which no kept tensor
        // goes, may be cut anywhere.
        #expect((1..<blocks).allSatisfy { made["block\($0)"]! % depth == 0 })
        #expect(made["block1"] == 2 * depth && made["block0"]! > depth)
        #expect(made["block\(blocks - 1)"] == depth)
        let ends = after.nodes.filter { $0.op.name == "relu" && $0.part == .forward }.count
        #expect(ends == blocks)
        // Copies read what is kept, and that is only the ends of blocks.
        let kept = Set(
            after.nodes.filter { $0.op == .barrier }.map { after[$0.inputs[0]].path })
        #expect(kept.allSatisfy { $0 == "" || $0 == "block0" || $0.hasPrefix("end") }, "\(kept)")
    }
}
