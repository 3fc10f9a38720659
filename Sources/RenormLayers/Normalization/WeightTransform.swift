import RenormArrays
import RenormGraphs

/// What the weights of a convolution go through before it convolves with them: a computation that is part of the network, so
/// that gradients pass through it, and which inference makes once.
public protocol WeightTransform: Sendable {
    /// The word by which it is asked for.
    static var name: String { get }

    /// Makes a transform; it has no parameters.
    init()

    /// The weights `[O, I / groups, H, W]` that the convolution uses.
    func callAsFunction(_ weight: Tensor) throws -> Tensor
}

extension WeightTransform {
    /// The word by which it is asked for.
    public var name: String { Self.name }
}

extension WeightTransform where Self == WeightStandardization {
    /// Weights with mean 0 and variance 1 for each output channel.
    public static var standardized: Self { Self() }
}

/// The transforms of weights that can be asked for by name. A package of your own adds its own here.
public enum WeightTransforms {
    /// The table.
    public static let table: Registry<any WeightTransform> = {
        let table = Registry<any WeightTransform>(of: "transform of weights")
        table.register(WeightStandardization.name, WeightStandardization())
        return table
    }()
}
