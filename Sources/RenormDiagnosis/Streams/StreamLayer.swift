import RenormArrays
import RenormGraphs
import RenormLayers

/// What a method has at hand while a normalization is traced for a batch of a stream.
public struct StreamLayer {
    /// The input `[N, H, W, C]`.
    public let images: Tensor
    private let context: NormalizationContext

    init(_ images: Tensor, _ context: NormalizationContext) {
        self.images = images
        self.context = context
    }

    /// The number of images.
    public var batch: Int { images.shape[0] }
    /// The number of channels.
    public var channels: Int { images.shape[3] }
    /// The number of places of an image.
    public var places: Int { images.shape[1] * images.shape[2] }
    /// Added to variances under the root.
    public var epsilon: Double { context.epsilon }
    /// The graph under construction.
    public var builder: GraphBuilder { images.builder }

    /// The mean at the source `[1, C]`.
    public var sourceMean: Tensor {
        get throws { try statistic("running_mean").reshaped(to: [1, channels]) }
    }
    /// The variance at the source `[1, C]`, without ε.
    public var sourceVariance: Tensor {
        get throws { try statistic("running_var").reshaped(to: [1, channels]) }
    }

    /// A variable that the method has declared.
    public func variable(_ name: String) throws -> Tensor { try statistic("stream.\(name)") }

    /// A variable of the layer, which may be asked for again.
    private func statistic(_ name: String) throws -> Tensor {
        let path = "\(context.scope.path).\(name)"
        return builder.graph.variables[path] == nil
            ? try context.statistic(name) : try builder.variable(at: path)
    }

    /// Gives a variable its value for the next batch.
    public func update(_ name: String, to value: Tensor) throws {
        try context.scope.update("stream.\(name)", to: value)
    }

    /// Means and biased variances of each image, `[N, C]`.
    public func imageMoments() throws -> (mean: Tensor, variance: Tensor) { try moments(groups: batch) }

    /// Means and biased variances of the batch, `[1, C]`.
    public func batchMoments() throws -> (mean: Tensor, variance: Tensor) { try moments(groups: 1) }

    private func moments(groups: Int) throws -> (mean: Tensor, variance: Tensor) {
        try builder.within(role: .moments) {
            let (mean, variance) = try images.moments(groups: groups)
            return (mean.stoppingGradient(), variance.stoppingGradient())
        }
    }

    /// γ·(x − m)/√(v + ε) + β with means and variances `[G, C]` of groups of N / G images.
    public func normalized(means: Tensor, variances: Tensor) throws -> Tensor {
        let scale = try context.gamma / (variances + epsilon).squareRoot()
        return try builder.within(role: .normalized) {
            try images.affine(
                mean: means, scale: scale, shift: context.beta.broadcast(to: scale.shape))
        }
    }

    /// γ·(x − m)/√(v + ε) + β with the batch's own moments, whose gradient projects as batch normalization's does.
    public func standardized() throws -> Tensor {
        try context.standardized(
            images,
            by: context.batchMoments(images, examples: nil, ofSingleValues: { _ in "the result is β" }))
    }
}

/// The normalization of a network under a method: in place of one with moving averages while a stream is adapted to. It is never
/// saved.
struct StreamNormalization: NormalizationKind {
    static let name = "stream"

    let method: any StreamMethod
    let variables: [NormalizationStatistic]

    init(_ method: any StreamMethod, _ variables: [StreamVariable]) {
        self.method = method
        self.variables = variables.map {
            NormalizationStatistic("stream.\($0.name)", shape: $0.shape, initial: 0)
        }
    }

    init(parsing text: inout NormalizationText) throws {
        throw text.failure(found: "'stream'", expected: "a normalization that is trained")
    }

    init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(
                codingPath: decoder.codingPath, debugDescription: "the normalization of a stream is not saved"
            ))
    }

    func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self,
            .init(
                codingPath: encoder.codingPath, debugDescription: "the normalization of a stream is not saved"
            ))
    }

    static func == (left: StreamNormalization, right: StreamNormalization) -> Bool {
        left.method.description == right.method.description && left.variables == right.variables
    }

    func hash(into hasher: inout Hasher) { hasher.combine(method.description) }

    func statistics(channels: Int, epsilon: Double) -> [NormalizationStatistic] {
        FrozenNormalization().statistics(channels: channels, epsilon: epsilon) + variables
    }

    func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        try method.normalize(StreamLayer(x, layer))
    }
}
