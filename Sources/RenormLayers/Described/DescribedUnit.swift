import RenormGraphs

/// A `ConvolutionUnit` whose convolution and normalization may each have a name.
struct DescribedUnit: Layer, Transparent {
    var convolution: Convolution
    var normalization: Normalization
    var activation: (any Layer)?
    var names: (convolution: String?, normalization: String?)

    var places: Int { unit(from: 0).places }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try self(x, scope, from: 0) }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        try unit(from: place)(x, scope, from: place)
    }

    private func unit(from place: Int) -> ConvolutionUnit {
        ConvolutionUnit(
            convolution, normalization, activation: activation,
            names: (names.convolution ?? "\(place)", names.normalization ?? "\(place + 1)"))
    }
}
