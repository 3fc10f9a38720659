import RenormArrays
import RenormGraphs

/// MobileNetV2 (Sandler et al. 2018) with torchvision's names: `features.0.0`, `features.1.conv.0.0`, …,
/// `features.18.0`, `classifier.1`. Blocks widen by a 1×1 convolution, convolve each channel by itself (3×3), and
/// narrow again without an activation; equal shapes are added.
///
/// Initial values are torchvision's: convolutions by He's rule, the classifier normal with deviation 0.01.
public struct MobileNetV2: Layer {
    /// The number of classes.
    public var classes: Int
    /// The factor of the channels, each rounded to a multiple of 8 (never by more than 10 % down). The last 1,280
    /// channels grow with it but do not shrink.
    public var width: Double
    /// How the image enters.
    public var stem: Stem
    /// The rate of the dropout before the classifier.
    public var dropout: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes the network; 3.5 M parameters with 1,000 classes and width 1.
    public init(
        classes: Int, width: Double = 1, stem: Stem = .imagenet, dropout: Double = 0.2,
        normalization: Normalization
    ) {
        self.classes = classes
        self.width = width
        self.stem = stem
        self.dropout = dropout
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("features", features, to: x)
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply(
            "classifier",
            Sequential {
                Dropout(dropout)
                Dense(classes, initializer: .normal(deviation: 0.01))
            }, to: y)
    }

    /// The stages of table 2 of the paper: factor by which blocks widen, channels, blocks, stride of the first.
    private static let stages = [
        (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]

    private var features: Sequential {
        Sequential {
            unit(
                Convolution(
                    channels(32), kernel: 3, stride: stem == .cifar ? 1 : 2, padding: .all(1), bias: false))
            block(input: channels(32), expansion: 1, output: channels(16), stride: 1)
            blocks
            unit(Convolution(channels(1280, factor: max(width, 1)), kernel: 1, bias: false))
        }
    }

    private var blocks: [any Layer] {
        var input = channels(16)
        return Self.stages.enumerated().flatMap { index, stage in
            let (expansion, base, count, stride) = stage
            return (0..<count).map { place in
                defer { input = channels(base) }
                let strides = place == 0 && !(index == 0 && stem == .cifar)
                return block(
                    input: input, expansion: expansion, output: channels(base), stride: strides ? stride : 1)
            }
        }
    }

    private func block(input: Int, expansion: Int, output: Int, stride: Int) -> any Layer {
        let body = Sequential {
            if expansion != 1 { unit(Convolution(input * expansion, kernel: 1, bias: false)) }
            unit(.depthwise(kernel: 3, stride: stride, padding: .all(1), bias: false))
            ConvolutionUnit(Convolution(output, kernel: 1, bias: false), normalization, activation: nil)
        }.named("conv")
        return Sequential {
            if stride == 1 && input == output { Residual { body } } else { body }
        }
    }

    private func unit(_ convolution: Convolution) -> Sequential {
        Sequential { ConvolutionUnit(convolution, normalization, activation: ReLU6()) }
    }

    private func channels(_ base: Int, factor: Double? = nil) -> Int {
        Networks.channels(Double(base) * (factor ?? width))
    }
}

extension MobileNetV2 {
    static func register(in table: Registry<Network>) {
        table.register(
            "mobilenetv2", argument: .optional("WIDTH"),
            Network("inverted residuals with linear bottlenecks (Sandler et al. 2018)", hasStem: true) {
                request, argument in
                Networks.width(argument).map {
                    MobileNetV2(
                        classes: request.classes, width: $0, stem: request.stem,
                        normalization: request.normalization)
                }
            })
    }
}
