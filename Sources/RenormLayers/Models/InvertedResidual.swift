import RenormGraphs

/// A block that widens its input by a 1×1 convolution, convolves each channel by itself, weighs the channels, and narrows again
/// without an activation; equal shapes are added (Sandler et al. 2018, Howard et al. 2019). The layers of the body are
/// `block.0`, `block.1`, … as torchvision's.
struct InvertedResidual: Layer {
    /// The channels inside; nothing widens if the input has as many.
    var expanded: Int
    /// Height and width of the window.
    var kernel: Int
    /// The step of the window.
    var stride: Int
    /// The channels of the result.
    var output: Int
    /// What follows the first and the second convolution.
    var activation: any Layer
    /// What weighs the channels inside.
    var squeezeExcitation: SqueezeExcitation?
    /// The rate at which the body of a block whose input is added is dropped.
    var dropRate = 0.0
    /// The normalization after each convolution.
    var normalization: Normalization

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let body = Sequential {
            if expanded != x.shape[3] { unit(Convolution(expanded, kernel: 1, bias: false), activation) }
            unit(
                .depthwise(kernel: kernel, stride: stride, padding: .all(kernel / 2), bias: false), activation
            )
            if let squeezeExcitation { squeezeExcitation }
            unit(Convolution(output, kernel: 1, bias: false), nil)
        }.named("block")
        let layer = Sequential {
            if stride == 1 && x.shape[3] == output {
                Residual {
                    body
                    if dropRate > 0 { StochasticDepth(dropRate).named("stochastic_depth") }
                }
            } else {
                body
            }
        }
        return try layer(x, scope)
    }

    private func unit(_ convolution: Convolution, _ activation: (any Layer)?) -> Sequential {
        Sequential { ConvolutionUnit(convolution, normalization, activation: activation) }
    }
}
