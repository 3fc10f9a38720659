import RenormArrays
import RenormGraphs

/// MobileNetV3 (Howard et al. 2019) with torchvision's names: `features.0.0`, `features.1.block.0.0`, …, `classifier.0`,
/// `classifier.3`. Blocks are those of MobileNetV2, many with squeeze and excitation, whose gate is a hard sigmoid; from
/// the middle on activations are hard swishes.
///
/// Initial values are torchvision's: convolutions by He's rule, dense layers normal with deviation 0.01.
public struct MobileNetV3: Layer {
    /// The sizes of the paper.
    public enum Size: String, Sendable, Hashable, CaseIterable {
        /// 5.5 M parameters with 1,000 classes and width 1.
        case large
        /// 2.5 M parameters.
        case small
    }

    /// Which table of the paper gives the blocks.
    public var size: Size
    /// The number of classes.
    public var classes: Int
    /// The factor of the channels, each rounded to a multiple of 8 (never by more than 10 % down).
    public var width: Double
    /// The rate of the dropout before the last layer.
    public var dropout: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// The normalization that it was published with: ε as TensorFlow has it, and slow averages.
    public static let publishedNormalization = Normalization(.batch(averagingRate: 0.01), epsilon: 1e-3)

    /// Makes the network.
    public init(
        _ size: Size, classes: Int, width: Double = 1, dropout: Double = 0.2,
        normalization: Normalization = publishedNormalization
    ) {
        self.size = size
        self.classes = classes
        self.width = width
        self.dropout = dropout
        self.normalization = normalization
    }

    private typealias Block = (
        kernel: Int, expanded: Int, output: Int, squeezes: Bool, swishes: Bool, stride: Int
    )

    /// Tables 1 and 2 of the paper: window, channels inside and after, whether there is squeeze and excitation, whether the
    /// activation is hard swish (else ReLU), stride.
    private var blocks: [Block] {
        switch size {
        case .large:
            [
                (3, 16, 16, false, false, 1), (3, 64, 24, false, false, 2), (3, 72, 24, false, false, 1),
                (5, 72, 40, true, false, 2), (5, 120, 40, true, false, 1), (5, 120, 40, true, false, 1),
                (3, 240, 80, false, true, 2), (3, 200, 80, false, true, 1), (3, 184, 80, false, true, 1),
                (3, 184, 80, false, true, 1), (3, 480, 112, true, true, 1), (3, 672, 112, true, true, 1),
                (5, 672, 160, true, true, 2), (5, 960, 160, true, true, 1), (5, 960, 160, true, true, 1),
            ]
        case .small:
            [
                (3, 16, 16, true, false, 2), (3, 72, 24, false, false, 2), (3, 88, 24, false, false, 1),
                (5, 96, 40, true, true, 2), (5, 240, 40, true, true, 1), (5, 240, 40, true, true, 1),
                (5, 120, 48, true, true, 1), (5, 144, 48, true, true, 1), (5, 288, 96, true, true, 2),
                (5, 576, 96, true, true, 1), (5, 576, 96, true, true, 1),
            ]
        }
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("features", features, to: x)
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("classifier", classifier, to: y)
    }

    private var features: Sequential {
        Sequential {
            unit(Convolution(channels(16), kernel: 3, stride: 2, padding: .all(1), bias: false))
            for block in blocks { layer(block) }
            unit(Convolution(6 * channels(blocks[blocks.count - 1].output), kernel: 1, bias: false))
        }
    }

    private var classifier: Sequential {
        Sequential {
            Dense(channels(size == .large ? 1280 : 1024), initializer: .normal(deviation: 0.01))
            HardSwish()
            Dropout(dropout)
            Dense(classes, initializer: .normal(deviation: 0.01))
        }
    }

    private func layer(_ block: Block) -> InvertedResidual {
        let expanded = channels(block.expanded)
        let squeezed = Networks.channels(Double(expanded / 4))
        return InvertedResidual(
            expanded: expanded, kernel: block.kernel, stride: block.stride, output: channels(block.output),
            activation: block.swishes ? HardSwish() : ReLU(),
            squeezeExcitation: block.squeezes ? SqueezeExcitation(squeezed, gate: HardSigmoid()) : nil,
            normalization: normalization)
    }

    private func unit(_ convolution: Convolution) -> Sequential {
        Sequential { ConvolutionUnit(convolution, normalization, activation: HardSwish()) }
    }

    private func channels(_ base: Int) -> Int { Networks.channels(Double(base) * width) }
}

extension MobileNetV3 {
    static func register(in table: Registry<Network>) {
        for size in Size.allCases {
            table.register(
                "mobilenetv3-\(size.rawValue)", argument: .optional("WIDTH"),
                Network(
                    "inverted residuals with squeeze and excitation (Howard et al. 2019)",
                    normalization: publishedNormalization
                ) { request, argument in
                    Networks.width(argument).map {
                        MobileNetV3(
                            size, classes: request.classes, width: $0, normalization: request.normalization)
                    }
                })
        }
    }
}
