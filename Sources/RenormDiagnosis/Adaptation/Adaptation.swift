import RenormArrays
import RenormEngines
import RenormLayers
import RenormTraining

/// Adapts a network to another domain: the moving averages of its normalizations become those of the domain, measured on pictures
/// without labels (AdaBN, Li et al. 2016). Nothing else changes.
///
///     let adapted = try Adaptation(engine).adapt(model, to: ImageBatches(pictures, scaling: scaling))
///     model = adapted.model
///
/// Normalizations are measured in order: when one is, those before it have what was made for them.
///
/// **Few pictures** say little, so that the source's averages count beside them (`StatisticsBlend`). Mean and variance are
/// blended each in its own right, μ + w·(μ_t − μ) and v + w·(v_t − v): both are estimates of the same number of one population, and not
/// two populations that are thrown together, so the gap between the means adds nothing to the variance. The number of pictures counts,
/// not of pixels, which are alike within a picture.
///
/// How far to go is estimated by channel with `Shrinkage`: of the mean the gap is (μ_t − μ)/σ, and its error what the
/// scatter of the pictures' means says, (S²/n + B²·L)/σ²; of the variance the gap is ½ log (v_t + ε)/(v + ε), with the scatter of the
/// pictures' mean squares around μ_t. n is the number of pictures or, where they come in an order that matters (`order`), as many
/// as would say as much if they did not: n over the design effect. L is how far the mix of classes is from the expected one
/// (`LabelMix`), since the scatter B² between classes (`ClassScatter`) does not average out then.
public struct Adaptation: Sendable {
    /// What to compute with.
    public var engine: any Engine
    /// How much the target counts.
    public var blend: StatisticsBlend
    /// The normalizations that are adapted; the others stay as they are.
    public var pattern: PathPattern
    /// The number of examples that training normalized together, if it is known: averages of training then mean the moments of
    /// such groups, and so do the target's. `nil`: large ones.
    public var examplesTogether: Int?
    /// The share of each class in what the network was trained on, as it predicts them; `nil`: all the same.
    public var classShares: [Double]?
    /// Whether the order of the pictures may say something, as that of a film does; that of a list by classes says nothing.
    public var isOrdered: Bool

    /// Adapts with an engine.
    public init(
        _ engine: any Engine, blend: StatisticsBlend = .automatic, pattern: PathPattern = .all,
        examplesTogether: Int? = nil, classShares: [Double]? = nil, isOrdered: Bool = true
    ) {
        self.engine = engine
        self.blend = blend
        self.pattern = pattern
        self.examplesTogether = examplesTogether
        self.classShares = classShares
        self.isOrdered = isOrdered
    }

    /// What became of a normalization.
    public struct Layer: Sendable, Hashable, Codable {
        /// Where it is.
        public var path: String
        /// How far means went to the target's, on average over channels, 0 to 1.
        public var meanWeight: Double
        /// The same of variances.
        public var varianceWeight: Double
        /// How far the target's means are from the source's, in the source's deviations: the root of the mean square.
        public var meanGap: Double
        /// How far the logarithms of its deviations are.
        public var deviationGap: Double
        /// How far off both may be, as little as the pictures say; `nil` of a single picture.
        public var meanError: Double?
        /// The same of the logarithms of deviations.
        public var deviationError: Double?
        /// How many independent pictures say as much.
        public var effectiveImages: Double
        /// How much the order matters; `nil` where it is not looked at, or there are too few pictures.
        public var order: DesignEffect?
    }

    /// An adapted network.
    public struct Result: Sendable {
        /// The network.
        public var model: Model
        /// What became of its normalizations, in the order of the network.
        public var layers: [Layer]
        /// The number of pictures.
        public var images: Int
        /// How often they have passed.
        public var passes: Int
        /// Which classes the network saw in them before.
        public var labels: LabelMix
        /// The effect of their order, on average over the layers; its error is at most the mean of theirs.
        public var order: DesignEffect?
    }

