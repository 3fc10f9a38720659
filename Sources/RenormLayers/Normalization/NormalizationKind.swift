import RenormArrays
import RenormGraphs

/// A way of normalizing, with its own parameters and nothing else: which values share moments, what is done about the gap
/// between these moments and the population's, and what the backward pass removes.
///
/// Everything that the rest of the program asks of a normalization is answered here, by the kind itself: its text, its file
/// form, its variables, what it reports while it is trained. What only some kinds have is a protocol of its own:
/// `BatchwiseNormalization` for those that normalize examples of a batch together, `PopulationNormalization` for those
/// that keep moving averages. `NormalizationKinds` finds kinds by name, and a package of your own can add to it:
///
///     struct RootMeanSquare: NormalizationKind {
///         static let name = "rms"
///
///         func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
///             let power = try x.squared().mean(axes: [1, 2, 3]).reshaped(to: [x.shape[0], 1, 1, 1])
///             return try layer.scaledAndShifted(x / (power + layer.epsilon).squareRoot())
///         }
///     }
///
///     NormalizationKinds.table.register(RootMeanSquare.self)
///     let layer = try Normalization(parsing: "rms")
///
/// A kind is coded (`Codable`) by its parameters alone; the layer around it writes the name.
public protocol NormalizationKind: Sendable, Hashable, Codable {
    /// The word by which it is asked for, such as `batch-renorm`.
    static var name: String { get }

    /// What follows the name and a colon, as in `group:8`.
    static var argument: NormalizationKinds.Argument { get }

    /// The options that follow the name in its text form, such as `rate`.
    static var options: [String] { get }

    /// Reads its parameters from a text whose name is already read. Kinds without parameters need not implement it.
    ///
    /// - Throws: `NormalizationTextError` for an option out of range.
    init(parsing text: inout NormalizationText) throws

    /// Its name and argument, such as `group:8`.
    var word: String { get }

    /// The options that `init(parsing:)` reads, where they are not the defaults: `["rate=0.05"]`.
    var optionTexts: [String] { get }

    /// What is wrong with its parameters; `nil` where nothing is.
    var fault: Fault? { get }

    /// What it is in a few words, for descriptions of a network.
    var summary: String { get }

    /// Adds the normalization of images `[N, H, W, C]` to the graph, scale and shift included.
    ///
    /// - Throws: `GraphError` when the images do not fit the parameters.
    func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor

    /// The statistics and counters that it keeps for so many channels, in the order of their declaration.
    func statistics(channels: Int, epsilon: Double) -> [NormalizationStatistic]

    /// Whether its result has passed an activation of its own, which takes the place of the one that a network has after
    /// a normalization.
    var isActivated: Bool { get }

    /// The schedules that its training follows, by the names under which their values are reported.
    var reportedSchedules: [(name: String, schedule: Schedule)] { get }

    /// What it reports of its state while it is trained, such as gains.
    ///
    /// - Parameter value: Gives one of its statistics by name.
    func readings(_ value: (String) throws -> NDArray) throws -> [NormalizationReading]
}

/// A kind that normalizes examples of a batch together, so that what a network makes of an image depends on the others in
/// its batch in training.
public protocol BatchwiseNormalization: NormalizationKind {
    /// The number of examples normalized together: groups of this many consecutive examples have moments of their own,
    /// while gradients are summed over all (the microbatches of Ioffe 2017). `nil` for the whole batch.
    var examples: Int? { get set }

    /// How it corrected a group of examples in a step of training; `nil` where it normalizes with the group's own moments.
    ///
    /// - Parameter step: The number of the step, from 0, that schedules are asked for.
    func correction(of group: GroupMoments, step: Int) -> BatchCorrection?
}

extension BatchwiseNormalization {
    /// `nil`: none.
    public func correction(of group: GroupMoments, step: Int) -> BatchCorrection? { nil }
}

/// A kind that keeps moving averages, with which it normalizes at inference.
public protocol PopulationNormalization: NormalizationKind {
    /// What its statistics say of the population; `nil` where they are not there.
    ///
    /// - Parameter value: Gives one of its statistics by name; `nil` where it is not there.
    func population(_ value: (String) -> NDArray?, epsilon: Double) -> Population?

    /// The statistics by name that say the same of a population as another kind's did, to the last bit where both say it
    /// in the same way. Those that it does not name keep their values, or start anew.
    ///
    /// - Throws: `NormalizationError` for averages that no population has.
    func statistics(of population: Population, epsilon: Double, path: String) throws -> [String: NDArray]

    /// The same kind, whose averages after a batch are that batch's own moments, so that the averages of a network that changes no
    /// more are the mean of what it gives for each batch. `nil` where averages follow batches by a state of their own.
    var followingOneBatch: (any PopulationNormalization)? { get }

