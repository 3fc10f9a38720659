import RenormArrays
import RenormGraphs

extension Model {
    /// The model with another kind of normalization in the layers that match; each keeps what both have (epsilon, scale,
    /// shift, what weights go through, groups of examples), and its statistics are carried over so that inference gives
    /// what it gave.
    ///
    ///     let renormalized = try model.converting(to: .batchRenorm)
    ///
    /// - Parameter kind: With groups of examples of its own it has these, else those of the layer.
    /// - Throws: As `converting(_:to:)` with a `Normalization`.
    public func converting(_ pattern: PathPattern = .all, to kind: any NormalizationKind) throws -> Model {
        try converting(
            by: overrides { record in
                guard pattern.matches(record.path) else { return nil }
                var target = record.normalization
                target.kind = kind
                if target.examples == nil { target.examples = record.normalization.examples }
                return target
            })
    }

    /// The model with another normalization in the layers that match, its statistics carried over so that inference
    /// gives what it gave.
    ///
    /// Between batch, frozen and batch renorm the averages are converted exactly: σ = √(running_var + ε), and back
    /// running_var = σ² − ε with the new layer's ε, computed in Float64 and stored in the element type they had. What normalizes each
    /// example by itself has no averages: inference changes, γ and β become what makes it change least (`ExampleNormalization`), and
    /// the network needs training. `ConversionReport` says what a conversion does.
    ///
    /// - Throws: `NormalizationError.deviationBelowEpsilon` if a σ is less than √ε, which no variance has;
    ///   `.negativeVariance`;
    ///   `.lostParameter` if γ or β is not what a layer without it does; `GraphError` if the new normalization does not
    ///   fit the channels.
    public func converting(_ pattern: PathPattern = .all, to normalization: Normalization) throws -> Model {
        try converting(by: [Override(pattern, normalization: normalization)])
    }

    /// The model with another kind of normalization in place of every one that keeps moving averages; exact at inference.
    ///
    /// - Throws: As `converting(_:to:)`.
    public func convertingPopulations(to kind: any PopulationNormalization) throws -> Model {
        try converting(
            by: tracedNormalizations().filter(\.normalization.keepsPopulation).map { record in
                var target = record.normalization
                target.kind = kind
                return Override(PathPattern(record.path), normalization: target)
            })
    }

    private func converting(by changes: [Override]) throws -> Model {
        var result = self
        result.overrides += changes
        var carried = variables
        for (was, becomes) in zip(try tracedNormalizations(), try result.tracedNormalizations())
        where was.normalization != becomes.normalization {
            try carried.convert(at: was.path, from: was.normalization, to: becomes.normalization)
        }
        // The variables of the new network in its own order: those that have survived keep their values.
        result.variables = Variables()
        for specification in try result.specifications() {
            let kept = carried[specification.path].flatMap {
                $0.value.shape == specification.shape ? $0 : nil
            }
            result.variables[specification.path] =
                kept ?? Variable(kind: specification.kind, value: specification.initialValue(seed: 0))
        }
        return result
    }

    /// The normalizations in the order of their results, overrides included.
    public func tracedNormalizations() throws -> [NormalizationRecord] {
        let builder = GraphBuilder()
        return try trace(builder.images(input, batch: 1), on: builder, phase: .inference).normalizations
    }
}

extension Variables {
    /// Gives the normalization at `path` the variables that another one has in its place. Those that the other has too, by
    /// name and shape, stay as they are.
    package mutating func convert(
        at path: String, from old: Normalization, to new: Normalization
    ) throws {
        func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        if !(new.kind is NoNormalization) {
            if !new.scale { try drop(place("weight"), neutral: 1) }
            if !new.shift { try drop(place("bias"), neutral: 0) }
        }
        guard let source = old.kind as? any PopulationNormalization,
            let population = source.population({ self[place($0)]?.value }, epsilon: old.epsilon)
        else { return }
        if let target = new.kind as? any ExampleNormalization, new.scale && new.shift {
            let (means, deviations) = (population.mean.doubles, try population.deviations(at: path))
            let variances = deviations.map { $0 * $0 - old.epsilon }
            carryAffine(
                at: path, from: (means, deviations),
                to: target.expectedMoments(means: means, variances: variances, epsilon: new.epsilon))
        }
        guard let target = new.kind as? any PopulationNormalization else { return }
        let converted = try target.statistics(of: population, epsilon: new.epsilon, path: path)
        let had = old.statistics(channels: 1)
        let has = new.statistics(channels: population.mean.elementCount)
        for statistic in has {
            let path = place(statistic.name)
            if let value = converted[statistic.name] {
                self[path] = Variable(kind: statistic.kind, value: value)
            } else if self[path] == nil {
                self[path] = Variable(kind: statistic.kind, value: statistic.initialValue)
            }
        }
        let names = Set(has.map(\.name))
        for statistic in had where !names.contains(statistic.name) { self[place(statistic.name)] = nil }
    }

    /// A parameter that the new layer lacks must be doing nothing.
    private mutating func drop(_ path: String, neutral: Double) throws {
        guard let values = self[path]?.value.doubles else { return }
        if let channel = values.firstIndex(where: { $0 != neutral }) {
            throw NormalizationError.lostParameter(
                path: path, channel: channel, found: values[channel], neutral: neutral)
        }
        self[path] = nil
    }
}