    /// Adapts a network to pictures.
    ///
    /// - Throws: `AdaptationError`; `TrainingError.imageShape`, `.notFiniteOn`; what the engine and the images throw.
    public func adapt(_ model: Model, to images: ImageBatches) throws -> Result {
        let all = try model.tracedNormalizations()
        let known = all.filter(\.normalization.keepsPopulation).map(\.path)
        guard known.contains(where: pattern.matches) else {
            throw AdaptationError.noAverages(pattern: pattern.description, found: known)
        }
        let classes = try predictedClasses(model, images)
        let labels = LabelMix(
            classes, of: try model.outputShape()[-1], expected: classShares)
        let scatter = ClassScatter(classes)
        guard labels.images > (blend == .automatic ? 1 : 0) else {
            throw AdaptationError.tooFew(data: images.name, images: labels.images)
        }
        var layers: [Layer] = []
        let (adapted, passes) = try StatisticsMeasurement(engine).replacingAverages(
            of: model, on: images, where: { pattern.matches($0.path) }
        ) { record, moments, source in
            let target = TargetMoments(
                moments, record, in: source, classes: scatter,
                together: record.normalization.examples ?? examplesTogether)
            let (population, layer) = try blended(
                target, source, at: record, labels: max(labels.distance, 0))
            layers.append(layer)
            return population
        }
        let places = Dictionary(
            all.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
        layers.sort { places[$0.path]! < places[$1.path]! }
        return Result(
            model: adapted, layers: layers, images: labels.images, passes: passes, labels: labels,
            order: DesignEffect(mean: layers.compactMap(\.order)))
    }

    /// What the network takes each picture for.
    private func predictedClasses(_ model: Model, _ images: ImageBatches) throws -> [Int] {
        let run = try LogitsRun(model, engine)
        let classes = try model.outputShape()[-1]
        var result: [Int] = []
        let next = try images.open()
        while let batch = try next() {
            let logits = try run.logits(batch, images.name)
            for row in stride(from: 0, to: logits.count, by: classes) {
                let own = logits[row..<row + classes]
                result.append(own.indices.max { own[$0] < own[$1] }! - row)
            }
        }
        return result
    }

    /// What a normalization's averages become.
    private func blended(
        _ target: TargetMoments, _ source: Population, at record: NormalizationRecord, labels: Double
    ) throws -> (Population, Layer) {
        let epsilon = record.normalization.epsilon
        let order = isOrdered ? DesignEffect(ofOrder: target.standardizedMeans) : nil
        let effective = Double(target.images) / max(order?.significant ?? 1, 1)
        func errors(_ scatter: [Double], _ betweenClasses: [Double]) -> [Double]? {
            target.images > 1 ? zip(scatter, betweenClasses).map { $0 / effective + $1 * labels } : nil
        }
        let meanErrors = errors(target.meanScatter, target.meanClassScatter)
        let deviationErrors = errors(target.deviationScatter, target.deviationClassScatter)
        let weights: (means: [Double], variances: [Double])
        if let share = blend.share(of: target.images) {
            weights = (target.means.map { _ in share }, target.means.map { _ in share })
        } else {
            weights = (
                Shrinkage(gaps: target.meanGaps, errors: meanErrors ?? []).weights,
                Shrinkage(gaps: target.deviationGaps, errors: deviationErrors ?? []).weights
            )
        }
        func between(_ old: [Double], _ new: [Double], _ weights: [Double]) -> NDArray {
            let values = old.indices.map { old[$0] + weights[$0] * (new[$0] - old[$0]) }
            return NDArray(values, shape: [values.count])
        }
        let population = Population(
            mean: between(target.sourceMeans, target.means, weights.means),
            spread: .variance(
                between(target.sourceVariances, target.variances, weights.variances), epsilon: epsilon),
            batchCount: source.batchCount)
        return (
            population,
            Layer(
                path: record.path, meanWeight: weights.means.mean, varianceWeight: weights.variances.mean,
                meanGap: target.meanGaps.rootMeanSquare, deviationGap: target.deviationGaps.rootMeanSquare,
                meanError: meanErrors.map { $0.mean.squareRoot() },
                deviationError: deviationErrors.map { $0.mean.squareRoot() },
                effectiveImages: meanErrors.map {
                    target.meanScatter.mean / max($0.mean, .leastNormalMagnitude)
                } ?? effective,
                order: order)
        )
    }
}

extension [Double] {
    var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
    var rootMeanSquare: Double { (reduce(0) { $0 + $1 * $1 } / Double(Swift.max(count, 1))).squareRoot() }
}

extension Adaptation.Result {
    /// What speaks against the pictures as a sample of their domain, and what was done about it, in sentences.
    public func warnings(_ blend: StatisticsBlend) -> [String] {
        let isAutomatic = blend == .automatic
        let override = "a blend of 1 takes them as they are"
        var result: [String] = []
        if let order, order.matters {
            let same = Double(images) / order.value
            result.append(
                "pictures that follow one another are alike (design effect \(text(order.value)) ± \(text(2 * order.standardError)) in groups "
                    + "of \(order.size), where 1 is no order), so \(images) of them say as much as about \(Int(same.rounded())) in no order; "
                    + (isAutomatic
                        ? "they count as so many, and the source's statistics for more. If they are all that there will be, \(override)"
                        : "the blend is as given; auto would count them as so many"))
        }
        if labels.isBiased {
            result.append(
                "the network sees \(text(labels.effectiveClasses)) classes in them where \(text(labels.expectedClasses)) are expected "
                    + "(distance \(text(labels.distance)) ± \(text(2 * labels.standardError)), 0 for the expected mix), and the statistics of "
                    + "some classes are not those of all; "
                    + (isAutomatic
                        ? "so the target's count only where they are further off than other classes alone can make them. If the mix is as it will "
                            + "be, or the network is wrong about them, \(override)"
                        : "the blend is as given; auto would keep more of the source's"))
        }
        return result
    }

    private func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
