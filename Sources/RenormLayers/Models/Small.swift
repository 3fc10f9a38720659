import RenormArrays
import RenormGraphs

/// A small network for small images: five 3×3 convolutions without bias (32, 32, pool, 64, 64, pool, 128 channels),
/// each followed by normalization and ReLU; global average; dense. `width` scales the channels.
public struct Small: Layer {
    /// The number of classes.
    public var classes: Int
    /// The factor of the channels: 0.5 gives 16, 16, 32, 32, 64.
    public var width: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes the network.
    public init(classes: Int, width: Double = 1, normalization: Normalization) {
        self.classes = classes
        self.width = width
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = x
        for (index, (channels, pools)) in [(32, false), (32, true), (64, false), (64, true), (128, false)]
            .enumerated()
        {
            let convolution = Convolution(
                max(Int((Double(channels) * width).rounded()), 1), kernel: 3, padding: .all(1), bias: false)
            let names = ("conv\(index + 1)", "bn\(index + 1)")
            y = try ConvolutionUnit(convolution, normalization, names: names)(y, scope)
            if pools { y = try scope.apply("pool\(index / 2 + 1)", MaxPool(2), to: y) }
        }
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("fc", Dense(classes), to: y)
    }
}

extension Small {
    static func register(in table: Registry<Network>) {
        table.register(
            "small", argument: .optional("WIDTH"),
            Network("five 3×3 convolutions for small images", image: [28, 28, 1]) { request, argument in
                Networks.width(argument).map {
                    Small(classes: request.classes, width: $0, normalization: request.normalization)
                }
            })
    }
}
