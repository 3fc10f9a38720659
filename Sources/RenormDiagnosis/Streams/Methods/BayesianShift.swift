import RenormArrays
import RenormGraphs

/// A filter that knows how source images scatter: moments of the stream count as far as source images hardly ever have such ones.
///
/// Two shifts are estimated in each layer, of the stream and of each image, from how images' means and deviations differ from the
/// source's: see the article *Adapting to streams*. Where nothing is shifted the estimates are almost exactly 0, whatever the labels do, so that
/// the network answers as it did at the source.
public struct BayesianShift: StreamMethod {
    /// Its word.
    public static let name = "bayes"
    /// Ours.
    public static let source =
        "this project: empirical Bayesian estimates of the shift of a stream and of each image"
    /// Its constants, in the order of the article.
    public static let constants = [
        StreamConstant<Self>("window", \.window, 1...1e6), StreamConstant<Self>("recent", \.recent, 0...1e6),
        StreamConstant<Self>("limit", \.limit, 0...1e6),
        StreamConstant<Self>("inflation", \.inflation, 0.01...100),
        StreamConstant<Self>("ridge", \.ridge, 1e-6...1),
        StreamConstant<Self>("tempering", \.tempering, 0...1),
        StreamConstant<Self>("absence", \.absence, 0.001...0.999),
        StreamConstant<Self>("floor", \.floor, 0...1), StreamConstant<Self>("images", \.images, 0...1),
        StreamConstant<Self>("trust", \.trust, 0.001...10),
    ]
    /// It does.
    public static let needsSource = true

    /// How many of the last images the stream's mean is of.
    public var window = 100.0
    /// How many of the last images a second mean is of, which finds changes sooner; 0 for none.
    public var recent = 0.0
    /// As how many independent images a mean counts at most; 0 for what was measured with the source (`SourceStatistics.limit`).
    public var limit = 0.0
    /// By how much the source's scatter is taken to be larger than it was.
    public var inflation = 1.0
    /// A variance that is added in all directions.
    public var ridge = 1e-3
    /// How far likelihoods are believed: the exponent of each.
    public var tempering = 0.5
    /// The probability that nothing is shifted, before anything is seen.
    public var absence = 0.88
    /// Whether the floor under logarithms of deviations is taken away again in the result: 0 or 1.
    public var floor = 1.0
    /// Whether images have shifts of their own: 0 or 1.
    public var images = 1.0
    /// How far an image's shift is followed once it is there: the smaller, the further.
    public var trust = 0.3

    /// What is added to variances, as a part of their mean at the source, before logarithms are taken.
    static let floorPart = 0.05

    /// Makes the method.
    public init() {}

    /// What is known of the layer, and the means of the stream.
    ///
    /// - Throws: `StreamError.noSource`.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) throws
        -> [StreamVariable]
    {
        guard let source else { throw StreamError.noSource(method: Self.name) }
        let known = source.eigenvalues.elementCount
        var result = [
            StreamVariable("spread", fixed: source.meanVariance.reshaped(to: [1, channels])),
            StreamVariable("center", fixed: source.center.reshaped(to: [1, 2 * channels])),
            StreamVariable("basis", fixed: source.basis),
            StreamVariable("eigenvalues", fixed: source.eigenvalues.reshaped(to: [known, 1])),
            StreamVariable("remainder", fixed: NDArray(scalar: Float(source.remainder))),
            StreamVariable("diagonal", fixed: source.diagonal.reshaped(to: [2 * channels, 1])),
            StreamVariable(
                "least_noise", fixed: NDArray(scalar: Float(1 / (self.limit > 0 ? self.limit : limit)))),
            StreamVariable("average", shape: [1, 2 * channels]), StreamVariable("count", shape: []),
        ]
        if recent > 0 {
            result += [
                StreamVariable("recent_average", shape: [1, 2 * channels]),
                StreamVariable("recent_count", shape: []),
            ]
        }
        return result + ShiftPosterior.variables(absence: absence)
    }

