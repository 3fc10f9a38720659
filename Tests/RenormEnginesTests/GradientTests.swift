import RenormArrays
import RenormEngines
import RenormTestSupport
import Testing

@Suite struct GradientTests {
    @Test(arguments: OperationCase.all.filter { $0.derivative == .exact })
    func agreeWithCentralDifferences(_ operation: OperationCase) throws {
        let problem = try gradientMismatch(
            at: operation.values, labels: operation.labels, operation.function)
        #expect(problem == nil)
    }

    @Test func aStoppedTensorIsAConstant() throws {
        let stopped = try #require(OperationCase.elementwise.first { $0.description == "stopGradient" })
        let results = try stopped.results(on: ReferenceEngine(precision: .f64))
        let weights = randomArray([4], seed: 77, type: .f32)
        let expected = zip(stopped.values[0].doubles, weights.doubles).map { $0 * $1 }
        #expect(mismatch(results["gradient 0"]!, NDArray(expected, shape: [4]), tolerance: 1e-15) == nil)
    }
}
