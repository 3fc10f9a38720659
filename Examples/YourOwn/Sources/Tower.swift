import Renorm

/// A network of your own: blocks of a convolution, a normalization and a ReLU, each with half the side of the one before.
struct Tower: Layer {
    /// The number of blocks.
    var height: Int
    /// The number of classes.
    var classes: Int
    /// The normalization of every block.
    var normalization: Normalization

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = x
        for block in 0..<height {
            let convolution = Convolution(8 << block, kernel: 3, stride: 2, padding: .all(1), bias: false)
            let unit = ConvolutionUnit(convolution, normalization, names: ("conv\(block)", "norm\(block)"))
            y = try unit(y, scope)
        }
        y = try scope.apply("pool", GlobalAveragePool(), to: y)
        return try scope.apply("head", Dense(classes), to: y)
    }
}
