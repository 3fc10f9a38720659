import RenormArrays
import RenormGraphs

/// What of a file fits a model and what does not: everything that was found, with the likeliest cause.
///
///     let report = try model.loadingReport(of: file)
///     if !report.fits { print(report) }
public struct LoadingReport: Sendable, Hashable {
    /// Something that is not what the model has.
    public struct Mismatch<Value: Sendable & Hashable>: Sendable, Hashable {
        /// The variable.
        public var path: String
        /// What the file has.
        public var found: Value
        /// What the model has.
        public var expected: Value

        /// Says what is not what the model has.
        public init(path: String, found: Value, expected: Value) {
            (self.path, self.found, self.expected) = (path, found, expected)
        }
    }

    /// A statistic with a value that none can have, such as a negative variance.
    public struct OutOfBounds: Sendable, Hashable {
        /// The variable.
        public var path: String
        /// Where in it, in row order.
        public var index: Int
        /// What stands there.
        public var found: Double
        /// What can stand there.
        public var expected: StatisticBound
    }

    /// The file.
    public var file: String
    /// The variables that fit, in the order of the model.
    public var fitting: [String] = []
    /// The variables that keep the values they have, because the caller says so.
    public var kept: [String] = []

    // MARK: What does not fit

    /// Variables of the model that the file lacks.
    public var missing: [String] = []
    /// Variables of the file that the model has no use for.
    public var unexpected: [String] = []
    /// Variables of another shape.
    public var shapes: [Mismatch<TensorShape>] = []
    /// Variables of another element type.
    public var types: [Mismatch<ElementType>] = []
    /// Variables that are for something else, such as a statistic for a parameter.
    public var kinds: [Mismatch<VariableKind>] = []
    /// Variables with a value that is not finite.
    public var notFinite: [String] = []
    /// Statistics with a value that none can have.
    public var outOfBounds: [OutOfBounds] = []
    /// What the matter probably is, each a sentence, the likeliest first.
    public var causes: [String] = []

    // MARK: What fits, but should be known

    /// Normalizations whose averages are those of a network that was never trained: mean 0, variance 1, no batch counted.
    public var neverUpdated: [String] = []
    /// Normalizations of which the variance of some channels is 0: there only ε divides.
    public var zeroVariances: [String] = []
    /// Normalizations whose averages came without a count of batches, as before PyTorch counted them; 1 is taken.
    public var uncounted: [String] = []
    /// Normalizations whose averages another kind has written, and which are converted.
    public var converted: [String] = []

    /// The layers that could keep the values they have so that the file fits (`except:`), if that is all it takes: those of
    /// another shape, such as a classifier for other classes.
    public var exceptions: [String] {
        guard
            missing.isEmpty && unexpected.isEmpty && types.isEmpty && kinds.isEmpty && notFinite.isEmpty
                && outOfBounds.isEmpty
        else { return [] }
        return shapes.map { VariablesError.layer($0.path) }.reduce(into: []) { layers, layer in
            if !layers.contains(layer) { layers.append(layer) }
        }
    }

    /// Whether the model can take over the file.
    public var fits: Bool { problemCount == 0 }

    /// The number of variables with which something is wrong.
    public var problemCount: Int {
        missing.count + unexpected.count + shapes.count + types.count + kinds.count + notFinite.count
            + outOfBounds.count
    }

    /// Makes an empty report.
    init(of file: String) { self.file = file }

    /// The first problem alone, for files that renorm itself has written.
    var firstProblem: VariablesError? {
        if !missing.isEmpty { return .missing(file: file, paths: missing) }
        if !unexpected.isEmpty { return .unexpected(file: file, paths: unexpected) }
        if let kind = kinds.first {
            return .kind(file: file, path: kind.path, found: kind.found, expected: kind.expected)
        }
        if let shape = shapes.first {
            return .shape(file: file, path: shape.path, found: shape.found, expected: shape.expected)
        }
        if let type = types.first {
            return .type(file: file, path: type.path, found: type.found, expected: type.expected)
        }
        if let path = notFinite.first { return .notFinite(file: file, path: path) }
        return outOfBounds.first.map {
            .statistic(file: file, path: $0.path, index: $0.index, found: $0.found, expected: $0.expected)
        }
    }
}
