import RenormArrays
import RenormGraphs

/// Networks of 3×3 convolutions and three dense layers (Simonyan & Zisserman 2015) with torchvision's names: `features.0`, …,
/// `classifier.0`, `classifier.3`, `classifier.6`. Convolutions have a bias also before a normalization.
///
/// Without normalization they are torchvision's plain networks, whose `features` are numbered otherwise than in those with one.
/// Initial values are torchvision's: convolutions by He's rule, dense layers normal with deviation 0.01.
public struct VGG: Layer {
    /// The channels of the convolutions in each stage; each stage ends with a max pool.
    public var stages: [[Int]]
    /// The number of classes.
    public var classes: Int
    /// The number of units in the two dense layers before the last.
    public var hidden: Int
    /// The rate of the dropout after each of these.
    public var dropout: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes a network from its numbers.
    public init(
        stages: [[Int]], classes: Int, hidden: Int = 4096, dropout: Double = 0.5, normalization: Normalization
    ) {
        self.stages = stages
        self.classes = classes
        self.hidden = hidden
        self.dropout = dropout
        self.normalization = normalization
    }

    /// Configurations A, B, D and E of table 1 of the paper.
    fileprivate static let published: [(name: String, stages: [[Int]])] = [
        ("vgg11", [[64], [128], [256, 256], [512, 512], [512, 512]]),
        ("vgg13", [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]]),
        ("vgg16", [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]),
        (
            "vgg19",
            [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512, 512, 512, 512]]
        ),
    ]

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("features", features, to: x)
        y = try scope.apply("avgpool", AdaptiveAveragePool(height: 7, width: 7), to: y)
        y = try scope.apply("flatten", Flatten(), to: y)
        return try scope.apply("classifier", classifier, to: y)
    }

    private var features: Sequential {
        Sequential {
            for stage in stages {
                for channels in stage { unit(channels) }
                MaxPool(2)
            }
        }
    }

    /// torchvision's plain networks have no place for a normalization.
    @LayerBuilder private func unit(_ channels: Int) -> [any Layer] {
        let convolution = Convolution(channels, kernel: 3, padding: .all(1))
        if normalization.kind is NoNormalization {
            convolution.through(normalization.weights)
            ReLU()
        } else {
            ConvolutionUnit(convolution, normalization)
        }
    }

    private var classifier: Sequential {
        Sequential {
            for _ in 0..<2 {
                Dense(hidden, initializer: .normal(deviation: 0.01))
                ReLU()
                Dropout(dropout)
            }
            Dense(classes, initializer: .normal(deviation: 0.01))
        }
    }
}

extension Convolution {
    /// The convolution with weights that go through a transform.
    fileprivate func through(_ weights: (any WeightTransform)?) -> Convolution {
        var result = self
        result.weights = weights
        return result
    }
}

extension VGG {
    static func register(in table: Registry<Network>) {
        for row in published {
            let layers = row.name.dropFirst("vgg".count)
            table.register(
                row.name,
                Network("plain network of \(layers) layers (Simonyan & Zisserman 2015)") { request, _ in
                    VGG(stages: row.stages, classes: request.classes, normalization: request.normalization)
                })
        }
    }
}
