import RenormEngines
import RenormOneDNN
import RenormTestSupport
import Testing

/// Every operation, and its gradient, against the reference.
@Suite struct OperationTests {
    @Test(arguments: OperationCase.all)
    func agreesWithReference(_ operation: OperationCase) throws {
        let expected = try operation.results(on: ReferenceEngine(precision: .f64))
        for (threads, isFused) in [(1, false), (2, true)] {
            let engine = try OneDNNEngine(threads: threads, isFused: isFused)
            let found = try operation.results(on: engine)
            for (name, value) in expected {
                let problem = mismatch(
                    found[name]!, value, tolerance: 5e-5, absolute: 1e-6,
                    of: "\(name), \(isFused ? "fused" : "not fused")")
                #expect(problem == nil)
            }
        }
    }
}
