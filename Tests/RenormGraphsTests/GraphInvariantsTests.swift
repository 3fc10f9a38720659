import RenormArrays
import RenormGraphs
import Testing

/// Graphs that break a rule on purpose: each is found, and said.
@Suite struct GraphInvariantsTests {
    private func step() throws -> Graph {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: [2, 4, 4, 1])
        let weight = try builder.variable(
            VariableSpecification(
                path: "weight", kind: .parameter, shape: [3, 1, 3, 3], initializer: .constant(1),
                isTrainable: true))
        let y = try x.convolution(weight).maxPool(PoolingOptions(window: [2, 2], strides: [1, 1])).relu()
        let loss = try y.averagePool(PoolingOptions(window: [1, 1], strides: [1, 1])).sum()
        builder.fetch(loss, as: "loss")
        let gradient = try builder.gradients(of: loss, for: [weight])[0]
        try builder.update("weight", to: weight - builder.schedule("rate", .constant(0.1)) * gradient)
        return builder.graph
    }

    /// The graph with its parts changed.
    private func broken(_ change: (inout [Node], inout [Graph.Update], inout [Graph.Fetch]) -> Void) throws
        -> Graph
    {
        let graph = try step()
        var (nodes, updates, fetches) = (graph.nodes, graph.updates, graph.fetches)
        change(&nodes, &updates, &fetches)
        return Graph(
            nodes: nodes, fetches: fetches, updates: updates, guards: graph.guards,
            schedules: graph.schedules, variables: graph.variables)
    }

    @Test func whatIsTracedDifferentiatedAndRewrittenHoldsThem() throws {
        let graph = try step()
        #expect(graph.violation == nil)
        #expect(graph.pruned().violation == nil)
        #expect(graph.recomputing([.passes, .blocks]).violation == nil)
        #expect(graph.guardingEveryNode().violation == nil)
        #expect(graph.orderedByResults().violation == nil)
    }

    @Test func operandsComeBeforeTheirReaders() throws {
        let graph = try broken { nodes, _, _ in
            let place = nodes.firstIndex { $0.op.name == "relu" }!
            nodes[place].inputs = [NodeID(nodes.count - 1)]
        }
        #expect(graph.violation?.contains("(relu) reads %\(graph.nodes.count - 1), which") == true)
        let outside = try broken { nodes, _, _ in nodes[nodes.count - 1].inputs[0] = NodeID(-1) }
        #expect(outside.violation?.contains("reads %-1, which") == true)
    }

    @Test(arguments: [
        "convolution", "maxPool", "relu", "averagePool", "reduce sum", "reluGradient", "maxPoolGradient",
        "averagePoolGradient", "convolutionWeightGradient", "variable", "schedule",
    ])
    func shapesAreThoseThatOperationsGive(_ operation: String) throws {
        let graph = try broken { nodes, _, _ in
            let place = nodes.firstIndex { $0.op.name == operation }!
            nodes[place].shape = TensorShape([7] + nodes[place].shape.dimensions)
        }
        #expect(graph.violation?.contains("(\(operation))") == true, "\(graph.violation ?? "")")
    }

    @Test func broadcastsStretchTheirOperands() throws {
        let graph = try broken { nodes, _, _ in
            nodes[nodes.firstIndex { $0.op.name == "broadcast" }!].shape = [5]
        }
        #expect(graph.violation?.hasSuffix("(broadcast): [1, 1, 1, 1] is no [5]") == true)
    }

    @Test func aGradientBelongsToTheShapeThatItReads() throws {
        // Of the weight's rank, but of a weight that gives another result.
        let graph = try broken { nodes, _, _ in
            let place = nodes.firstIndex { $0.op.name == "convolutionWeightGradient" }!
            nodes[place].shape = [3, 1, 2, 3]
        }
        #expect(graph.violation?.contains("belongs to [2, 3, 2, 3] in place of [2, 2, 2, 3]") == true)
    }

    @Test func namesAreDeclared() throws {
        let graph = try broken { nodes, _, _ in
            nodes[nodes.firstIndex { $0.op.name == "variable" }!].op = .variable("other")
        }
        #expect(graph.violation?.contains("'other' is not declared") == true)
    }

    @Test func resultsExist() throws {
        let graph = try broken { nodes, _, fetches in fetches[0].node = NodeID(nodes.count) }
        #expect(graph.violation?.hasPrefix("the result 'loss' is %") == true)
    }

    @Test func aVariableHasOneUpdateOfItsShape() throws {
        #expect(
            try broken { _, updates, _ in updates.append(updates[0]) }.violation
                == "'weight' is updated twice")
        #expect(
            try broken { _, updates, fetches in updates[0].node = fetches[0].node }.violation
                == "'weight' of [3, 1, 3, 3] is updated with []")
        #expect(
            try broken { _, updates, _ in updates[0].path = "bias" }.violation
                == "the update of 'bias' has no variable")
    }
}
