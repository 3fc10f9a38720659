import Foundation
import RenormArrays
import RenormGraphs

/// RegNetY (Radosavovic et al. 2020) with torchvision's names: `stem.0`, `trunk_output.block1.block1-0.f.a.0`, `….f.se.fc1`,
/// `….proj.0`, `fc`. Residual blocks of a convolution in groups and squeeze and excitation; widths grow in equal steps, which are
/// rounded to few stages.
///
/// Initial values are torchvision's: convolutions by He's rule, the classifier normal with deviation 0.01.
public struct RegNet: Layer {
    /// The channels and the number of blocks of each stage.
    public var stages: [(channels: Int, blocks: Int)]
    /// The number of channels in a group of a convolution.
    public var groupWidth: Int
    /// The number of classes.
    public var classes: Int
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes a network from the paper's numbers: block i wants initial + slope · i channels, of which initial · factorⁿ with a
    /// whole n is taken, rounded to a multiple of 8; blocks of equal width are a stage, whose width is then rounded to a
    /// multiple of the groups'.
    public init(
        depth: Int, initial: Double, slope: Double, factor: Double, groupWidth: Int, classes: Int,
        normalization: Normalization
    ) {
        let widths = (0..<depth).map { index in
            let power = (log((initial + slope * Double(index)) / initial) / log(factor)).rounded(
                .toNearestOrEven)
            return Int((initial * pow(factor, power) / 8).rounded(.toNearestOrEven)) * 8
        }
        stages = []
        for width in widths {
            if let last = stages.last, last.channels == width {
                stages[stages.count - 1].blocks += 1
            } else {
                stages.append((width, 1))
            }
        }
        stages = stages.map { (Self.channels($0.channels, of: min(groupWidth, $0.channels)), $0.blocks) }
        self.groupWidth = groupWidth
        self.classes = classes
        self.normalization = normalization
    }

    /// The next multiple of a width, or the one below where that takes away less than 10 %.
    private static func channels(_ exact: Int, of width: Int) -> Int {
        let rounded = max(width, (exact + width / 2) / width * width)
        return 10 * rounded < 9 * exact ? rounded + width : rounded
    }

    /// The network of 400 million multiply-adds; 4.3 M parameters with 1,000 classes.
    public static func y400MF(classes: Int, normalization: Normalization) -> RegNet {
        RegNet(
            depth: 16, initial: 48, slope: 27.89, factor: 2.09, groupWidth: 8, classes: classes,
            normalization: normalization)
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let stem = Sequential {
            ConvolutionUnit(
                Convolution(32, kernel: 3, stride: 2, padding: .all(1), bias: false), normalization)
        }
        var y = try scope.apply("stem", stem, to: x)
        let trunk = scope.child("trunk_output")
        for (index, stage) in stages.enumerated() {
            let name = "block\(index + 1)"
            for number in 0..<stage.blocks {
                let block = Block(
                    channels: stage.channels, stride: number == 0 ? 2 : 1,
                    groups: stage.channels / min(groupWidth, stage.channels), normalization: normalization)
                y = try trunk.child(name).apply("\(name)-\(number)", block, to: y)
            }
        }
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("fc", Dense(classes, initializer: .normal(deviation: 0.01)), to: y)
    }

    private struct Block: Layer {
        var channels: Int
        var stride: Int
        var groups: Int
        var normalization: Normalization

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            let inputs = x.shape[3]
            var around = x
            if inputs != channels || stride != 1 {
                let projection = unit(Convolution(channels, kernel: 1, stride: stride, bias: false), nil)
                around = try scope.apply("proj", projection, to: x)
            }
            return try (scope.apply("f", body(inputs: inputs), to: x) + around).relu()
        }

        private func body(inputs: Int) -> Sequential {
            Sequential {
                unit(Convolution(channels, kernel: 1, bias: false)).named("a")
                unit(
                    Convolution(
                        channels, kernel: 3, stride: stride, padding: .all(1), groups: groups, bias: false)
                ).named("b")
                // Of the channels that come into the block, a quarter.
                SqueezeExcitation(Int((0.25 * Double(inputs)).rounded(.toNearestOrEven))).named("se")
                unit(Convolution(channels, kernel: 1, bias: false), nil).named("c")
            }
        }

        private func unit(_ convolution: Convolution, _ activation: (any Layer)? = ReLU()) -> Sequential {
            Sequential { ConvolutionUnit(convolution, normalization, activation: activation) }
        }
    }
}

extension RegNet {
    static func register(in table: Registry<Network>) {
        table.register(
            "regnet-y-400mf",
            Network("residual blocks whose widths follow a line (Radosavovic et al. 2020)") { request, _ in
                y400MF(classes: request.classes, normalization: request.normalization)
            })
    }
}
