import RenormArrays

/// A network that can be asked for by name.
public struct Network: Sendable {
    /// What it is and where it is from, in a few words: `residual network of 18 layers (He et al. 2016)`.
    public var summary: String
    /// Whether there is a choice of how images enter it.
    public var hasStem: Bool
    /// The shape of the images that it was published for: `[H, W, C]`.
    public var image: TensorShape
    /// The normalization that it was published with: its published weights are of this kind and this ε, and the ε is what any
    /// other kind gets in this network unless told otherwise.
    public var normalization: Normalization
    /// Makes the layers for what is asked for; the second argument is what follows the name and a colon. `nil` for an
    /// argument that it cannot read.
    public var makeLayer: @Sendable (Architecture, String?) throws -> (any Layer)?

    /// Describes a network.
    public init(
        _ summary: String = "", hasStem: Bool = false, image: TensorShape = [224, 224, 3],
        normalization: Normalization = Normalization(.batch),
        makeLayer: @escaping @Sendable (Architecture, String?) throws -> (any Layer)?
    ) {
        self.summary = summary
        self.hasStem = hasStem
        self.image = image
        self.normalization = normalization
        self.makeLayer = makeLayer
    }
}

/// The networks that can be asked for by name. A package of your own adds its networks here:
///
///     Networks.table.register("my-network", Network { request, _ in
///         MyNetwork(classes: request.classes, normalization: request.normalization)
///     })
public enum Networks {
    /// The table.
    public static let table: Registry<Network> = {
        let table = Registry<Network>(of: "network")
        Small.register(in: table)
        VGG.register(in: table)
        ResNet.register(in: table)
        MobileNetV2.register(in: table)
        MobileNetV3.register(in: table)
        EfficientNet.register(in: table)
        EfficientNetLite.register(in: table)
        InceptionV3.register(in: table)
        Xception.register(in: table)
        DenseNet.register(in: table)
        ShuffleNetV2.register(in: table)
        RegNet.register(in: table)
        ConvNeXt.register(in: table)
        return table
    }()

    /// Whether there is a choice of how images enter the network of a name.
    package static func hasStem(_ name: String) -> Bool { table.find(name)?.value.hasStem ?? true }

    /// A factor of channels: 1 without an argument, `nil` for what is no number above 0 and at most 64.
    static func width(_ argument: String?) -> Double? {
        guard let argument else { return 1 }
        return Double(argument).flatMap { $0 > 0 && $0 <= 64 ? $0 : nil }
    }

    /// A number of channels as a multiple of 8 that is never more than 10 % smaller (Sandler et al. 2018).
    static func channels(_ exact: Double) -> Int {
        let rounded = max(8, Int(exact + 4) / 8 * 8)
        return Double(rounded) < 0.9 * exact ? rounded + 8 : rounded
    }
}
