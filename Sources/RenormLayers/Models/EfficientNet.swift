import RenormArrays
import RenormGraphs

/// EfficientNet-B0 (Tan & Le 2019) with torchvision's names: `features.0.0`, `features.1.0.block.0.0`, …, `classifier.1`.
/// Blocks are those of MobileNetV2 with squeeze and excitation; activations are SiLU.
///
/// Initial values are torchvision's: convolutions by He's rule, the classifier uniform in ±1 / √classes.
public struct EfficientNet: Layer {
    /// The number of classes.
    public var classes: Int
    /// The rate of the dropout before the classifier.
    public var dropout: Double
    /// The rate at which the last block would be dropped in training; that of the others grows with their place from 0 on.
    public var stochasticDepth: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes the network; 5.3 M parameters with 1,000 classes.
    public init(
        classes: Int, dropout: Double = 0.2, stochasticDepth: Double = 0.2, normalization: Normalization
    ) {
        self.classes = classes
        self.dropout = dropout
        self.stochasticDepth = stochasticDepth
        self.normalization = normalization
    }

    /// Table 1 of the paper: the factor by which blocks widen, window, stride of the first block, channels, blocks.
    static let stages: [(expansion: Int, kernel: Int, stride: Int, channels: Int, blocks: Int)] = [
        (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
    ]

    /// The rate at which the block at a place of all stages is dropped.
    static func dropRate(_ rate: Double, at place: Int) -> Double {
        rate * Double(place) / Double(stages.reduce(0) { $0 + $1.blocks })
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("features", features, to: x)
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply(
            "classifier",
            Sequential {
                Dropout(dropout)
                Dense(classes, initializer: .uniform(bound: 1 / Double(classes).squareRoot()))
            }, to: y)
    }

    private var features: Sequential {
        Sequential {
            unit(Convolution(32, kernel: 3, stride: 2, padding: .all(1), bias: false))
            stages
            unit(Convolution(1280, kernel: 1, bias: false))
        }
    }

    private var stages: [any Layer] {
        var (input, place) = (32, 0)
        return Self.stages.map { stage in
            Sequential {
                (0..<stage.blocks).map { index -> any Layer in
                    defer { (input, place) = (stage.channels, place + 1) }
                    return InvertedResidual(
                        expanded: input * stage.expansion, kernel: stage.kernel,
                        stride: index == 0 ? stage.stride : 1, output: stage.channels, activation: SiLU(),
                        squeezeExcitation: SqueezeExcitation(max(1, input / 4), activation: SiLU()),
                        dropRate: Self.dropRate(stochasticDepth, at: place), normalization: normalization)
                }
            }
        }
    }

    private func unit(_ convolution: Convolution) -> Sequential {
        Sequential { ConvolutionUnit(convolution, normalization, activation: SiLU()) }
    }
}

extension EfficientNet {
    static func register(in table: Registry<Network>) {
        table.register(
            "efficientnet-b0",
            Network("inverted residuals found by search (Tan & Le 2019)") { request, _ in
                EfficientNet(classes: request.classes, normalization: request.normalization)
            })
    }
}
