import RenormArrays
import RenormGraphs

/// Residual networks (He et al. 2016) with torchvision's names: `conv1`, `bn1`, `layer1.0.conv1`,
/// `layer1.0.downsample.0`, `fc`. In bottlenecks the 3×3 convolution strides, as torchvision's do ("v1.5").
public struct ResNet: Layer {
    /// The number of blocks in each of the four stages.
    public var blocks: [Int]
    /// Whether blocks are bottlenecks (1×1, 3×3, 1×1 with four times the channels) or two 3×3 convolutions.
    public var bottlenecks: Bool
    /// The number of classes.
    public var classes: Int
    /// How the image enters.
    public var stem: Stem
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes a network from its numbers.
    public init(blocks: [Int], bottlenecks: Bool, classes: Int, stem: Stem, normalization: Normalization) {
        self.blocks = blocks
        self.bottlenecks = bottlenecks
        self.classes = classes
        self.stem = stem
        self.normalization = normalization
    }

    /// 18 layers, 11.7 M parameters with 1,000 classes.
    public static func resnet18(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(
            blocks: [2, 2, 2, 2], bottlenecks: false, classes: classes, stem: stem,
            normalization: normalization)
    }

    /// 34 layers, 21.8 M parameters with 1,000 classes.
    public static func resnet34(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(
            blocks: [3, 4, 6, 3], bottlenecks: false, classes: classes, stem: stem,
            normalization: normalization)
    }

    /// 50 layers, 25.6 M parameters with 1,000 classes.
    public static func resnet50(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(
            blocks: [3, 4, 6, 3], bottlenecks: true, classes: classes, stem: stem,
            normalization: normalization)
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let first =
            stem == .cifar
            ? Convolution(64, kernel: 3, padding: .all(1), bias: false)
            : Convolution(64, kernel: 7, stride: 2, padding: .all(3), bias: false)
        var y = try ConvolutionUnit(first, normalization, names: ("conv1", "bn1"))(x, scope)
        if stem == .imagenet {
            y = try scope.apply("maxpool", MaxPool(3, stride: 2, padding: .all(1)), to: y)
        }
        for (stage, count) in blocks.enumerated() {
            for index in 0..<count {
                let stride = stage > 0 && index == 0 ? 2 : 1
                y = try scope.apply(
                    "layer\(stage + 1).\(index)", block(64 << stage, stride, input: y.shape[3]), to: y)
            }
        }
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("fc", Dense(classes), to: y)
    }

    /// A block with its last ReLU, after the sum.
    private func block(_ width: Int, _ stride: Int, input: Int) -> Sequential {
        let output = bottlenecks ? width * 4 : width
        return Sequential {
            Residual {
                if bottlenecks {
                    unit(Convolution(width, kernel: 1, bias: false), 1)
                    unit(Convolution(width, kernel: 3, stride: stride, padding: .all(1), bias: false), 2)
                    unit(Convolution(output, kernel: 1, bias: false), 3, activation: nil)
                } else {
                    unit(Convolution(width, kernel: 3, stride: stride, padding: .all(1), bias: false), 1)
                    unit(Convolution(width, kernel: 3, padding: .all(1), bias: false), 2, activation: nil)
                }
            } shortcut: {
                if stride != 1 || input != output {
                    Sequential {
                        ConvolutionUnit(
                            Convolution(output, kernel: 1, stride: stride, padding: .valid, bias: false),
                            normalization, activation: nil)
                    }.named("downsample")
                }
            }
            ReLU()
        }
    }

    private func unit(_ convolution: Convolution, _ number: Int, activation: (any Layer)? = ReLU())
        -> ConvolutionUnit
    {
        ConvolutionUnit(
            convolution, normalization, activation: activation, names: ("conv\(number)", "bn\(number)"))
    }
}

extension ResNet {
    static func register(in table: Registry<Network>) {
        let makers: [(String, @Sendable (Int, Stem, Normalization) -> ResNet)] = [
            ("resnet18", resnet18), ("resnet34", resnet34), ("resnet50", resnet50),
        ]
        for (name, make) in makers {
            table.register(
                name,
                Network(
                    "residual network of \(name.dropFirst("resnet".count)) layers (He et al. 2016)",
                    hasStem: true
                ) { request, _ in
                    make(request.classes, request.stem, request.normalization)
                })
        }
    }
}
