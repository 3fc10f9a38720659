import OrderedCollections
import RenormArrays

/// What a variable is for. Code decides by this, never by a variable's name.
public enum VariableKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Trained by gradients.
    case parameter
    /// Of the data, measured in training and used at inference: running means and deviations.
    case statistic
    /// The memory of an optimizer.
    case slot
    /// An exponential average of a parameter or statistic.
    case average
    /// A count of steps.
    case counter
    /// A sum over the small batches of one step: without meaning between steps, and never saved.
    case accumulator
    /// A statistic or counter of one of several domains, beside the ones that are used where none is named: in files alone.
    case domain
}

/// The value of a variable and what it is for.
public struct Variable: Sendable, Hashable {
    /// What it is for.
    public var kind: VariableKind
    /// Its value.
    public var value: NDArray

    /// Makes a variable.
    public init(kind: VariableKind, value: NDArray) {
        self.kind = kind
        self.value = value
    }
}

extension NDArray: Hashable {
    /// Hashes shape and type.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(shape)
        hasher.combine(type)
    }
}

/// The state of a model: path → kind and array, in the order in which the layers asked for them.
///
/// It is a value. Outside engines arrays have PyTorch's shapes and meaning: convolution `[O, I / groups, H, W]`,
/// dense `[out, in]`.
public struct Variables: Sendable, Hashable {
    private var entries: OrderedDictionary<String, Variable> = [:]

    /// No variables.
    public init() {}

    /// The paths in order.
    public var paths: [String] { Array(entries.keys) }

    /// The variable at a path; setting an unknown path appends it, setting `nil` removes it.
    public subscript(path: String) -> Variable? {
        get { entries[path] }
        set { entries[path] = newValue }
    }

    /// The variables for which `isIncluded` holds, in order.
    public func filter(_ isIncluded: (String, Variable) throws -> Bool) rethrows -> Variables {
        var result = Variables()
        result.entries = try entries.filter { try isIncluded($0.key, $0.value) }
        return result
    }

    /// The variables of the given kinds, in order.
    public func ofKinds(_ kinds: Set<VariableKind>) -> Variables {
        filter { kinds.contains($1.kind) }
    }

    /// The variables with each value replaced.
    public func mapValues(_ transform: (String, Variable) throws -> Variable) rethrows -> Variables {
        var result = self
        for (path, variable) in entries { result.entries[path] = try transform(path, variable) }
        return result
    }

    /// These variables, with those of `other` added and taking precedence.
    public func merging(_ other: Variables) -> Variables {
        var result = self
        for (path, variable) in other.entries { result.entries[path] = variable }
        return result
    }

    /// The number of elements of all variables together.
    public var elementCount: Int { entries.values.reduce(0) { $0 + $1.value.elementCount } }
}

extension Variables: RandomAccessCollection {
    /// A path and its variable.
    public typealias Element = (path: String, variable: Variable)
    /// 0.
    public var startIndex: Int { 0 }
    /// The number of variables.
    public var endIndex: Int { entries.count }
    /// The path and variable at a position.
    public subscript(position: Int) -> Element {
        let entry = entries.elements[position]
        return (entry.key, entry.value)
    }
}

/// How a variable starts.
public enum Initializer: Sendable, Hashable {
    /// The same value everywhere.
    case constant(Double)
    /// Normal with mean 0 and this standard deviation.
    case normal(deviation: Double)
    /// Uniform in ±bound.
    case uniform(bound: Double)

    /// He's initialization for layers followed by a ReLU, with fan-out, as torchvision does: √(2 / fanOut)
    /// (He et al. 2015).
    public static func he(fanOut: Int) -> Initializer {
        .normal(deviation: (2 / Double(fanOut)).squareRoot())
    }
}

/// What a graph says of a variable: everything but its value.
public struct VariableSpecification: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What it is for.
    public var kind: VariableKind
    /// Its shape.
    public var shape: TensorShape
    /// How it starts.
    public var initializer: Initializer
    /// Whether gradients change it. Only parameters are trainable.
    public var isTrainable: Bool
    /// Whether weight decay applies to it by default.
    public var decays: Bool

    /// Makes a specification.
    public init(
        path: String, kind: VariableKind, shape: TensorShape, initializer: Initializer,
        isTrainable: Bool = false,
        decays: Bool = false
    ) {
        self.path = path
        self.kind = kind
        self.shape = shape
        self.initializer = initializer
        self.isTrainable = isTrainable
        self.decays = decays
    }

    /// The type of its value outside engines: counters are whole numbers, everything else is f32. (In a graph both
    /// are f32, so a counter is exact up to 2²⁴.)
    public var storedType: ElementType { kind == .counter ? .i64 : .f32 }

    /// The value it starts with: a function of (seed, path), whatever else the model holds.
    public func initialValue(seed: UInt64) -> NDArray {
        var random = Random(seed: seed, stream: path)
        let count = shape.elementCount
        let values: [Float]
        switch initializer {
        case .constant(let value):
            values = [Float](repeating: Float(value), count: count)
        case .normal(let deviation):
            values = (0..<count).map { _ in Float(random.normal() * deviation) }
        case .uniform(let bound):
            values = (0..<count).map { _ in Float((2 * random.uniform() - 1) * bound) }
        }
        return NDArray(values, shape: shape).converted(to: storedType)
    }
}
