import RenormGraphs

/// An operation on the values of its inputs one by one, from left to right; inputs are stretched to one another's extents.
struct Arithmetic: JoiningLayer {
    var operation: Binary

    init(_ operation: Binary) { self.operation = operation }

    var summary: String { operation.rawValue }

    func callAsFunction(_ inputs: [Tensor], _ scope: Scope) throws -> Tensor {
        try inputs.dropFirst().reduce(inputs[0]) { y, x in
            switch operation {
            case .add: try y + x
            case .subtract: try y - x
            case .multiply: try y * x
            case .divide: try y / x
            case .maximum: try y.maximum(x)
            case .minimum: try y.minimum(x)
            case .power: try y.power(x)
            }
        }
    }
}

/// Its inputs one after another in the channels.
struct Concatenation: JoiningLayer {
    var summary: String { "concatenate" }

    func callAsFunction(_ inputs: [Tensor], _ scope: Scope) throws -> Tensor {
        try Tensor.concatenate(inputs, axis: max(inputs[0].shape.rank - 1, 0))
    }
}