    /// Normalizes each image with the source's moments, shifted.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let deviations = try layer.deviations()
        let posterior = try ShiftPosterior(layer, tempering: tempering)
        let scatter = ShiftPosterior.Noise(
            basis: try layer.variable("basis"), variances: try layer.variable("eigenvalues"),
            others: try layer.variable("remainder"))
        let noise = ShiftPosterior.Noise(
            basis: scatter.basis, variances: try scatter.variances * inflation + ridge,
            others: try scatter.others * inflation + ridge)
        let batchMean = try deviations.mean(axes: [0]).reshaped(to: [1, 2 * layer.channels])
        func shift(window: Double, _ average: String, _ count: String, from start: Tensor?) throws -> Tensor {
            let (mean, noisePart) = try layer.moving(average, count, batchMean, window: window)
            let part = try noisePart.maximum(layer.variable("least_noise"))
            return try posterior.shift(start.map { try mean - $0 } ?? mean, noise.scaled(by: part)).shift
        }
        var theta = try shift(window: window, "average", "count", from: nil)
        if recent > 0 {
            theta = try theta + shift(window: recent, "recent_average", "recent_count", from: theta)
        }
        if images > 0 {
            let own = try deviations - theta
            let single = ShiftPosterior.Noise(
                basis: scatter.basis, variances: try scatter.variances + ridge,
                others: try scatter.others + ridge)
            let presence = try 1 - posterior.shift(own, single).absence
            let gains = try posterior.gains(own, variances: layer.variable("diagonal") + ridge, trust: trust)
            theta = try theta + own * gains * presence
        }
        return try layer.normalized(shiftedBy: theta, invertsFloor: floor > 0)
    }
}

extension StreamLayer {
    /// How each image's moments differ from the source's, `[N, 2C]`: (m − μ)/σ, and ½·log((v + c·v̄)/((1 + c)·v̄)), less their means over
    /// source images.
    func deviations() throws -> Tensor {
        let (mean, variance) = try imageMoments()
        let power = try sourceVariance + epsilon
        let z = try (mean - sourceMean) / power.squareRoot()
        let spread = try variable("spread")
        let part = BayesianShift.floorPart
        let logarithm = try ((variance + spread * part) / (spread * (1 + part))).logarithm() * 0.5
        return try Tensor.concatenate([z, logarithm], axis: 1) - variable("center")
    }

    /// The mean over the last images, cumulative until there are as many as the window holds, and 1 over their number.
    func moving(
        _ average: String, _ count: String, _ batchMean: Tensor, window: Double
    ) throws -> (mean: Tensor, noise: Tensor) {
        let kept = try variable(count).minimum(builder.constant(max(window - Double(batch), 0)))
        let total = try kept + Double(batch)
        let before = try variable(average)
        let mean = try before + (batchMean - before) * (Double(batch) / total)
        try update(average, to: mean)
        try update(count, to: total)
        return (mean, try 1 / total)
    }

    /// γ·x̂ + β with the source's moments under shifts `[G, 2C]`: μ + σ·θ_m and σ²·e^(2θ_σ).
    ///
    /// - Parameter invertsFloor: Whether e^(2θ) is (…)/(…) of what the logarithm was taken of, less what was added to it.
    func normalized(shiftedBy theta: Tensor, invertsFloor: Bool) throws -> Tensor {
        let rows = theta.shape[0]
        let means = try theta.slice(starts: [0, 0], shape: [rows, channels])
        let logarithms = try theta.slice(starts: [0, channels], shape: [rows, channels])
            .clipped(builder.constant(-4), builder.constant(3))
        let variance = try sourceVariance
        let mean = try sourceMean + (variance + epsilon).squareRoot() * means
        guard invertsFloor else {
            return try normalized(means: mean, variances: variance * (logarithms * 2).exponential())
        }
        let part = BayesianShift.floorPart
        let center = try variable("center").slice(starts: [0, channels], shape: [1, channels])
        func power(_ logarithm: Tensor) throws -> Tensor {
            try (logarithm * 2).exponential() * (1 + part) - part
        }
        // Where source images have hardly any variance themselves, nothing can be told of less.
        let base = try power(center).maximum(builder.constant(0.02))
        let ratio = try (power(center + logarithms) / base).maximum(builder.constant(0.003))
        return try normalized(means: mean, variances: variance * ratio)
    }
}
