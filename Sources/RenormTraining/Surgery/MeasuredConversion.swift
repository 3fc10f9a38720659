import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers

extension StatisticsMeasurement {
    /// The network with a kind of normalization that keeps averages in the place of others, such as batch in the place of group: the
    /// averages are measured on images, and γ and β carried over, so that an example with the population's moments gets what it got.
    /// Where averages were before they are converted, not measured.
    ///
    /// - Throws: As `measure` and `Model.converting`; `TrainingError.option` for a kind without averages.
    public func convert(
        _ pattern: PathPattern = .all, of model: Model, to kind: any PopulationNormalization,
        on images: ImageBatches
    ) throws -> Result {
        let before = Dictionary(
            try model.tracedNormalizations().map { ($0.path, $0.normalization) },
            uniquingKeysWith: { first, _ in first })
        let converted = try model.converting(pattern, to: kind)
        return try measure(of: converted, on: images) { record in
            pattern.matches(record.path) && before[record.path]?.keepsPopulation == false
        } adapt: { record, moments, variables in
            guard let old = before[record.path], let kind = old.kind as? any ExampleNormalization,
                record.normalization.scale && record.normalization.shift
            else { return }
            let epsilon = record.normalization.epsilon
            variables.carryAffine(
                at: record.path,
                from: kind.expectedMoments(
                    means: moments.means, variances: moments.variances, epsilon: old.epsilon),
                to: (moments.means, moments.variances.map { ($0 + epsilon).squareRoot() }))
        }
    }
}

extension ConversionEffect {
    /// Measures what a change of a network does to its answers.
    ///
    /// - Throws: `TrainingError.option` without images; `.notFiniteOn`; what the engine and the images throw.
    public init(
        from old: Model, to new: Model, on images: ImageBatches, engine: any Engine
    ) throws {
        let runs = try [LogitsRun(old, engine), LogitsRun(new, engine)]
        var (count, changed, distance, all) = (0, 0, 0.0, PopulationMoments())
        let next = try images.open()
        while let batch = try next() {
            let logits = try runs.map { try $0.logits(batch, images.name) }
            let classes = logits[0].count / batch.shape[0]
            for row in 0..<batch.shape[0] {
                let (a, b) = (
                    logits[0][row * classes..<(row + 1) * classes],
                    logits[1][row * classes..<(row + 1) * classes]
                )
                count += 1
                if a.indices.max(by: { a[$0] < a[$1] }) != b.indices.max(by: { b[$0] < b[$1] }) {
                    changed += 1
                }
                distance += zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                for value in a { all.add(means: [value], biasedVariances: [0], count: 1) }
            }
        }
        guard all.count > 1 else {
            throw TrainingError.option(name: images.name, found: "\(count) images", expected: "at least 1")
        }
        let spread = all.variances[0].squareRoot()
        let moved = (distance / Double(all.count)).squareRoot()
        self.init(
            images: count, logitDistance: moved == 0 ? 0 : moved / spread,
            changedAnswers: Double(changed) / Double(count))
    }
}
