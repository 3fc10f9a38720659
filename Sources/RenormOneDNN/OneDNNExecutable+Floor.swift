import RenormGraphs

/// What no arrangement of the same computations can save: the time of convolutions, products of matrices and pooling by
/// themselves, and the bytes that all other passes read and write. A step cannot be faster than that time and those
/// bytes at the speed of copying, one after the other.
package struct Floor: Sendable {
    /// How many bytes the passes that compute neither convolutions, products nor pooling read and write in a step; an
    /// operand that a pass reads twice counts once.
    package var movedByteCount = 0
    /// The multiplications and additions of convolutions and products of matrices in a step.
    package var operationCount = 0.0
}

extension OneDNNExecutable {
    /// The floor of one step, without its time.
    package var floor: Floor {
        var result = Floor(operationCount: graph.operationCount)
        for placed in stepUnits where !placed.isCompute {
            result.movedByteCount += Set(placed.reads).reduce(0) { $0 + $1.byteCount }
            result.movedByteCount += Set(placed.writes).reduce(0) { $0 + $1.byteCount }
        }
        for commit in plan.commits { result.movedByteCount += 2 * 4 * commit.count }
        return result
    }

    /// What each of the step's convolutions, products of matrices and poolings takes in one pass over them alone, in their
    /// order and on the step's own memory; nil before the first run. What they compute from is what the last run left
    /// there, so a run belongs between two calls.
    package func timesOfCompute() throws -> [UnitTime]? {
        guard let memory else { return nil }
        return try EngineThread.shared.run(threads: threads) {
            try withExtendedLifetime(memory) {
                let clock = ContinuousClock()
                return try stepUnits.filter(\.isCompute).map { placed in
                    let time = try clock.measure { try placed.unit.run(placed.memory, context) }
                    return UnitTime(placed, seconds: time / .seconds(1))
                }
            }
        }
    }

    /// The sum of `timesOfCompute`.
    package func secondsOfCompute() throws -> Double? {
        try timesOfCompute().map { $0.reduce(0) { $0 + $1.seconds } }
    }

    /// What runs in every step: of inference, nothing that depends on variables alone.
    private var stepUnits: [ExecutionPlan.PlacedUnit] {
        let updates = !plan.updates.isEmpty || !plan.commits.isEmpty
        return (updates ? plan.prologue : []) + plan.evaluation + plan.updates
    }
}

extension ExecutionPlan.PlacedUnit {
    /// Whether it is a convolution by whatever algorithm, with what that does to weights first, a product of matrices or
    /// pooling. A change of layout is not: another layout could save it.
    fileprivate var isCompute: Bool {
        guard !unit.name.hasPrefix("reorder") else { return false }
        return convolution != nil || unit is PrimitiveUnit || unit is MaxPoolUnit
            || unit is MaxPoolGradientUnit
    }
}

extension Graph {
    /// The multiplications and additions of all convolutions and products of matrices.
    fileprivate var operationCount: Double {
        nodes.reduce(0) { sum, node in
            if let geometry = ConvolutionGeometry(node, in: self) {
                let window = geometry.weight.dimensions[1...].reduce(1, *)
                return sum + 2 * Double(geometry.y.elementCount) * Double(window)
            }
            if case .matmul(let transposeLeft, _) = node.op {
                return sum + 2 * Double(node.shape.elementCount)
                    * Double(self[node.inputs[0]].shape[transposeLeft ? 0 : 1])
            }
            return sum
        }
    }
}
