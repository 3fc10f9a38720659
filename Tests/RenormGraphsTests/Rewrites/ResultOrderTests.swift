import RenormGraphs
import Testing

@Suite struct ResultOrderTests {
    /// Three convolutions, traced twice on one input, then sums of each activation and of both networks' differences.
    private func comparison() throws -> Graph {
        let builder = GraphBuilder()
        let unused = builder.input("unused", shape: [1])
        let x = builder.input("x", shape: [1, 4, 4, 2])
        let weights = try (0..<3).map { index in
            try builder.variable(
                VariableSpecification(
                    path: "\(index)", kind: .parameter, shape: [2, 2, 1, 1], initializer: .constant(1)))
        }
        func network(_ name: String) throws -> [Tensor] {
            var activations = [x]
            for (index, weight) in weights.enumerated() {
                try builder.within(path: "\(name)\(index)") {
                    activations.append(try activations.last!.convolution(weight).relu())
                }
            }
            return Array(activations.dropFirst())
        }
        let (first, second) = (try network("a"), try network("b"))
        builder.fetch(second[2], as: "result")
        for (index, (a, b)) in zip(first, second).enumerated() {
            try builder.within(path: "difference\(index)") {
                builder.fetch(try a.squaredDifferences(from: b), as: "\(index)")
            }
        }
        _ = unused
        return builder.graph
    }

    @Test func twoNetworksRunSideBySide() throws {
        let graph = try comparison()
        let ordered = graph.orderedByResults()
        let path = { (graph: Graph) in
            graph.nodes.filter { $0.op.name == "relu" || $0.op.name == "reduce squaredDifferences" }.map(
                \.path)
        }
        #expect(
            path(graph) == [
                "a0", "a1", "a2", "b0", "b1", "b2", "difference0", "difference1", "difference2",
            ])
        #expect(
            path(ordered) == [
                "a0", "b0", "difference0", "a1", "b1", "difference1", "b2", "a2", "difference2",
            ])
        #expect(ordered.inputs == graph.inputs)
        #expect(ordered.fetches.map(\.name) == graph.fetches.map(\.name))
        for (before, after) in zip(graph.fetches, ordered.fetches) {
            #expect(graph[before.node].op == ordered[after.node].op)
            #expect(graph[before.node].path == ordered[after.node].path)
        }
    }

    @Test func nothingThatIsNeededIsLostAndNothingElseIsKept() throws {
        let graph = try comparison()
        let ordered = graph.orderedByResults()
        #expect(ordered.nodes.count == graph.pruned().nodes.count)
        #expect(Set(ordered.nodes.map(\.path)) == Set(graph.pruned().nodes.map(\.path)))
        #expect(ordered.orderedByResults().description == ordered.description)
    }
}
