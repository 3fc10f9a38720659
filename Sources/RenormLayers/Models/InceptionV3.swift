import RenormArrays
import RenormGraphs

/// Inception-v3 (Szegedy et al. 2016) with torchvision's names: `Conv2d_1a_3x3.conv`, `Mixed_5b.branch1x1.bn`, `AuxLogits.fc`,
/// `fc`. Modules of several ways side by side; 7×7 windows are cut into 1×7 and 7×1.
///
/// An auxiliary classifier reads the last map of 17×17 and helps training: its loss counts 0.4. Where images are too small for
/// its windows their means over 5×5 cells take the windows' place; torchvision cannot train on those.
///
/// torchvision's ported weights expect pixels in −1 … 1, which its option `transform_input` makes of images prepared
/// for other networks. Here that is the preparation's matter.
public struct InceptionV3: Layer {
    /// The number of classes.
    public var classes: Int
    /// The rate of the dropout before the classifier.
    public var dropout: Double
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes the network; 27.2 M parameters with 1,000 classes, 3.3 M of them the auxiliary classifier's.
    public init(
        classes: Int, dropout: Double = 0.5,
        normalization: Normalization = Normalization(.batch, epsilon: 1e-3)
    ) {
        self.classes = classes
        self.dropout = dropout
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let last17 = try stages(x, scope)
        let auxiliary = try scope.apply("AuxLogits", classifier(of: last17), to: last17)
        scope.child("AuxLogits").auxiliary(auxiliary, weight: 0.4)
        return try top(last17, scope)
    }

    private var stages: Chain {
        Chain {
            unit("Conv2d_1a_3x3", 32, 3, stride: 2)
            unit("Conv2d_2a_3x3", 32, 3)
            unit("Conv2d_2b_3x3", 64, 3, padding: 1)
            MaxPool(3, stride: 2).named("maxpool1")
            unit("Conv2d_3b_1x1", 80, 1)
            unit("Conv2d_4a_3x3", 192, 3)
            MaxPool(3, stride: 2).named("maxpool2")
            moduleA(pool: 32).named("Mixed_5b")
            moduleA(pool: 64).named("Mixed_5c")
            moduleA(pool: 64).named("Mixed_5d")
            moduleB.named("Mixed_6a")
            moduleC(128).named("Mixed_6b")
            moduleC(160).named("Mixed_6c")
            moduleC(160).named("Mixed_6d")
            moduleC(192).named("Mixed_6e")
        }
    }

    private var top: Chain {
        Chain {
            moduleD.named("Mixed_7a")
            moduleE.named("Mixed_7b")
            moduleE.named("Mixed_7c")
            GlobalAveragePool().named("avgpool")
            Dropout(dropout).named("dropout")
            Dense(classes, initializer: .normal(deviation: 0.1)).named("fc")
        }
    }

    private func classifier(of map: Tensor) -> Sequential {
        let isLarge = map.shape[1] >= 17 && map.shape[2] >= 17
        return Sequential {
            if isLarge {
                AveragePool(5, stride: 3).named("pool")
            } else {
                AdaptiveAveragePool(height: 5, width: 5).named("pool")
            }
            unit("conv0", 128, 1)
            unit("conv1", 768, 5)
            GlobalAveragePool().named("avgpool")
            Dense(classes, initializer: .normal(deviation: 0.001)).named("fc")
        }
    }

    // MARK: Modules

    /// 5×5, and 3×3 twice.
    private func moduleA(pool: Int) -> Branches {
        Branches {
            unit("branch1x1", 64, 1)
            Chain {
                unit("branch5x5_1", 48, 1)
                unit("branch5x5_2", 64, 5, padding: 2)
            }
            Chain {
                unit("branch3x3dbl_1", 64, 1)
                unit("branch3x3dbl_2", 96, 3, padding: 1)
                unit("branch3x3dbl_3", 96, 3, padding: 1)
            }
            pooled(pool)
        }
    }

