extension Model {
    /// The model with another ε in the normalizations with moving averages that match: what normalizes is √(variance + ε) with
    /// the same variance. Batch renormalization has ε inside its deviations, which stay as they are.
    ///
    /// - Throws: `GraphError` for an ε that is out of range.
    public func settingEpsilon(_ epsilon: Double, of pattern: PathPattern = .all) throws -> Model {
        var result = self
        result.overrides += try overrides(settingEpsilon: epsilon, where: pattern.matches)
        _ = try result.specifications()
        return result
    }

    /// What gives the normalizations with moving averages at some paths another ε.
    func overrides(settingEpsilon epsilon: Double, where isMeant: (String) -> Bool) throws -> [Override] {
        try overrides { record in
            guard record.normalization.keepsPopulation, isMeant(record.path) else { return nil }
            var normalization = record.normalization
            normalization.epsilon = epsilon
            return normalization
        }
    }

    /// What puts other normalizations in the place of those for which `change` gives one: one override where all become the same.
    func overrides(_ change: (NormalizationRecord) -> Normalization?) throws -> [Override] {
        let records = try tracedNormalizations()
        let targets = records.map(change)
        if let first = targets.first, let first, targets.allSatisfy({ $0 == first }) {
            return [Override(.all, normalization: first)]
        }
        return zip(records, targets).compactMap { record, target in
            target.map { Override(PathPattern(record.path), normalization: $0) }
        }
    }
}
