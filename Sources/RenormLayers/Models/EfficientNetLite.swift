import RenormArrays
import RenormGraphs

/// EfficientNet-Lite0 (Tan & Le 2019, made for phones by Google in 2020) with timm's names: `conv_stem`, `bn1`,
/// `blocks.0.0.conv_dw`, …, `conv_head`, `bn2`, `classifier`. EfficientNet-B0 without squeeze and excitation, with ReLU6, and
/// padded as TensorFlow does.
///
/// Initial values are timm's: convolutions normal with deviation √(2 / fan-out), the fan-out of a group; the classifier uniform in
/// ±1 / √classes.
public struct EfficientNetLite: Layer {
    /// The number of classes.
    public var classes: Int
    /// The rate of the dropout before the classifier.
    public var dropout: Double
    /// The rate at which the last block would be dropped in training; that of the others grows with their place from 0 on.
    public var stochasticDepth: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// The normalization that it was published with: ε as TensorFlow has it.
    public static let publishedNormalization = Normalization(.batch, epsilon: 1e-3)

    /// Makes the network; 4.7 M parameters with 1,000 classes.
    public init(
        classes: Int, dropout: Double = 0.2, stochasticDepth: Double = 0.2,
        normalization: Normalization = publishedNormalization
    ) {
        self.classes = classes
        self.dropout = dropout
        self.stochasticDepth = stochasticDepth
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try unit(Convolution(32, kernel: 3, stride: 2, bias: false), "conv_stem", "bn1")(x, scope)
        var place = 0
        for (stage, row) in EfficientNet.stages.enumerated() {
            for index in 0..<row.blocks {
                let block = block(
                    input: y.shape[3], row.expansion, row.kernel, stride: index == 0 ? row.stride : 1,
                    output: row.channels, dropRate: EfficientNet.dropRate(stochasticDepth, at: place))
                y = try scope.apply("blocks.\(stage).\(index)", block, to: y)
                place += 1
            }
        }
        y = try unit(Convolution(1280, kernel: 1, bias: false), "conv_head", "bn2")(y, scope)
        y = try scope.apply("global_pool", GlobalAveragePool(), to: y)
        y = try scope.apply("drop", Dropout(dropout), to: y)
        return try scope.apply(
            "classifier", Dense(classes, initializer: .uniform(bound: 1 / Double(classes).squareRoot())),
            to: y)
    }

    private func block(
        input: Int, _ expansion: Int, _ kernel: Int, stride: Int, output: Int, dropRate: Double
    ) -> Sequential {
        // What its outputs see of a depthwise convolution is one window.
        let channelwise = Convolution.depthwise(
            kernel: kernel, stride: stride, bias: false, initializer: .he(fanOut: kernel * kernel))
        let last = Convolution(output, kernel: 1, bias: false)
        let body = Sequential {
            if expansion == 1 {
                unit(channelwise, "conv_dw", "bn1")
                unit(last, "conv_pw", "bn2", activation: nil)
            } else {
                unit(Convolution(input * expansion, kernel: 1, bias: false), "conv_pw", "bn1")
                unit(channelwise, "conv_dw", "bn2")
                unit(last, "conv_pwl", "bn3", activation: nil)
            }
        }
        return Sequential {
            if stride == 1 && input == output {
                Residual {
                    body.layers
                    if dropRate > 0 { StochasticDepth(dropRate).named("drop_path") }
                }
            } else {
                body.layers
            }
        }
    }

    private func unit(
        _ convolution: Convolution, _ name: String, _ normalizationName: String,
        activation: (any Layer)? = ReLU6()
    ) -> ConvolutionUnit {
        ConvolutionUnit(
            convolution, normalization, activation: activation, names: (name, normalizationName))
    }
}

extension EfficientNetLite {
    static func register(in table: Registry<Network>) {
        table.register(
            "efficientnet-lite0",
            Network(
                "EfficientNet-B0 for phones: ReLU6, no squeeze and excitation (Tan & Le 2019)",
                normalization: publishedNormalization
            ) { request, _ in
                EfficientNetLite(classes: request.classes, normalization: request.normalization)
            })
    }
}

extension NameTable {
    /// The names that the package efficientnet_pytorch and its offspring have for EfficientNet-Lite0: `_conv_stem`, `_bn0`,
    /// `_blocks.0._depthwise_conv`, …, `_conv_head`, `_bn1`, `_fc`, blocks numbered through.
    public static let efficientNetPyTorch: NameTable = {
        var rules: [Rule] = [
            .init("_conv_stem.*", "conv_stem.*"), .init("_bn0.*", "bn1.*"),
            .init("_conv_head.*", "conv_head.*"),
            .init("_bn1.*", "bn2.*"), .init("_fc.*", "classifier.*"),
        ]
        var place = 0
        for (stage, row) in EfficientNet.stages.enumerated() {
            let names =
                row.expansion == 1
                ? [
                    ("_depthwise_conv", "conv_dw"), ("_bn1", "bn1"), ("_project_conv", "conv_pw"),
                    ("_bn2", "bn2"),
                ]
                : [
                    ("_expand_conv", "conv_pw"), ("_bn0", "bn1"), ("_depthwise_conv", "conv_dw"),
                    ("_bn1", "bn2"), ("_project_conv", "conv_pwl"), ("_bn2", "bn3"),
                ]
            for index in 0..<row.blocks {
                for (theirs, ours) in names {
                    rules.append(
                        .init("_blocks.\(place).\(theirs).*", "blocks.\(stage).\(index).\(ours).*"))
                }
                place += 1
            }
        }
        return NameTable("efficientnet_pytorch", rules)
    }()
}
