import RenormArrays
import RenormGraphs

/// ShuffleNetV2 (Ma et al. 2018) with torchvision's names: `conv1.0`, `stage2.0.branch1.0`, `stage2.0.branch2.0`, `conv5.0`, `fc`.
/// Each block changes one half of the channels, then the halves are shuffled.
///
/// Initial values are torchvision's, which are PyTorch's own: uniform in ±1/√fan-in.
public struct ShuffleNetV2: Layer {
    /// The number of classes.
    public var classes: Int
    /// The channels of the stages and of the last convolution.
    public var channels: [Int]
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// The channels by the factor that the paper's table 5 names them by.
    public static let widths: [Double: [Int]] = [
        0.5: [48, 96, 192, 1024], 1: [116, 232, 464, 1024], 1.5: [176, 352, 704, 1024],
        2: [244, 488, 976, 2048],
    ]

    /// Makes the network; 2.3 M parameters with 1,000 classes and width 1.
    ///
    /// - Parameter channels: Those of three stages and of the last convolution: `widths`.
    public init(classes: Int, channels: [Int], normalization: Normalization) {
        self.classes = classes
        self.channels = channels
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try Chain {
            Sequential { unit(24, kernel: 3, stride: 2, inputs: x.shape[3]) }.named("conv1")
            MaxPool(3, stride: 2, padding: .all(1)).named("maxpool")
            stage(channels[0], blocks: 4, inputs: 24).named("stage2")
            stage(channels[1], blocks: 8, inputs: channels[0]).named("stage3")
            stage(channels[2], blocks: 4, inputs: channels[1]).named("stage4")
            Sequential { unit(channels[3], inputs: channels[2]) }.named("conv5")
            GlobalAveragePool().named("avgpool")
            Dense(classes).named("fc")
        }(x, scope)
    }

    private func stage(_ channels: Int, blocks: Int, inputs: Int) -> Sequential {
        Sequential {
            reduction(channels / 2, inputs: inputs)
            for _ in 1..<blocks { block(channels / 2) }
        }
    }

    /// Half the extent: both halves of the result are made of all channels.
    private func reduction(_ half: Int, inputs: Int) -> Sequential {
        Sequential {
            Branches {
                Sequential {
                    depthwise(stride: 2)
                    unit(half, inputs: inputs)
                }.named("branch1")
                changed(half, stride: 2, inputs: inputs)
            }
            ChannelShuffle(groups: 2).named("shuffle")
        }
    }

    /// The second half of the channels is changed, the first is not.
    private func block(_ half: Int) -> Sequential {
        Sequential {
            Branches {
                ChannelRange(0..<half).named("kept")
                Chain {
                    ChannelRange(half..<2 * half).named("chosen")
                    changed(half, stride: 1, inputs: half)
                }
            }
            ChannelShuffle(groups: 2).named("shuffle")
        }
    }

    private func changed(_ half: Int, stride: Int, inputs: Int) -> Named {
        Sequential {
            unit(half, inputs: inputs)
            depthwise(stride: stride)
            unit(half, inputs: half)
        }.named("branch2")
    }

    private func unit(_ channels: Int, kernel: Int = 1, stride: Int = 1, inputs: Int) -> ConvolutionUnit {
        let fanIn = Double(inputs * kernel * kernel)
        return ConvolutionUnit(
            Convolution(
                channels, kernel: kernel, stride: stride, padding: .all(kernel / 2), bias: false,
                initializer: .uniform(bound: 1 / fanIn.squareRoot())), normalization)
    }

    private func depthwise(stride: Int) -> ConvolutionUnit {
        ConvolutionUnit(
            .depthwise(
                kernel: 3, stride: stride, padding: .all(1), bias: false,
                initializer: .uniform(bound: 1.0 / 3)), normalization, activation: nil)
    }
}

/// Some of the channels of `[N, H, W, C]`.
private struct ChannelRange: Layer {
    var range: Range<Int>

    init(_ range: Range<Int>) { self.range = range }

    var summary: String { "channels \(range.lowerBound) to \(range.upperBound - 1)" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var shape = x.shape
        shape[3] = range.count
        return try x.slice(starts: [0, 0, 0, range.lowerBound], shape: shape)
    }
}

extension ShuffleNetV2 {
    static func register(in table: Registry<Network>) {
        table.register(
            "shufflenetv2", argument: .optional("WIDTH"),
            Network("halves of channels changed and shuffled (Ma et al. 2018); WIDTH 0.5, 1, 1.5 or 2") {
                request, argument in
                Networks.width(argument).flatMap { widths[$0] }.map {
                    ShuffleNetV2(classes: request.classes, channels: $0, normalization: request.normalization)
                }
            })
    }
}
