/// A model of the zoo by its name and options: enough to build it again, so it is saved with a checkpoint.
public struct Architecture: Sendable, Hashable, Codable {
    /// `small`, `small:0.5` (channels scaled), `resnet18`, `resnet34` or `resnet50`.
    public var name: String
    /// How images enter a ResNet.
    public var stem: ResNet.Stem
    /// The number of classes.
    public var classes: Int
    /// The shape of one image: `[H, W, C]`.
    public var input: TensorShape
    /// The normalization of every layer.
    public var normalization: Normalization

    /// The names that `makeLayer` knows.
    public static let names = "small, small:WIDTH (such as small:0.5), resnet18, resnet34 or resnet50"

    /// Describes a model.
    public init(
        name: String, stem: ResNet.Stem = .cifar, classes: Int, input: TensorShape,
        normalization: Normalization
    ) {
        self.name = name
        self.stem = stem
        self.classes = classes
        self.input = input
        self.normalization = normalization
    }

    /// The model's layers.
    ///
    /// - Throws: `GraphError.option` for a name that is not in the zoo.
    public func makeLayer() throws -> any Layer {
        switch name {
        case "small":
            return Small(classes: classes, normalization: normalization)
        case "resnet18":
            return ResNet.resnet18(classes: classes, stem: stem, normalization: normalization)
        case "resnet34":
            return ResNet.resnet34(classes: classes, stem: stem, normalization: normalization)
        case "resnet50":
            return ResNet.resnet50(classes: classes, stem: stem, normalization: normalization)
        default:
            guard name.hasPrefix("small:"), let width = Double(name.dropFirst(6)), width > 0, width <= 64
            else {
                throw GraphError.option(
                    operation: "model", path: "", found: "'\(name)'", expected: Architecture.names)
            }
            return Small(classes: classes, width: width, normalization: normalization)
        }
    }

    /// The model with initial values.
    public func makeModel(seed: UInt64) throws -> Model { try Model(makeLayer(), input: input, seed: seed) }
}
