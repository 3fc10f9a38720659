import RenormArrays

/// The layers that the description of a network can name. A package of your own adds its layers here:
///
///     DescribedLayers.table.register(
///         "my-block", DescribedLayers.Row("a block of mine", short: "channels") { options in
///             MyBlock(channels: try options.integer("channels", in: 1...4096))
///         })
public enum DescribedLayers {
    /// A layer that can be named.
    public struct Row: Sendable {
        /// What it is, in a few words.
        public var summary: String
        /// The option that a value alone stands for, such as `channels` in `convolution: 32`.
        public var short: String?
        /// Whether it is an activation, which belongs to the normalization before it.
        public var isActivation = false
        /// Whether it is a normalization, which makes a bias before it needless.
        var isNormalization = false
        /// Makes it of its options.
        var make: @Sendable (inout DescribedOptions) throws -> LayerGraph.Operation

        /// Describes a layer of one input.
        public init(
            _ summary: String, short: String? = nil, isActivation: Bool = false,
            make: @escaping @Sendable (inout DescribedOptions) throws -> any Layer
        ) {
            self.summary = summary
            self.short = short
            self.isActivation = isActivation
            self.make = { .layer(try make(&$0)) }
        }

        /// Describes a layer of several inputs.
        public init(
            joining summary: String, short: String? = nil,
            make: @escaping @Sendable (inout DescribedOptions) throws -> any JoiningLayer
        ) {
            self.summary = summary
            self.short = short
            self.make = { .joining(try make(&$0)) }
        }
    }

    /// The most channels or units of a layer.
    package static let most = 1 << 24
    /// The largest extent of a window, a step or a padding.
    package static let largestWindow = 1 << 16

    /// The table.
    public static let table: Registry<Row> = {
        let table = Registry<Row>(of: "layer")
        registerConvolutions(in: table)
        registerActivations(in: table)
        registerPooling(in: table)
        registerVectors(in: table)
        registerCombinators(in: table)
        registerArithmetic(in: table)
        registerNetworks(in: table)
        return table
    }()

    private static func registerConvolutions(in table: Registry<Row>) {
        table.register(
            "convolution",
            Row("convolution; without a bias where a normalization follows", short: "channels") { options in
                try convolution(&options, channels: options.integer("channels", in: 1...most))
            })
        table.register(
            "depthwise-convolution",
            Row("convolution of each channel by itself", short: "kernel") { options in
                var layer = try convolution(&options, channels: 1)
                (layer.channels, layer.groups) = (nil, nil)
                return layer
            })
        var normalization = Row("the normalization of the network, or another", short: "kind") { options in
            try self.normalization(&options)
        }
        normalization.isNormalization = true
        table.register("normalization", normalization)
    }

    private static func convolution(_ options: inout DescribedOptions, channels: Int) throws -> Convolution {
        var layer = Convolution(
            channels, kernel: 1, padding: try options.padding("padding", or: .same),
            groups: try options.integer("groups", in: 1...most, or: 1),
            bias: try options.flag("bias", or: !options.isNormalized))
        layer.kernel = try options.integers("kernel", 2, in: 1...largestWindow, or: 3)
        layer.strides = try options.integers("stride", 2, in: 1...largestWindow, or: 1)
        layer.dilations = try options.integers("dilation", 2, in: 1...largestWindow, or: 1)
        return layer
    }

    private static func normalization(_ options: inout DescribedOptions) throws -> Normalization {
        var layer = options.normalization
        if let text = try options.text("kind") {
            do {
                layer = try Normalization(parsing: text)
            } catch {
                let error = error as? NormalizationTextError
                throw options.failure(
                    of: "kind", found: error?.found ?? "'\(text)'",
                    expected: error?.expected ?? "a normalization")
            }
        }
        layer.epsilon = try options.number(
            "epsilon", in: 0...Double(Float.greatestFiniteMagnitude), or: layer.epsilon)
        layer.scale = try options.flag("scale", or: layer.scale)
        layer.shift = try options.flag("shift", or: layer.shift)
        return layer
    }

