import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

/// Something that must fail, and the exact message.
private struct Failure: Sendable, CustomTestStringConvertible {
    let message: String
    let attempt: @Sendable () throws -> Void

    var testDescription: String { message }

    init(_ message: String, _ attempt: @escaping @Sendable () throws -> Void) {
        self.message = message
        self.attempt = attempt
    }
}

/// y = x·w with a guarded sum, on a store that has w.
private struct Setting {
    let executable: any Executable
    let store: any Store

    init(
        _ engine: ReferenceEngine = ReferenceEngine(),
        weight: NDArray? = NDArray([1, 2] as [Float], shape: [2])
    ) throws {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: [2])
        let w = try builder.variable(
            VariableSpecification(path: "fc.weight", kind: .parameter, shape: [2], initializer: .constant(1)))
        let y = try x * w
        builder.guardFinite(try y.sum(), path: "loss")
        builder.fetch(y, as: "y")
        executable = try engine.compile(builder.graph)
        var variables = Variables()
        variables["fc.weight"] = weight.map { Variable(kind: .parameter, value: $0) }
        store = try engine.makeStore(variables)
    }

    func run(_ feeds: [String: NDArray], step: Int = 0) throws {
        _ = try executable.run(feeds, step: step, on: store)
    }
}

private let x = NDArray([1, 2] as [Float], shape: [2])

private func crossEntropy(_ labels: [Int32], gradient: Bool = false) throws {
    let engine = ReferenceEngine()
    let builder = GraphBuilder()
    let logits = builder.input("logits", shape: [labels.count, 10])
    let fed = builder.input("labels", shape: [labels.count], type: .i32)
    let loss = try logits.softmaxCrossEntropy(labels: fed).sum()
    builder.fetch(gradient ? try builder.gradients(of: loss, for: [logits])[0] : loss, as: "y")
    _ = try engine.compile(builder.graph).run(
        [
            "logits": randomArray([labels.count, 10], type: .f32),
            "labels": NDArray(labels, shape: [labels.count]),
        ],
        on: engine.makeStore(Variables()))
}

private let failures: [Failure] = [
    Failure(
        "Step 12: 'loss' is not finite (NaN or infinity); expected finite numbers. Nothing was updated. "
            + "Look at this batch's data, or lower the learning rate."
    ) { try Setting().run(["images": NDArray([1, .nan] as [Float], shape: [2])], step: 12) },
    Failure(
        "The input 'images' was not fed (given: labels, pixels); expected an array for every input. Feed it."
    ) { try Setting().run(["pixels": x, "labels": x]) },
    Failure("The input 'images' was not fed (given: too few); expected an array for every input. Feed it.") {
        let setting = try Setting()
        var results: [NDArray] = []
        try setting.executable.run([], step: 0, on: setting.store, into: &results)
    },
    Failure(
        "The input 'images' was fed f32[3]; expected f32[2]. Convert or reshape the array, or compile for its shape."
    ) { try Setting().run(["images": NDArray(zeros: [3])]) },
    Failure(
        "The input 'images' was fed u8[2]; expected f32[2]. Convert or reshape the array, or compile for its shape."
    ) { try Setting().run(["images": NDArray(zeros: [2], type: .u8)]) },
    Failure(
        "The input 'images' was fed f64[2]; expected f32[2]. Convert or reshape the array, or compile for its shape."
    ) { try Setting().run(["images": NDArray(zeros: [2], type: .f64)]) },
    Failure(
        "The variable 'fc.weight' is missing in the store; expected [2]. "
            + "Use the store of the same model, or write the variable first."
    ) { try Setting(weight: nil).run(["images": x]) },
    Failure(
        "The variable 'fc.weight' is [3] in the store; expected [2]. "
            + "Use the store of the same model, or write the variable first."
    ) { try Setting(weight: NDArray(zeros: [3])).run(["images": x]) },
    Failure(
        "The variable 'fc.weight' is [2] in the store; expected the shape of the value written, [3]. "
            + "Use the store of the same model, or write the variable first."
    ) {
        var wrong = Variables()
        wrong["fc.weight"] = Variable(kind: .parameter, value: NDArray(zeros: [3]))
        try Setting().store.write(wrong)
    },
    Failure(
        "The variable 'fc.bias' is missing in the store; expected one of: fc.weight. "
            + "Use the store of the same model, or write the variable first."
    ) { _ = try Setting().store.read("fc.bias") },
    Failure(
        "The store belongs to another engine; expected one made by the reference engine of precision f32. "
            + "Read its variables and make a store of them with this engine."
    ) {
        _ = try Setting().executable.run(
            ["images": x], on: ReferenceEngine(precision: .f64).makeStore(Variables()))
    },
    Failure(
        "Label 10 of example 2 of the batch; expected 0 to 9. Check the labels, or give the model more classes."
    ) { try crossEntropy([0, 9, 10]) },
    Failure(
        "Label -1 of example 0 of the batch; expected 0 to 9. Check the labels, or give the model more classes."
    ) { try crossEntropy([-1, 9, 10], gradient: true) },
    Failure(
        "add at 'layer1': it is computed on floating-point values, not on i32. "
            + "Change the layer's options, or use another engine."
    ) {
        let builder = GraphBuilder()
        let labels = builder.input("labels", shape: [2], type: .i32)
        builder.fetch(try builder.within(path: "layer1") { try labels + labels }, as: "y")
        _ = try ReferenceEngine().compile(builder.graph)
    },
    Failure(
        "convert: values of f64 need the reference engine with precision f64. "
            + "Change the layer's options, or use another engine."
    ) {
        let builder = GraphBuilder()
        builder.fetch(builder.input("x", shape: [2]).converted(to: .f64), as: "y")
        _ = try ReferenceEngine().compile(builder.graph)
    },
]

@Suite struct EngineErrorTests {
    @Test(arguments: failures)
    private func saysWhatWasFoundWhatWasExpectedAndWhatToDo(_ failure: Failure) {
        let error = #expect(throws: EngineError.self) { try failure.attempt() }
        #expect(error?.description == failure.message)
    }

    @Test func aWriteThatDoesNotFitChangesNothing() throws {
        let setting = try Setting()
        var both = Variables()
        both["new"] = Variable(kind: .parameter, value: NDArray(zeros: [1]))
        both["fc.weight"] = Variable(kind: .parameter, value: NDArray(zeros: [3]))
        #expect(throws: EngineError.self) { try setting.store.write(both) }
        #expect(try setting.store.read().paths == ["fc.weight"])
        #expect(setting.store.version == 0)
    }
}
