import RenormArrays

/// A network that is no code: layers by name, in a row or connected by their names. It is what a file of YAML says, what is read
/// from an ONNX file, and what is saved with a run whose network came from either.
///
///     layers:
///       - convolution: {channels: 32, kernel: 3, stride: 2}
///       - normalization:
///       - relu
///       - residual: {body: [convolution: 32, normalization, relu, convolution: 32, normalization]}
///       - global-average-pool
///       - dense: classes
///
/// Layers without a name take the next places, as in `Sequential`. A convolution and a normalization right after it are one
/// `ConvolutionUnit`, with the activation after them.
public struct NetworkDescription: Sendable, Hashable {
    /// What it is, in a few words.
    public var summary: String?
    /// The shape of the images that it was made for: `[H, W, C]`.
    public var image: TensorShape?
    /// The normalization that it was made for.
    public var normalization: Normalization?
    /// The layers in order; the last one's result is the network's.
    public var layers: [DescribedLayer]

    /// Describes a network.
    public init(
        _ layers: [DescribedLayer], summary: String? = nil, image: TensorShape? = nil,
        normalization: Normalization? = nil
    ) {
        self.layers = layers
        self.summary = summary
        self.image = image
        self.normalization = normalization
    }

    /// The network's layers.
    ///
    /// - Parameters:
    ///   - classes: The number that `dense: classes` stands for.
    ///   - normalization: What `normalization:` without more stands for.
    /// - Throws: `DescriptionError` with the place in the description.
    public func makeLayer(classes: Int, normalization: Normalization) throws -> any Layer {
        let maker = DescribedLayerMaker(classes: classes, normalization: normalization)
        let made = try maker.layers(layers, at: "layers")
        guard !made.isEmpty else {
            throw DescriptionError(place: "layers", found: "no layers", expected: "at least one")
        }
        return Sequential { made }
    }
}

extension NetworkDescription: Checkable {
    /// What is wrong with it; what does not fit the images is found when it is traced.
    package var fault: Fault? {
        if let image, let fault = Architecture.fault(ofImage: image) { return fault }
        if let fault = normalization?.fault { return fault }
        do {
            _ = try makeLayer(classes: 1, normalization: Normalization(.none))
            return nil
        } catch {
            return (error as? DescriptionError)?.fault ?? Fault("\(error)", "a network")
        }
    }
}

extension NetworkDescription: Codable {
    private typealias Key = DescribedValueReader.Key
    private static let keys = ["summary", "image", "normalization", "layers"]

    /// Reads what a file of YAML or JSON has.
    ///
    /// - Throws: `DecodingError` with the place, what was found and what was expected.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        if let unknown = container.allKeys.map(\.stringValue).sorted().first(where: {
            !Self.keys.contains($0)
        }) {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "found '\(unknown.prefix(60).description.visible)'; expected "
                        + Self.keys.joined(separator: ", ")))
        }
        func key(_ name: String) -> Key { Key(stringValue: name) }
        summary = try container.optional(key("summary"))
        image = try container.optional(key("image"))
        normalization = try container.decodeIfPresent(String.self, forKey: key("normalization")).map { text in
            do {
                return try Normalization(parsing: text)
            } catch {
                throw DecodingError.dataCorruptedError(
                    forKey: key("normalization"), in: container, debugDescription: "\(error)")
            }
        }
        var reader = DescribedValueReader()
        guard container.contains(key("layers")),
            case .list(let values) = try reader.value(container, key("layers"))
        else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "found no list 'layers'; expected 'layers:' and a list of layers"))
        }
        do {
            layers = try values.enumerated().map { try DescribedLayer($1, at: "layers[\($0)]") }
        } catch let error as DescriptionError {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath, debugDescription: error.fault.description))
        }
        try requireNoFault(decoder)
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(summary, forKey: Key(stringValue: "summary"))
        try container.encodeIfPresent(image, forKey: Key(stringValue: "image"))
        try container.encodeIfPresent(normalization?.description, forKey: Key(stringValue: "normalization"))
        try container.encode(layers.map(\.value), forKey: Key(stringValue: "layers"))
    }
}
