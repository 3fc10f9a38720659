import RenormArrays
import RenormGraphs
import Testing

private func variable(_ value: Float, _ kind: VariableKind = .parameter) -> Variable {
    Variable(kind: kind, value: NDArray(scalar: value))
}

@Suite struct VariablesTests {
    private var three: Variables {
        var variables = Variables()
        variables["c"] = variable(1)
        variables["a"] = variable(2, .statistic)
        variables["b"] = variable(3, .slot)
        return variables
    }

    @Test func keepTheOrderInWhichTheyCame() {
        var variables = three
        variables["a"] = variable(5, .statistic)
        #expect(variables.paths == ["c", "a", "b"])
        variables["c"] = nil
        variables["c"] = variable(1)
        #expect(variables.paths == ["a", "b", "c"])
        #expect(variables.map(\.path) == variables.paths)
        #expect(variables[0].variable.value.floats == [5])
    }

    @Test func areChosenByKindNeverByName() {
        #expect(three.ofKinds([.parameter, .slot]).paths == ["c", "b"])
        #expect(three.filter { path, _ in path == "a" }.paths == ["a"])
    }

    @Test func mergingAddsAndTheOtherTakesPrecedence() {
        var other = Variables()
        other["a"] = variable(20, .statistic)
        other["d"] = variable(4)
        let merged = three.merging(other)
        #expect(merged.paths == ["c", "a", "b", "d"])
        #expect(merged["a"]?.value.floats == [20])
        #expect(merged.elementCount == 4)
    }

    @Test func areValues() {
        let before = three
        var after = before
        after["a"]?.value.withMutableValues(of: Float.self) { $0[0] = 9 }
        #expect(before["a"]?.value.floats == [2])
        #expect(after["a"]?.value.floats == [9])
        #expect(before != after)
        #expect(before.mapValues { $1 } == before)
    }
}

@Suite struct InitialValueTests {
    private func specification(
        _ path: String, _ initializer: Initializer = .normal(deviation: 2), count: Int = 10_000
    )
        -> VariableSpecification
    {
        VariableSpecification(path: path, kind: .parameter, shape: [count], initializer: initializer)
    }

    @Test func dependOnSeedAndPathAlone() throws {
        let one = GraphBuilder()
        _ = try one.variable(specification("a"))
        _ = try one.variable(specification("b"))
        let other = GraphBuilder()
        _ = try other.variable(specification("c"))
        _ = try other.variable(specification("b"))
        let (first, second) = (one.graph.initialVariables(seed: 1), other.graph.initialVariables(seed: 1))
        #expect(first["b"] != nil)
        #expect(first["b"]?.value == second["b"]?.value)
        #expect(first["a"]?.value != first["b"]?.value)
        #expect(first["b"]?.value != one.graph.initialVariables(seed: 2)["b"]?.value)
    }

    @Test func haveTheDistributionTheyAreAskedFor() {
        let normal = specification("n").initialValue(seed: 1).doubles
        let deviation = (normal.reduce(0) { $0 + $1 * $1 } / 10_000).squareRoot()
        #expect(abs(normal.reduce(0, +) / 10_000) < 0.08)
        #expect(abs(deviation - 2) < 0.06)
        let uniform = specification("u", .uniform(bound: 0.5)).initialValue(seed: 1).doubles
        #expect(uniform.allSatisfy { abs($0) <= 0.5 })
        #expect(uniform.contains { $0 > 0.49 } && uniform.contains { $0 < -0.49 })
        #expect(specification("k", .constant(3), count: 2).initialValue(seed: 1).floats == [3, 3])
        #expect(Initializer.he(fanOut: 8) == .normal(deviation: 0.5))
    }

    @Test func countersAreWholeNumbers() {
        let counter = VariableSpecification(
            path: "n", kind: .counter, shape: .scalar, initializer: .constant(0))
        #expect(counter.initialValue(seed: 1) == NDArray(scalar: Int64(0)))
    }
}
