import RenormArrays
import RenormGraphs

/// Residual networks (He et al. 2016) with torchvision's names: `conv1`, `bn1`, `layer1.0.conv1`,
/// `layer1.0.downsample.0`, `fc`. In bottlenecks the 3×3 convolution strides, as torchvision's do ("v1.5").
public struct ResNet: Layer {
    /// The number of blocks in each of the four stages.
    public var blocks: [Int]
    /// Whether blocks are bottlenecks (1×1, 3×3, 1×1 with four times the stage's channels) or two 3×3 convolutions.
    public var bottlenecks: Bool
    /// The number of groups of the bottlenecks' 3×3 convolutions (ResNeXt's cardinality).
    public var groups: Int
    /// The channels of each group in the first stage; 64 with one group in plain networks, more in wide ones.
    public var groupWidth: Int
    /// The number of classes.
    public var classes: Int
    /// How the image enters.
    public var stem: Stem
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes a network from its numbers.
    public init(
        blocks: [Int], bottlenecks: Bool, groups: Int = 1, groupWidth: Int = 64, classes: Int,
        stem: Stem = .imagenet, normalization: Normalization
    ) {
        self.blocks = blocks
        self.bottlenecks = bottlenecks
        self.groups = groups
        self.groupWidth = groupWidth
        self.classes = classes
        self.stem = stem
        self.normalization = normalization
    }

    private typealias Published = (
        name: String, blocks: [Int], bottlenecks: Bool, groups: Int, groupWidth: Int, summary: String
    )

    /// The published networks: blocks in each stage, whether they are bottlenecks, groups and channels of each.
    private static let published: [Published] = [
        ("resnet18", [2, 2, 2, 2], false, 1, 64, "residual network of 18 layers (He et al. 2016)"),
        ("resnet34", [3, 4, 6, 3], false, 1, 64, "residual network of 34 layers (He et al. 2016)"),
        ("resnet50", [3, 4, 6, 3], true, 1, 64, "residual network of 50 layers (He et al. 2016)"),
        ("resnet101", [3, 4, 23, 3], true, 1, 64, "residual network of 101 layers (He et al. 2016)"),
        ("resnet152", [3, 8, 36, 3], true, 1, 64, "residual network of 152 layers (He et al. 2016)"),
        ("resnext50-32x4d", [3, 4, 6, 3], true, 32, 4, "ResNet-50 in 32 groups (Xie et al. 2017)"),
        (
            "wide-resnet50-2", [3, 4, 6, 3], true, 1, 128,
            "ResNet-50 with twice the inner channels (Zagoruyko & Komodakis 2016)"
        ),
    ]

    /// 18 layers, 11.7 M parameters with 1,000 classes.
    public static func resnet18(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(published[0], classes, stem, normalization)
    }

    /// 34 layers, 21.8 M parameters with 1,000 classes.
    public static func resnet34(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(published[1], classes, stem, normalization)
    }

    /// 50 layers, 25.6 M parameters with 1,000 classes.
    public static func resnet50(classes: Int, stem: Stem = .imagenet, normalization: Normalization) -> ResNet
    {
        ResNet(published[2], classes, stem, normalization)
    }

    private init(_ row: Published, _ classes: Int, _ stem: Stem, _ normalization: Normalization) {
        self.init(
            blocks: row.blocks, bottlenecks: row.bottlenecks, groups: row.groups, groupWidth: row.groupWidth,
            classes: classes, stem: stem, normalization: normalization)
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
    private func block(_ channels: Int, _ stride: Int, input: Int) -> Sequential {
        let output = bottlenecks ? channels * 4 : channels
        let inner = bottlenecks ? channels * groupWidth / 64 * groups : channels
        return Sequential {
            Residual {
                if bottlenecks {
                    unit(Convolution(inner, kernel: 1, bias: false), 1)
                    unit(
                        Convolution(
                            inner, kernel: 3, stride: stride, padding: .all(1), groups: groups, bias: false),
                        2)
                    unit(Convolution(output, kernel: 1, bias: false), 3, activation: nil)
                } else {
                    unit(Convolution(inner, kernel: 3, stride: stride, padding: .all(1), bias: false), 1)
                    unit(Convolution(inner, kernel: 3, padding: .all(1), bias: false), 2, activation: nil)
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
        for row in published {
            table.register(
                row.name,
                Network(row.summary, hasStem: true) { request, _ in
                    ResNet(row, request.classes, request.stem, request.normalization)
                })
        }
    }
}