    /// To half the extent.
    private var moduleB: Branches {
        Branches {
            unit("branch3x3", 384, 3, stride: 2)
            Chain {
                unit("branch3x3dbl_1", 64, 1)
                unit("branch3x3dbl_2", 96, 3, padding: 1)
                unit("branch3x3dbl_3", 96, 3, stride: 2)
            }
            MaxPool(3, stride: 2).named("branch_pool")
        }
    }

    /// 7×7, and 7×7 twice.
    private func moduleC(_ channels: Int) -> Branches {
        Branches {
            unit("branch1x1", 192, 1)
            Chain {
                unit("branch7x7_1", channels, 1)
                row("branch7x7_2", channels, 7)
                column("branch7x7_3", 192, 7)
            }
            Chain {
                unit("branch7x7dbl_1", channels, 1)
                column("branch7x7dbl_2", channels, 7)
                row("branch7x7dbl_3", channels, 7)
                column("branch7x7dbl_4", channels, 7)
                row("branch7x7dbl_5", 192, 7)
            }
            pooled(192)
        }
    }

    /// To half the extent.
    private var moduleD: Branches {
        Branches {
            Chain {
                unit("branch3x3_1", 192, 1)
                unit("branch3x3_2", 320, 3, stride: 2)
            }
            Chain {
                unit("branch7x7x3_1", 192, 1)
                row("branch7x7x3_2", 192, 7)
                column("branch7x7x3_3", 192, 7)
                unit("branch7x7x3_4", 192, 3, stride: 2)
            }
            MaxPool(3, stride: 2).named("branch_pool")
        }
    }

    /// Ways that part once more.
    private var moduleE: Branches {
        Branches {
            unit("branch1x1", 320, 1)
            Chain {
                unit("branch3x3_1", 384, 1)
                Branches {
                    row("branch3x3_2a", 384, 3)
                    column("branch3x3_2b", 384, 3)
                }
            }
            Chain {
                unit("branch3x3dbl_1", 448, 1)
                unit("branch3x3dbl_2", 384, 3, padding: 1)
                Branches {
                    row("branch3x3dbl_3a", 384, 3)
                    column("branch3x3dbl_3b", 384, 3)
                }
            }
            pooled(192)
        }
    }

    private func pooled(_ channels: Int) -> Chain {
        Chain {
            AveragePool(3, stride: 1, padding: .all(1)).named("pool")
            unit("branch_pool", channels, 1)
        }
    }

    // MARK: Convolutions

    private func unit(_ name: String, _ channels: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0)
        -> Named
    {
        unit(name, channels, [kernel, kernel], stride: stride, padding: .all(padding))
    }

    /// A window of one row.
    private func row(_ name: String, _ channels: Int, _ width: Int) -> Named {
        unit(
            name, channels, [1, width],
            padding: .explicit(top: 0, bottom: 0, left: width / 2, right: width / 2))
    }

    /// A window of one column.
    private func column(_ name: String, _ channels: Int, _ height: Int) -> Named {
        unit(
            name, channels, [height, 1],
            padding: .explicit(top: height / 2, bottom: height / 2, left: 0, right: 0))
    }

    private func unit(
        _ name: String, _ channels: Int, _ kernel: [Int], stride: Int = 1, padding: Padding
    ) -> Named {
        var convolution = Convolution(
            channels, kernel: 1, stride: stride, padding: padding, bias: false,
            initializer: .normal(deviation: 0.1))
        convolution.kernel = kernel
        return ConvolutionUnit(convolution, normalization, names: ("conv", "bn")).named(name)
    }
}

extension InceptionV3 {
    static func register(in table: Registry<Network>) {
        table.register(
            "inceptionv3",
            Network(
                "ways of several windows side by side (Szegedy et al. 2016)", image: [299, 299, 3],
                normalization: Normalization(.batch, epsilon: 1e-3)
            ) { request, _ in
                InceptionV3(classes: request.classes, normalization: request.normalization)
            })
    }
}
