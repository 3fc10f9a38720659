import RenormArrays
import RenormGraphs

extension Model {
    /// The model with another kind of normalization in the layers that match; each keeps its epsilon, scale, shift and
    /// groups of examples, and its statistics are carried over so that inference gives what it gave.
    ///
    ///     let renormalized = try model.converting(to: .batchRenorm)
    ///
    /// - Parameter limits: The limits of batch renorm's correction from here on.
    /// - Throws: As `converting(_:to:)` with a `Normalization`.
    public func converting(
        _ pattern: PathPattern = .all, to kind: NormalizationKind, limits: Limits = .automatic
    ) throws -> Model {
        let matched = try tracedNormalizations().filter { pattern.matches($0.path) }
        let targets = matched.map { record in
            Normalization(
                kind, epsilon: record.normalization.epsilon, scale: record.normalization.scale,
                shift: record.normalization.shift, limits: limits, examples: record.normalization.examples)
        }
        if let first = targets.first, targets.allSatisfy({ $0 == first }) {
            return try converting(pattern, to: first)
        }
        return try converting(
            by: zip(matched, targets).map { Override(PathPattern($0.path), normalization: $1) })
    }

    /// The model with another normalization in the layers that match, its statistics carried over so that inference
    /// gives what it gave.
    ///
    /// Between batch, frozen and batch renorm the averages are converted exactly: σ = √(running_var + ε), and back
    /// running_var = σ² − ε with the new layer's ε, computed in Float64 and stored in the element type they had. Layers
    /// without averages have nothing to carry over but γ and β.
    ///
    /// - Throws: `NormalizationError.deviationBelowEpsilon` if a σ is less than √ε, which no variance has;
    ///   `.negativeVariance`;
    ///   `.lostParameter` if γ or β is not what a layer without it does; `GraphError` if the new normalization does not
    ///   fit the channels.
    public func converting(_ pattern: PathPattern = .all, to normalization: Normalization) throws -> Model {
        try converting(by: [Override(pattern, normalization: normalization)])
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
        let fresh = try result.graph(batch: 1).initialVariables(seed: 0)
        result.variables = fresh.mapValues { path, variable in
            guard let kept = carried[path], kept.value.shape == variable.value.shape else { return variable }
            return kept
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
    /// Gives the normalization at `path` the variables that another one has in its place.
    package mutating func convert(
        at path: String, from old: Normalization, to new: Normalization
    ) throws {
        func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        if new.kind != .none {
            if !new.scale { try drop(place("weight"), neutral: 1) }
            if !new.shift { try drop(place("bias"), neutral: 0) }
        }
        guard old.kind.hasMovingAverages, new.kind.hasMovingAverages else { return }
        convertGains(place, from: old, to: new)
        let (variancePath, deviationPath) = (place("running_var"), place("running_std"))
        switch (old.kind == .batchRenorm, new.kind == .batchRenorm) {
        case (true, true):
            break
        case (false, true):
            guard let variance = self[variancePath]?.value else { return }
            let mean = self[place("running_mean")]?.value.doubles ?? []
            if mean.contains(where: { $0 != 0 }) || variance.doubles.contains(where: { $0 != 1 }) {
                markAveragesAsSet(by: place("num_batches_tracked"))
            }
            if let channel = variance.doubles.firstIndex(where: { !($0 >= 0) }) {
                throw NormalizationError.negativeVariance(
                    path: path, channel: channel, variance: variance.doubles[channel])
            }
            self[deviationPath] = variance.statistic { ($0 + old.epsilon).squareRoot() }
        case (true, false):
            guard let deviation = self[deviationPath]?.value else { return }
            self[variancePath] = try deviation.variance(without: new.epsilon, at: path) { $0 * $0 }
        case (false, false):
            guard old.epsilon != new.epsilon, let variance = self[variancePath]?.value else { return }
            self[variancePath] = try variance.variance(without: new.epsilon, at: path) { $0 + old.epsilon }
        }
    }

    /// Averages without gains of their own get unknown ones: 0.
    private mutating func convertGains(
        _ place: (String) -> String, from old: Normalization, to new: Normalization
    ) {
        let (gains, innovations) = (place("gains"), place("innovations"))
        if !new.tunesItself {
            (self[gains], self[innovations]) = (nil, nil)
        } else if !old.tunesItself, let channels = self[place("running_mean")]?.value.shape[0] {
            self[gains] = Variable(kind: .statistic, value: NDArray(zeros: [2, 3]))
            self[innovations] = Variable(kind: .statistic, value: NDArray(zeros: [2, channels]))
        }
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

    /// Averages that mean something must not be overwritten by the first batch; those of a network that was never
    /// trained should be.
    private mutating func markAveragesAsSet(by counter: String) {
        guard self[counter].map({ $0.value.doubles == [0] }) ?? true else { return }
        self[counter] = Variable(kind: .counter, value: NDArray(scalar: Int64(1)))
    }
}

extension NDArray {
    /// A statistic of each value, in the element type of this array.
    fileprivate func statistic(_ transform: (Double) throws -> Double) rethrows -> Variable {
        let values = NDArray(try doubles.map(transform), shape: shape)
        return Variable(kind: .statistic, value: values.converted(to: type))
    }

    /// σ² − ε, where `squared` gives σ² of each value.
    fileprivate func variance(
        without epsilon: Double, at path: String, _ squared: (Double) -> Double
    ) throws -> Variable {
        // Rounding to f32 may bring a variance of 0 back as a little less.
        let tolerance = 1e-6 * epsilon
        if let channel = doubles.firstIndex(where: { !(squared($0) - epsilon >= -tolerance) }) {
            throw NormalizationError.deviationBelowEpsilon(
                path: path, channel: channel, deviation: squared(doubles[channel]).squareRoot(),
                epsilon: epsilon)
        }
        return statistic { Swift.max(squared($0) - epsilon, 0) }
    }
}