    private static func registerActivations(in table: Registry<Row>) {
        let activations: [(String, String, any Layer)] = [
            ("relu", "max(x, 0)", ReLU()), ("relu6", "min(max(x, 0), 6)", ReLU6()),
            ("silu", "x · sigmoid(x)", SiLU()), ("sigmoid", "1 / (1 + e⁻ˣ)", Sigmoid()),
            ("hard-swish", "x · relu6(x + 3) / 6", HardSwish()),
            ("hard-sigmoid", "relu6(x + 3) / 6", HardSigmoid()),
            ("gelu", "x · Φ(x)", GELU()),
        ]
        for (name, summary, layer) in activations {
            table.register(name, Row(summary, isActivation: true) { _ in layer })
        }
    }

    private static func registerPooling(in table: Registry<Row>) {
        table.register(
            "max-pool",
            Row("the largest value of each window", short: "window") { options in
                let window = try options.integer("window", in: 1...largestWindow)
                return MaxPool(
                    window, stride: try options.integer("stride", in: 1...largestWindow, or: window),
                    padding: try options.padding("padding", or: .valid))
            })
        table.register(
            "average-pool",
            Row("the mean of each window", short: "window") { options in
                let window = try options.integer("window", in: 1...largestWindow)
                return AveragePool(
                    window, stride: try options.integer("stride", in: 1...largestWindow, or: window),
                    padding: try options.padding("padding", or: .valid),
                    countsPadding: try options.flag("counts-padding", or: true))
            })
        table.register(
            "adaptive-average-pool",
            Row("means over windows that cut the image into so many rows and columns", short: "size") {
                options in
                let size = try options.integers("size", 2, in: 1...largestWindow)
                return AdaptiveAveragePool(height: size[0], width: size[1])
            })
        table.register(
            "global-average-pool", Row("the mean over height and width") { _ in GlobalAveragePool() })
    }

    private static func registerVectors(in table: Registry<Row>) {
        table.register(
            "flatten",
            Row("images as vectors", short: "channels-first") { options in
                Flatten(channelsFirst: try options.flag("channels-first", or: true))
            })
        table.register(
            "dense",
            Row("fully connected layer; 'dense: classes' for the last one", short: "units") { options in
                Dense(try options.units("units"), bias: try options.flag("bias", or: !options.isNormalized))
            })
        table.register(
            "dropout",
            Row("sets values to 0 in training", short: "rate") { options in
                Dropout(try options.number("rate", in: 0...0.999999))
            })
    }

    private static func registerCombinators(in table: Registry<Row>) {
        table.register(
            "sequence",
            Row("layers one after another, as one", short: "layers") { options in
                let layers = try options.layers("layers")
                return Sequential { layers }
            })
        table.register(
            "residual",
            Row(
                "what comes in plus what the layers of 'body' make of it; 'shortcut' is the way around",
                short: "body"
            ) {
                options in
                let (body, shortcut) = (try options.layers("body"), try options.layers("shortcut"))
                return Residual {
                    body
                } shortcut: {
                    shortcut
                }
            })
        table.register(
            "branches",
            Row("layers side by side, their results one after another in the channels", short: "layers") {
                options in
                let branches = try options.layerLists("layers")
                guard !branches.isEmpty else {
                    throw options.failure(found: "no branches", expected: "a list of lists of layers")
                }
                return Branches { branches }
            })
        table.register(
            "squeeze-excitation",
            Row("scales channels by what the means of all of them decide", short: "channels") { options in
                SqueezeExcitation(
                    try options.integer("channels", in: 1...most),
                    activation: try options.layer("activation", or: ReLU()),
                    gate: try options.layer("gate", or: Sigmoid()))
            })
        table.register(
            "channel-shuffle",
            Row("deals the channels of so many groups out anew", short: "groups") { options in
                ChannelShuffle(groups: try options.integer("groups", in: 1...most))
            })
        table.register(
            "stochastic-depth",
            Row("drops whole examples in training", short: "rate") { options in
                StochasticDepth(try options.number("rate", in: 0...0.999999))
            })
    }
}
