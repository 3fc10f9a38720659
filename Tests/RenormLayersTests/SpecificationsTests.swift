import Renorm
import Testing

/// A matrix of 2⁴⁰ values, for which nobody has the memory.
private struct Huge: Layer {
    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try scope.apply("fc", Dense(1 << 22), to: scope.apply("flatten", Flatten(), to: x))
    }
}

@Suite struct SpecificationsTests {
    @Test func aModelHasTheVariablesThatItsSpecificationsSay() throws {
        let model = try Architecture(
            name: "small:0.25", classes: 10, input: [32, 32, 3], normalization: Normalization(.batchRenorm)
        ).makeModel(seed: 7)
        let specifications = try model.specifications()
        #expect(specifications.map(\.path) == model.variables.paths)
        for (specification, (path, variable)) in zip(specifications, model.variables) {
            #expect(specification.kind == variable.kind, "\(path)")
            #expect(specification.shape == variable.value.shape, "\(path)")
            #expect(specification.storedType == variable.value.type, "\(path)")
            #expect(specification.initialValue(seed: 7) == variable.value, "\(path)")
        }
        #expect(try model.outputShape() == [1, 10])
    }

    private static let huge = Model(Huge(), input: [512, 512, 1], variables: Variables())

    @Test func nothingIsMadeToSayWhatAModelHas() throws {
        let specifications = try Self.huge.specifications()
        #expect(specifications.map(\.shape) == [[1 << 22, 1 << 18], [1 << 22]])
        #expect(try Self.huge.outputShape() == [1, 1 << 22])
        #expect(try Self.huge.describe().parameters == 1 << 40 + 1 << 22)
    }

    @Test func aFileIsComparedWithAModelBeforeAnythingIsMade() throws {
        var model = Self.huge
        let file = try VariablesFile(
            path: "f",
            arrays: ["fc.weight": NDArray(zeros: [10, 1 << 18]), "fc.bias": NDArray(zeros: [10])],
            metadata: [:])
        let classifier = try model.loadingReport(of: file)
        #expect(classifier.shapes.map(\.path) == ["fc.weight", "fc.bias"] && classifier.problemCount == 2)
        #expect(throws: VariablesError.unfit(classifier)) { try model.load(file) }
        let empty = try model.loadingReport(of: VariablesFile(path: "f", arrays: [:], metadata: [:]))
        #expect(empty.missing == ["fc.weight", "fc.bias"] && empty.problemCount == 2)
    }

    @Test func aModelWithoutValuesGetsThemFromAFileInTheOrderOfItsLayers() throws {
        let layer = Small(classes: 3, width: 0.125, normalization: Normalization(.batch))
        let source = try Model(layer, input: [8, 8, 1], seed: 3)
        var model = Model(layer, input: [8, 8, 1], variables: Variables())
        try model.load(
            VariablesFile(
                path: "f",
                arrays: Dictionary(
                    uniqueKeysWithValues: source.variables.map { ($0.path, $0.variable.value) }),
                metadata: [:]))
        #expect(model.variables == source.variables)
        #expect(model.variables.paths == source.variables.paths)
    }
}
