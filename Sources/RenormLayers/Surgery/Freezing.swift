import RenormGraphs

/// What of a part of a model is frozen.
public enum Freezing: String, Sendable, Hashable, Codable, CaseIterable {
    /// Parameters are not trained, statistics do not move and normalize in every phase, and dropout is off: the part gives in
    /// training what it gives at inference.
    case parametersAndStatistics
    /// Parameters are not trained. Normalizations go on with a batch's moments in training and move their averages.
    case parameters
    /// Statistics do not move, and normalize in every phase. γ, β and weights go on being trained.
    case statistics
}

extension Override {
    /// Freezes a part: its parameters, its statistics, or both.
    ///
    ///     model.overrides += [.freeze("layer1"), .freeze("**.bn*", .statistics)]
    ///
    /// No phase undoes it, neither the one that the model is traced for nor that of a later override; `unfreeze` does.
    public static func freeze(
        _ pattern: PathPattern, _ what: Freezing = .parametersAndStatistics
    ) -> Override {
        Override(
            pattern, isTrainable: what == .statistics ? nil : false,
            freezesStatistics: what == .parameters ? nil : true)
    }

    /// Undoes what earlier overrides have frozen in a part.
    public static func unfreeze(
        _ pattern: PathPattern, _ what: Freezing = .parametersAndStatistics
    ) -> Override {
        Override(
            pattern, isTrainable: what == .statistics ? nil : true,
            freezesStatistics: what == .parameters ? nil : false)
    }
}

extension Model {
    /// The model with a part of it frozen.
    ///
    /// - Throws: `GraphError.unknown` if nothing that could be frozen so lies there: a misspelt name must not leave everything
    ///   in training.
    public func freezing(_ pattern: PathPattern, _ what: Freezing = .parametersAndStatistics) throws -> Model
    {
        let kinds: Set<VariableKind> =
            switch what {
            case .parametersAndStatistics: [.parameter, .statistic]
            case .parameters: [.parameter]
            case .statistics: [.statistic]
            }
        let known = try specifications().filter { kinds.contains($0.kind) }.map(\.path)
        guard known.contains(where: pattern.matches) else {
            throw GraphError.unknown(
                what: what == .statistics ? "statistic" : "parameter", name: pattern.description, known: known
            )
        }
        var result = self
        result.overrides.append(.freeze(pattern, what))
        return result
    }

    /// The model with its first units frozen, counted as `units()` does, which also says what lies in them.
    ///
    /// - Throws: `GraphError.option` unless the model has so many units.
    public func freezing(first count: Int, _ what: Freezing = .parametersAndStatistics) throws -> Model {
        let units = try units()
        guard (0...units.count).contains(count) else {
            throw GraphError.option(
                operation: "freezing", path: "", found: "the first \(count) units",
                expected: "0 to \(units.count), which the network has")
        }
        let inside = Set(units.prefix(count).flatMap(\.layers))
        let outside = Set(units.dropFirst(count).flatMap(\.layers))
        var result = self
        for path in inside.commonParts(without: outside) {
            result.overrides.append(.freeze(PathPattern(path), what))
        }
        return result
    }
}

extension Set<String> {
    /// As few paths as say the same: a part of the network stands for the layers below it where none of them is in `others`.
    /// In order.
    func commonParts(without others: Set<String>) -> [String] {
        let taken = Set(others.flatMap(\.parts))
        return Set(map { path in path.parts.first { !taken.contains($0) && !$0.isEmpty } ?? path }).sorted()
    }
}

extension String {
    /// The path of each part that this one is in, the largest first, itself last.
    fileprivate var parts: [String] {
        let names = split(separator: ".", omittingEmptySubsequences: false)
        return (0...names.count).map { names[..<$0].joined(separator: ".") }
    }
}
