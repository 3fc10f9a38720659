import RenormArrays
import RenormEngines
import RenormGraphs

/// A function of arrays, and the arrays to try it on: for gradients against central differences, and for any engine
/// against `ReferenceEngine`.
///
///     @Test(arguments: OperationCase.all) func agrees(_ operation: OperationCase) throws {
///         let expected = try operation.results(on: ReferenceEngine(precision: .f64))
///         let found = try operation.results(on: engine)
///         for (name, value) in expected { #expect(mismatch(found[name]!, value, tolerance: 1e-5, of: name) == nil) }
///     }
public struct OperationCase: Sendable, CustomStringConvertible {
    /// What the gradient that `GraphBuilder.gradients` gives is.
    public enum Derivative: Sendable {
        /// The slope of the function.
        case exact
        /// Something else, by the operation's definition.
        case byRule
        /// There is none.
        case none
    }

    /// What is tried.
    public let description: String
    /// The arguments, of f64, that are differentiated; their values are exact in f32.
    public let values: [NDArray]
    /// More arguments (labels of i32), not differentiated.
    public let labels: [NDArray]
    /// What its gradient is.
    public let derivative: Derivative
    /// What the result is weighted with before it is summed up and differentiated; `nil` for random numbers.
    public let weights: NDArray?
    /// What others got, by the names of `graph()`, where others were asked.
    public let expected: [String: NDArray]
    /// The function.
    public let function: @Sendable ([Tensor]) throws -> Tensor

    /// Makes a case.
    public init(
        _ description: String, at values: [NDArray], labels: [NDArray] = [], derivative: Derivative = .exact,
        weights: NDArray? = nil, expected: [String: NDArray] = [:],
        _ function: @escaping @Sendable ([Tensor]) throws -> Tensor
    ) {
        self.description = description
        self.values = values.map { $0.converted(to: .f32).converted(to: .f64) }
        self.labels = labels
        self.derivative = derivative
        self.weights = weights
        self.expected = expected
        self.function = function
    }

    /// The function's result `y` and, if it has a gradient, the gradients of Σ y·`weights`: `gradient 0` and so on.
    /// The inputs are the arguments in order, and `weights`.
    public func graph() throws -> Graph {
        let builder = GraphBuilder()
        var arguments: [Tensor] = []
        for value in values {
            arguments.append(builder.input("argument \(arguments.count)", shape: value.shape))
        }
        for label in labels {
            arguments.append(
                builder.input("argument \(arguments.count)", shape: label.shape, type: label.type))
        }
        let y = try builder.within(path: "layer") { try function(arguments) }
        builder.fetch(y, as: "y")
        if derivative != .none {
            let loss = try (y * builder.input("weights", shape: y.shape)).sum()
            let gradients = try builder.gradients(of: loss, for: Array(arguments.prefix(values.count)))
            for (index, gradient) in gradients.enumerated() {
                builder.fetch(gradient, as: "gradient \(index)")
            }
        }
        return builder.graph
    }

    /// What an engine makes of `graph()`, with feeds of f32.
    public func results(on engine: some Engine) throws -> [String: NDArray] {
        let executable = try engine.compile(graph())
        let arguments = values.map { $0.converted(to: .f32) } + labels
        let feeds = executable.inputs.enumerated().map { index, input in
            index < arguments.count
                ? arguments[index] : weights ?? randomArray(input.shape, seed: 77, type: .f32)
        }
        var results: [NDArray] = []
        try executable.run(feeds, step: 0, on: engine.makeStore(Variables()), into: &results)
        return Dictionary(uniqueKeysWithValues: zip(executable.outputs.map(\.name), results))
    }

    /// Every case: each operation over shapes, strides and edges.
    public static let all: [OperationCase] =
        elementwise + shapes + convolutions + poolings + dense + normalizations
}
