import RenormGraphs

/// A layer of several inputs.
public protocol JoiningLayer: Sendable {
    /// Adds the layer's computation to the graph under construction and returns its result.
    ///
    /// - Throws: `GraphError` when the inputs do not fit.
    func callAsFunction(_ inputs: [Tensor], _ scope: Scope) throws -> Tensor

    /// The layer in a few words, for `renorm describe`.
    var summary: String { get }
}

/// Layers that read one another's results by name: a network with any connections. Adds no level to paths; layers without
/// a name are numbered by their places.
struct LayerGraph: Layer, Transparent {
    /// What a step computes.
    enum Operation {
        case layer(any Layer)
        case joining(any JoiningLayer)
    }

    /// A layer with what it reads.
    struct Step {
        var name: String?
        var inputs: [String]?
        var operation: Operation
        var place: String
        var isActivation: Bool
        /// The name of its result, where it is not the layer's own.
        var resultName: String?
    }

    /// The name of what the layers are given.
    static let inputName = "input"

    private let steps: [Step]

    /// Connects layers, each of which reads what stands before it.
    init(_ steps: [Step]) { self.steps = steps }

    var places: Int { steps.reduce(0) { $0 + Self.places(of: $1) } }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try self(x, scope, from: 0) }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        var (y, place, results) = (x, place, [Self.inputName: x])
        for step in steps {
            let inputs = step.inputs.map { $0.map { results[$0]! } } ?? [y]
            let name = step.name ?? "\(place)"
            switch step.operation {
            case .layer(let layer as any Transparent) where step.name == nil:
                y = try layer(inputs[0], scope, from: place)
            case .layer(let layer): y = try scope.apply(name, layer, to: inputs[0])
            case .joining(let layer):
                y = try scope.apply(name, summary: layer.summary, to: inputs[0]) { try layer(inputs, $0) }
            }
            if let result = step.resultName ?? step.name { results[result] = y }
            place += Self.places(of: step)
        }
        return y
    }

    private static func places(of step: Step) -> Int {
        guard case .layer(let layer as any Transparent) = step.operation, step.name == nil else { return 1 }
        return layer.places
    }
}
