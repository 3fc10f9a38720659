import RenormArrays
import RenormGraphs

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
    /// - Throws: `GraphError.option` for a name that is not in the zoo, and for numbers out of range.
    public func makeLayer() throws -> any Layer {
        if let fault { throw GraphError(fault, operation: "model", path: "") }
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
    ///
    /// - Throws: As `makeLayer`, and `GraphError` if images of this shape do not fit the layers.
    public func makeModel(seed: UInt64) throws -> Model { try Model(makeLayer(), input: input, seed: seed) }
}

extension Architecture: Checkable {
    /// The most values of an image: a few bytes of a file can announce far more than any memory holds.
    package static let largestImage = 1 << 28

    /// What is wrong with the numbers; the name is `makeLayer`'s to know.
    package var fault: Fault? {
        .first(
            Fault("\(classes) classes", "1 to \(Int32.max)", unless: (1...Int(Int32.max)).contains(classes)),
            Architecture.fault(ofImage: input), normalization.fault)
    }

    /// What is wrong with the shape of one image.
    package static func fault(ofImage shape: TensorShape) -> Fault? {
        Fault(
            "images of \(shape.rank > 8 ? "\(shape.rank) axes" : "\(shape)")",
            "[height, width, channels], each at least 1, and at most 2^28 values",
            unless: shape.rank == 3 && shape.dimensions.allSatisfy { $0 >= 1 }
                && shape.dimensions.reduce(1) { $0.saturatingProduct($1) } <= largestImage)
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for numbers out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.value(.name)
        stem = try container.value(.stem)
        classes = try container.value(.classes)
        input = try container.value(.input)
        normalization = try container.value(.normalization)
        try requireNoFault(decoder)
    }
}
