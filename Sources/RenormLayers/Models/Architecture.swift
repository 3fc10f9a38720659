import RenormArrays
import RenormGraphs

/// A network by its name and options: enough to build it again, so it is saved with a checkpoint.
public struct Architecture: Sendable, Hashable, Codable {
    /// The name in `Networks.table`, with its argument, such as `resnet18` or `small:0.5`.
    public var name: String
    /// How images enter networks that have a choice.
    public var stem: Stem
    /// The number of classes.
    public var classes: Int
    /// The shape of one image: `[H, W, C]`.
    public var input: TensorShape
    /// The normalization of every layer.
    public var normalization: Normalization
    /// The network itself where it is not in the table, so that a file that it was read from is needed no more; the name then
    /// only says where it came from.
    public var description: NetworkDescription?

    /// Describes a model.
    public init(
        name: String, stem: Stem = .cifar, classes: Int, input: TensorShape,
        normalization: Normalization, description: NetworkDescription? = nil
    ) {
        self.name = name
        self.stem = stem
        self.classes = classes
        self.input = input
        self.normalization = normalization
        self.description = description
    }

    /// The model's layers.
    ///
    /// - Throws: `GraphError.option` for a name that is not in the table, and for numbers out of range; `DescriptionError` for
    ///   a description that is no network.
    public func makeLayer() throws -> any Layer {
        if let fault { throw GraphError(fault, operation: "model", path: "") }
        if let description {
            return try description.makeLayer(classes: classes, normalization: normalization)
        }
        guard let (network, argument) = Networks.table.find(name),
            let layer = try network.makeLayer(self, argument)
        else {
            throw GraphError(Networks.table.fault(of: name), operation: "model", path: "")
        }
        return layer
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
        description = try container.optional(.description)
        try requireNoFault(decoder)
    }
}
