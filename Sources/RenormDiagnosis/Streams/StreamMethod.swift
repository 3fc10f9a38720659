import RenormArrays
import RenormGraphs

/// A way of adapting a network to a stream of images without labels, batch by batch: what normalizations use in place of their moving
/// averages, and what else is done.
///
/// Each method is a small value whose constants have names, so that it can be chosen by text: `bayes`, `ema rate=0.01`. A method of your
/// own is added to `StreamMethods.table`.
///
///     struct BatchMeans: StreamMethod {
///         static let name = "batch-means"
///         static let source = "means of the batch, deviations of the source"
///         func normalize(_ layer: StreamLayer) throws -> Tensor {
///             try layer.normalized(means: layer.batchMoments().mean, variances: layer.sourceVariance)
///         }
///     }
public protocol StreamMethod: Sendable, Hashable {
    /// The word by which it is asked for.
    static var name: String { get }

    /// Where it is from, and what of it is left out.
    static var source: String { get }

    /// Its constants, which a text may change.
    static var constants: [StreamConstant<Self>] { get }

    /// The method with its default constants.
    init()

    /// Whether it needs statistics of the source beyond moving averages.
    static var needsSource: Bool { get }

    /// The variables that a layer needs for it: its state, and what it knows of the source.
    ///
    /// - Parameters:
    ///   - channels: The channels of the layer's input.
    ///   - source: What source images say of it, where the method needs that.
    func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) throws -> [StreamVariable]

    /// Normalizes a layer's input, scale and shift included, and updates its state.
    func normalize(_ layer: StreamLayer) throws -> Tensor

    /// What is learned of each batch by gradients; `nil` for nothing.
    var learning: StreamLearning? { get }

    /// The probabilities `[N, K]` of a batch, where they are not those of the logits.
    ///
    /// - Parameters:
    ///   - logits: A row for each image.
    ///   - features: What the last layer is given, a row for each image.
    func probabilities(logits: [[Double]], features: [[Double]]) -> [[Double]]?
}

extension StreamMethod {
    /// None.
    public static var constants: [StreamConstant<Self>] { [] }
    /// No.
    public static var needsSource: Bool { false }
    /// None.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) -> [StreamVariable] {
        []
    }
    /// Nothing.
    public var learning: StreamLearning? { nil }
    /// Those of the logits.
    public func probabilities(logits: [[Double]], features: [[Double]]) -> [[Double]]? { nil }

    /// Its name and those constants that are not the defaults, which `StreamMethods.method` reads.
    public var description: String {
        let standard = Self()
        let changed = Self.constants.filter { self[keyPath: $0.path] != standard[keyPath: $0.path] }
        return ([Self.name] + changed.map { "\($0.name)=\(numberText(self[keyPath: $0.path]))" })
            .joined(separator: " ")
    }

    private func numberText(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    /// Sets a constant by name.
    ///
    /// - Throws: `Fault` for a name that it does not have, or a value out of range.
    mutating func set(_ name: String, to text: String) throws {
        guard let constant = Self.constants.first(where: { $0.name == name }) else {
            let names = Self.constants.map(\.name)
            throw Fault(
                of: "method \(Self.name)", "'\(name)'",
                names.isEmpty ? "no constants" : "one of \(names.joined(separator: ", "))")
        }
        guard let value = Double(text), constant.range.contains(value) else {
            throw Fault(
                of: "\(name) of method \(Self.name)", "'\(text)'",
                "\(constant.range.lowerBound) to \(constant.range.upperBound)")
        }
        self[keyPath: constant.path] = value
    }
}

/// A constant of a method.
public struct StreamConstant<Method>: Sendable {
    /// Its name.
    public let name: String
    /// Where the method has it.
    public let path: WritableKeyPath<Method, Double> & Sendable
    /// The values that it can have.
    public let range: ClosedRange<Double>

    /// Describes a constant.
    public init(
        _ name: String, _ path: WritableKeyPath<Method, Double> & Sendable, _ range: ClosedRange<Double>
    ) {
        self.name = name
        self.path = path
        self.range = range
    }
}

/// A variable of a layer under a method.
public struct StreamVariable: Sendable {
    /// Its value before the first batch.
    public enum Initial: Sendable {
        /// 0 everywhere.
        case zero
        /// The layer's mean at the source.
        case sourceMean
        /// The layer's variance at the source.
        case sourceVariance
        /// What never changes.
        case fixed(NDArray)
    }

    /// Its name, under the layer's path and `stream.`.
    public var name: String
    /// Its shape.
    public var shape: TensorShape
    /// Its value before the first batch.
    public var initial: Initial

    /// Describes a variable.
    public init(_ name: String, shape: TensorShape, initial: Initial = .zero) {
        self.name = name
        self.shape = shape
        self.initial = initial
    }

    /// A variable that never changes.
    public init(_ name: String, fixed: NDArray) {
        self.init(name, shape: fixed.shape, initial: .fixed(fixed))
    }

    var isFixed: Bool { if case .fixed = initial { true } else { false } }
}

/// The methods that can be asked for by name.
public enum StreamMethods {
    /// The table.
    public static let table: Registry<any StreamMethod.Type> = {
        let table = Registry<any StreamMethod.Type>(of: "stream method")
        let methods: [any StreamMethod.Type] = [
            BayesianShift.self, SourceAverages.self, BatchStatistics.self, CumulativeAverages.self,
            BlendedStatistics.self, ExponentialAverages.self, EntropyMinimization.self,
            SharpnessAwareEntropy.self, InstanceAwareStatistics.self, RobustAverages.self,
            InterpolatedStatistics.self, RenormalizedStatistics.self, LaplacianAdjustment.self,
        ]
        for method in methods { table.register(method.name, method) }
        return table
    }()

    /// Reads a name and constants, such as `ema rate=0.01`.
    ///
    /// - Throws: `Fault` for names that are not there and values out of range.
    public static func method(parsing text: String) throws -> any StreamMethod {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let name = words.first, let type = table[name] else { throw table.fault(of: words.first ?? "") }
        var method: any StreamMethod = type.init()
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Fault(of: "method \(name)", "'\(word)'", "NAME=NUMBER") }
            try method.set(parts[0], to: parts[1])
        }
        return method
    }
}
