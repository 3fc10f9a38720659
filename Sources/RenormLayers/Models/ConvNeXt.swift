import RenormArrays
import RenormGraphs

/// ConvNeXt (Liu et al. 2022) with torchvision's names: `features.0.0`, `features.1.0.block.0`, `features.1.0.layer_scale`,
/// `features.2.1`, `classifier.2`. Residual blocks of a depthwise 7×7 convolution, a normalization and two dense layers by
/// position, scaled by channel; what it was published with is `position` (torchvision's `LayerNorm2d`), ε 1e-6.
///
/// Initial values are torchvision's: weights normal with deviation 0.02, the scales of blocks 10⁻⁶.
public struct ConvNeXt: Layer {
    /// The channels and the number of blocks of each stage.
    public var stages: [(channels: Int, blocks: Int)]
    /// The rate at which the last block is dropped in training; it grows from 0 at the first.
    public var dropPath: Double
    /// The number of classes.
    public var classes: Int
    /// The normalization in blocks, before convolutions between stages, and before the classifier.
    public var normalization: Normalization

    private static let initializer = Initializer.normal(deviation: 0.02)

    /// Makes a network from its numbers.
    public init(
        stages: [(channels: Int, blocks: Int)], dropPath: Double, classes: Int,
        normalization: Normalization = Normalization(.position, epsilon: 1e-6)
    ) {
        self.stages = stages
        self.dropPath = dropPath
        self.classes = classes
        self.normalization = normalization
    }

    /// 18 blocks, 28.6 M parameters with 1,000 classes.
    public static func tiny(
        classes: Int, normalization: Normalization = Normalization(.position, epsilon: 1e-6)
    ) -> ConvNeXt {
        ConvNeXt(
            stages: [(96, 3), (192, 3), (384, 9), (768, 3)], dropPath: 0.1, classes: classes,
            normalization: normalization)
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("features", features, to: x)
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply(
            "classifier",
            Sequential {
                ActivatedNormalization(normalization, activation: nil)
                Dense(classes, initializer: Self.initializer).named("2")
            }, to: y)
    }

    private var features: Sequential {
        Sequential {
            for (index, stage) in stages.enumerated() {
                Sequential {
                    if index == 0 {
                        ConvolutionUnit(
                            convolution(stage.channels, kernel: 4), normalization, activation: nil)
                    } else {
                        PreactivationUnit(
                            normalization, activation: nil, convolution(stage.channels, kernel: 2))
                    }
                }
                blocks(of: index)
            }
        }
    }

    private func blocks(of stage: Int) -> Sequential {
        let counts = stages.map(\.blocks)
        let (before, last) = (counts[..<stage].reduce(0, +), counts.reduce(0, +) - 1)
        return Sequential {
            for number in before..<(before + counts[stage]) {
                Block(
                    dropPath: dropPath * Double(number) / Double(max(last, 1)), normalization: normalization)
            }
        }
    }

    /// A convolution whose windows lie side by side.
    private func convolution(_ channels: Int, kernel: Int) -> Convolution {
        Convolution(
            channels, kernel: kernel, stride: kernel, padding: .valid, initializer: Self.initializer)
    }

    private struct Block: Layer {
        var dropPath: Double
        var normalization: Normalization

        /// Not empty, because the scale is the block's own.
        var summary: String { "scaled residual" }

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            let channels = x.shape[3]
            // First, as torchvision's module has it before its parts.
            let scale = try scope.parameter(
                "layer_scale", shape: [channels, 1, 1], initializer: .constant(1e-6))
            var y = try scope.apply("block", body(channels), to: x)
            y = try y * scale.reshaped(to: [channels]).converted(to: y.type)
            y = try scope.apply("stochastic_depth", StochasticDepth(dropPath), to: y)
            return try y + x
        }

        private func body(_ channels: Int) -> Sequential {
            // Places 1 and 6 are torchvision's changes of layout.
            Sequential {
                ConvolutionUnit(
                    .depthwise(kernel: 7, padding: .all(3), initializer: ConvNeXt.initializer), normalization,
                    activation: nil, names: ("0", "2"))
                PositionwiseDense(4 * channels, initializer: ConvNeXt.initializer).named("3")
                GELU().named("4")
                PositionwiseDense(channels, initializer: ConvNeXt.initializer).named("5")
            }
        }
    }
}

extension ConvNeXt {
    static func register(in table: Registry<Network>) {
        table.register(
            "convnext-tiny",
            Network(
                "depthwise 7×7 convolutions and dense layers by position (Liu et al. 2022)",
                normalization: Normalization(.position, epsilon: 1e-6)
            ) { request, _ in
                ConvNeXt.tiny(classes: request.classes, normalization: request.normalization)
            })
    }
}
