import RenormArrays
import RenormGraphs

/// Densely connected networks (Huang et al. 2017) with torchvision's names: `features.conv0`, `features.denseblock1.denselayer1.norm1`,
/// `features.transition1.conv`, `features.norm5`, `classifier`. Each layer reads everything before it in its block, and its
/// normalizations come before its convolutions.
///
/// Initial values are torchvision's: convolutions by He's rule with fan-in.
public struct DenseNet: Layer {
    /// The number of layers in each block.
    public var blocks: [Int]
    /// The number of channels that each layer adds.
    public var growth: Int
    /// The number of classes.
    public var classes: Int
    /// The normalization before each convolution.
    public var normalization: Normalization

    /// Makes a network from its numbers.
    public init(blocks: [Int], growth: Int = 32, classes: Int, normalization: Normalization) {
        self.blocks = blocks
        self.growth = growth
        self.classes = classes
        self.normalization = normalization
    }

    /// 121 layers, 8.0 M parameters with 1,000 classes.
    public static func densenet121(classes: Int, normalization: Normalization) -> DenseNet {
        DenseNet(blocks: [6, 12, 24, 16], classes: classes, normalization: normalization)
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let features = scope.child("features")
        var y = try ConvolutionUnit(
            convolution(2 * growth, kernel: 7, stride: 2, inputs: x.shape[3]), normalization,
            names: ("conv0", "norm0"))(x, features)
        y = try features.apply("pool0", MaxPool(3, stride: 2, padding: .all(1)), to: y)
        for (index, count) in blocks.enumerated() {
            let block = features.child("denseblock\(index + 1)")
            for number in 1...count {
                let new = try block.apply("denselayer\(number)", layer(inputs: y.shape[3]), to: y)
                y = try Tensor.concatenate([y, new], axis: 3)
            }
            if index + 1 < blocks.count {
                y = try features.apply("transition\(index + 1)", transition(inputs: y.shape[3]), to: y)
            }
        }
        y = try ActivatedNormalization(normalization, name: "norm5")(y, features)
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("classifier", Dense(classes), to: y)
    }

    /// Fewer channels of everything so far by a 1×1 convolution, and new ones of these.
    private func layer(inputs: Int) -> Sequential {
        Sequential {
            PreactivationUnit(
                normalization, convolution(4 * growth, kernel: 1, inputs: inputs), names: ("norm1", "conv1"))
            PreactivationUnit(
                normalization, convolution(growth, kernel: 3, inputs: 4 * growth), names: ("norm2", "conv2"))
        }
    }

    /// Half the channels, half the extent.
    private func transition(inputs: Int) -> Sequential {
        Sequential {
            PreactivationUnit(
                normalization, convolution(inputs / 2, kernel: 1, inputs: inputs), names: ("norm", "conv"))
            AveragePool(2).named("pool")
        }
    }

    private func convolution(_ channels: Int, kernel: Int, stride: Int = 1, inputs: Int) -> Convolution {
        // He's rule with as many values as a window reads.
        Convolution(
            channels, kernel: kernel, stride: stride, padding: .all(kernel / 2), bias: false,
            initializer: .he(fanOut: inputs * kernel * kernel))
    }
}

extension DenseNet {
    static func register(in table: Registry<Network>) {
        table.register(
            "densenet121",
            Network("densely connected network of 121 layers (Huang et al. 2017)") { request, _ in
                densenet121(classes: request.classes, normalization: request.normalization)
            })
    }
}
