import Renorm

/// A normalization of your own: each example over the root of the mean of its squares, as layer normalization but without a
/// mean that is taken away (Zhang & Sennrich 2019).
struct RootMeanSquare: NormalizationKind {
    static let name = "rms"
    static let options = ["power"]

    /// The power of the values that is averaged.
    var power = 2

    init() {}

    /// Reads `rms` or `rms power=4`.
    init(parsing text: inout NormalizationText) throws {
        guard let power = try text.takeNumber("power", in: 2...8) else { return }
        guard power == 2 || power == 4 else {
            throw text.failure(found: "power=\(power)", expected: "power=2 or power=4")
        }
        self.power = Int(power)
    }

    var optionTexts: [String] { power == 2 ? [] : ["power=\(power)"] }

    func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        let raised = try power == 2 ? x.squared() : x.squared().squared()
        let mean = try raised.mean(axes: [1, 2, 3]).reshaped(to: [x.shape[0], 1, 1, 1]) + layer.epsilon
        let size = power == 2 ? mean.squareRoot() : mean.squareRoot().squareRoot()
        return try layer.scaledAndShifted(x / size)
    }
}
