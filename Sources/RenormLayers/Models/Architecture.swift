/// A model of the zoo by its name and options: enough to build it again, so it is saved with a checkpoint.
public struct Architecture: Sendable, Hashable, Codable {
    /// `small`, `small:0.5` (channels scaled), `resnet18`, `resnet34`, `resnet50`, `mobilenetv2` or `mobilenetv2:0.5`.
    public var name: String
    /// How images enter a ResNet or MobileNetV2.
    public var stem: Stem
    /// The number of classes.
    public var classes: Int
    /// The shape of one image: `[H, W, C]`.
    public var input: TensorShape
    /// The normalization of every layer.
    public var normalization: Normalization

    /// The names that `makeLayer` knows.
    public static let names =
        "small, small:WIDTH (such as small:0.5), resnet18, resnet34, resnet50, mobilenetv2 or mobilenetv2:WIDTH"

    /// Whether the network of a name has a stem to choose.
    package static func hasStem(_ name: String) -> Bool { !name.hasPrefix("small") }

    /// Describes a model.
    public init(
        name: String, stem: Stem = .cifar, classes: Int, input: TensorShape,
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
        case "resnet18":
            return ResNet.resnet18(classes: classes, stem: stem, normalization: normalization)
        case "resnet34":
            return ResNet.resnet34(classes: classes, stem: stem, normalization: normalization)
        case "resnet50":
            return ResNet.resnet50(classes: classes, stem: stem, normalization: normalization)
        default:
            if let width = width(after: "small") {
                return Small(classes: classes, width: width, normalization: normalization)
            }
            if let width = width(after: "mobilenetv2") {
                return MobileNetV2(classes: classes, width: width, stem: stem, normalization: normalization)
            }
            throw GraphError.option(
                operation: "model", path: "", found: "'\(name)'", expected: Architecture.names)
        }
    }

    /// The factor of the channels in a name such as `small:0.5`; 1 for `small` alone.
    private func width(after prefix: String) -> Double? {
        if name == prefix { return 1 }
        guard name.hasPrefix(prefix + ":"), let width = Double(name.dropFirst(prefix.count + 1)), width > 0,
            width <= 64
        else { return nil }
        return width
    }

    /// The model with initial values.
    public func makeModel(seed: UInt64) throws -> Model { try Model(makeLayer(), input: input, seed: seed) }
}
