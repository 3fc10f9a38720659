import RenormEngines
import RenormTestSupport
import Testing

@Suite struct FixtureTests {
    @Test(arguments: try OperationCase.fromPyTorch())
    func resultsAndGradientsArePyTorchs(_ operation: OperationCase) throws {
        let results = try operation.results(on: ReferenceEngine(precision: .f64))
        #expect(results.count == operation.expected.count)
        for (name, value) in operation.expected {
            let found = try #require(results[name])
            #expect(mismatch(found, value, tolerance: 1e-10, absolute: 1e-12, of: name) == nil)
        }
    }

    @Test func thereAreFixtures() throws {
        #expect(try OperationCase.fromPyTorch().count == 51)
    }
}
