import RenormArrays
import RenormGraphs

/// One node with its operands' values: floating-point ones as `Real`, others as their own type.
///
/// Arithmetic is done in f64 and rounded once, when the result is written.
struct ReferenceEvaluation<Real: ReferenceReal> {
    let node: Node
    let operands: [NDArray]

    typealias Operand = UnsafeBufferPointer<Real>
    typealias Result = UnsafeMutableBufferPointer<Real>

    /// The node's value.
    ///
    /// - Throws: `EngineError.label`.
    func value() throws -> NDArray {
        switch node.op {
        case .input, .variable, .schedule, .step, .constant:
            preconditionFailure("\(node.op.name) has no operands to be computed from")
        case .random, .unary, .binary, .compare, .select, .convert, .activation, .activationGradient:
            return elementwise()
        case .stopGradient, .barrier:
            return operands[0]
        case .broadcast, .reshape, .transpose, .slice, .pad, .concatenate:
            return moved()
        case .reduce(let reduction, let axes):
            return reduced(reduction, over: axes)
        case .convolution(let options):
            return convolution(options)
        case .convolutionInputGradient(let options):
            return convolutionInputGradient(options)
        case .convolutionWeightGradient(let options):
            return convolutionWeightGradient(options)
        case .maxPool(let options):
            return maxPool(options)
        case .maxPoolGradient(let options):
            return maxPoolGradient(options)
        case .averagePool(let options):
            return averagePool(options)
        case .averagePoolGradient(let options):
            return averagePoolGradient(options)
        case .matmul(let transposeLeft, let transposeRight):
            return matmul(transposeLeft, transposeRight)
        case .moments(let groups):
            return moments(groups)
        case .filteredMoments(let filter, let epsilon):
            return filteredMoments(filter, epsilon)
        case .affine:
            return affine()
        case .affineSums:
            return affineSums()
        case .affineGradient:
            return affineGradient()
        case .softmaxCrossEntropy(let smoothing):
            return try softmaxCrossEntropy(smoothing)
        case .softmaxCrossEntropyGradient(let smoothing):
            return try softmaxCrossEntropyGradient(smoothing)
        case .rightAnswers:
            return try rightAnswers()
        }
    }

    /// The result that `body` fills, given the memory of the first `count` operands (all by default).
    func filled(count: Int? = nil, _ body: ([Operand], Result) -> Void) -> NDArray {
        var result = NDArray(uninitialized: node.shape, type: Real.elementType)
        withOperands(count ?? operands.count) { operands in
            result.withMutableValues(of: Real.self) { body(operands, $0) }
        }
        return result
    }

    private func withOperands(_ count: Int, _ gathered: [Operand] = [], _ body: ([Operand]) -> Void) {
        if gathered.count == count { return body(gathered) }
        operands[gathered.count].withValues(of: Real.self) { withOperands(count, gathered + [$0], body) }
    }
}

/// Calls `body` with memory for `count` numbers, all 0 at first.
func withSums<Value>(_ count: Int, _ body: (UnsafeMutableBufferPointer<Double>) -> Value) -> Value {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { sums in
        sums.initialize(repeating: 0)
        return body(sums)
    }
}