    /// The variance, without ε, at which its averages of a channel settle when training normalizes groups with these variances. Where
    /// nothing is said, the mean of the unbiased ones.
    ///
    /// - Parameters:
    ///   - variances: Of each group the mean squared difference from the group's mean.
    ///   - count: The number of values in a group.
    func settledVariance(_ variances: [Double], count: Int, epsilon: Double) -> Double
}

extension PopulationNormalization {
    /// `nil`: averages are followed from batch to batch.
    public var followingOneBatch: (any PopulationNormalization)? { nil }

    /// The mean of the unbiased variances, as PyTorch's averages have it.
    public func settledVariance(_ variances: [Double], count: Int, epsilon: Double) -> Double {
        let mean = variances.reduce(0, +) / Double(max(variances.count, 1))
        return count > 1 ? mean * Double(count) / Double(count - 1) : mean
    }
}

extension NormalizationKind {
    /// Nothing.
    public static var argument: NormalizationKinds.Argument { .none }
    /// None.
    public static var options: [String] { [] }
    /// The name, for kinds without an argument.
    public var word: String { Self.name }
    /// None.
    public var optionTexts: [String] { [] }
    /// Nothing.
    public var fault: Fault? { nil }
    /// The word and `normalization`.
    public var summary: String { "\(word) normalization" }
    /// None.
    public func statistics(channels: Int, epsilon: Double) -> [NormalizationStatistic] { [] }
    /// No.
    public var isActivated: Bool { false }
    /// None.
    public var reportedSchedules: [(name: String, schedule: Schedule)] { [] }
    /// Nothing.
    public func readings(_ value: (String) throws -> NDArray) throws -> [NormalizationReading] { [] }
}

extension NormalizationKind where Self: SimplyMade {
    /// Makes the kind: there is nothing to read.
    public init(parsing text: inout NormalizationText) throws { self.init() }
}

/// A type whose values are made of nothing, such as a kind of normalization without parameters.
public protocol SimplyMade {
    /// Makes a value.
    init()
}

extension BatchwiseNormalization {
    /// What it is, and how many examples it takes together.
    public var summary: String {
        "\(word) normalization" + (examples.map { " of \($0) examples" } ?? "")
    }

    /// What is wrong with the number of examples.
    var examplesFault: Fault? {
        Fault("groups of \(examples ?? 1) examples", "at least 1", unless: (examples ?? 1) >= 1)
    }
}

/// The normalizations that can be asked for by name. A package of your own adds its kinds here.
public enum NormalizationKinds {
    /// What follows a name in the table.
    public typealias Argument = Registry<any NormalizationKind.Type>.Argument

    /// The table.
    public static let table: Registry<any NormalizationKind.Type> = {
        let table = Registry<any NormalizationKind.Type>(of: "normalization")
        let kinds: [any NormalizationKind.Type] = [
            BatchNormalization.self, BatchRenormalization.self, FrozenNormalization.self,
            LayerNormalization.self, InstanceNormalization.self, GroupNormalization.self,
            PositionalNormalization.self, FilterResponseNormalization.self, NoNormalization.self,
        ]
        for kind in kinds { table.register(kind) }
        return table
    }()
}

extension Registry<any NormalizationKind.Type> {
    /// Adds a kind under its own name.
    public func register(_ kind: any NormalizationKind.Type) {
        register(kind.name, argument: kind.argument, kind)
    }
}

/// A statistic or counter that a normalization keeps.
public struct NormalizationStatistic: Sendable, Hashable {
    /// Its name, under the path of the layer.
    public var name: String
    /// `statistic` or `counter`.
    public var kind: VariableKind
    /// Its shape.
    public var shape: TensorShape
    /// Its value before training, everywhere.
    public var initial: Double
    /// The values that it can have; `nil` for all finite ones.
    public var bound: StatisticBound?
    /// The value that it takes, everywhere, where a file has the other statistics of the layer but not this one; `nil` if
    /// the file is not complete without it.
    public var valueWhereMissing: Double?

    /// Describes a statistic.
    public init(
        _ name: String, kind: VariableKind = .statistic, shape: TensorShape, initial: Double,
        bound: StatisticBound? = nil, valueWhereMissing: Double? = nil
    ) {
        self.name = name
        self.kind = kind
        self.shape = shape
        self.initial = initial
        self.bound = bound
        self.valueWhereMissing = valueWhereMissing
    }

    /// The value that it starts with.
    var initialValue: NDArray { value(initial) }

    /// This value everywhere.
    func value(_ value: Double) -> NDArray {
        NDArray(repeating: Float(value), shape: shape).converted(to: kind == .counter ? .i64 : .f32)
    }

    /// The number of batches that moving averages have seen. Files from before PyTorch counted them (0.4.1) lack it.
    package static let batchCount = NormalizationStatistic(
        "num_batches_tracked", kind: .counter, shape: .scalar, initial: 0,
        bound: StatisticBound(minimum: 0, isIncluded: true), valueWhereMissing: 1)
}
