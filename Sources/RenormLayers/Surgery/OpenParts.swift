import RenormGraphs

/// Parts of a model that go on being trained while the rest is frozen: layers and variables by their paths.
public struct OpenParts: Sendable, Hashable {
    /// The layers that contain no others.
    public var layers: Set<String>
    /// The variables of all kinds.
    public var variables: Set<String>

    /// Names parts.
    public init(layers: Set<String> = [], variables: Set<String> = []) {
        self.layers = layers
        self.variables = variables
    }

    /// With other parts.
    public func union(_ other: OpenParts) -> OpenParts {
        OpenParts(
            layers: layers.union(other.layers), variables: variables.union(other.variables))
    }
}

extension Model {
    /// Everything.
    public func openParts() throws -> OpenParts {
        OpenParts(
            layers: Set(try units().flatMap(\.layers)), variables: Set(try specifications().map(\.path)))
    }

    /// What lies at paths that match.
    ///
    /// - Throws: `GraphError.unknown` for a pattern that matches nothing that has variables.
    public func openParts(matching patterns: [PathPattern]) throws -> OpenParts {
        let all = try openParts()
        for pattern in patterns where !all.variables.contains(where: pattern.matches) {
            let layers = try specifications().map(\.layer)
            throw GraphError.unknown(
                what: "layer", name: pattern.description,
                known: layers.enumerated().filter { $0 == 0 || layers[$0 - 1] != $1 }.map(\.element))
        }
        func matches(_ path: String) -> Bool { patterns.contains { $0.matches(path) } }
        return OpenParts(layers: all.layers.filter(matches), variables: all.variables.filter(matches))
    }

    /// The last units of the network, counted as `units()` does.
    ///
    /// - Throws: `GraphError.option` unless the model has so many units.
    public func openParts(last count: Int) throws -> OpenParts {
        let units = try units()
        guard (1...units.count).contains(count) else {
            throw GraphError.option(
                operation: "unfreezing", path: "", found: "the last \(count) units",
                expected: "1 to \(units.count), which the network has")
        }
        let first = units.count - count
        return OpenParts(
            layers: Set(units[first...].flatMap(\.layers)),
            variables: Set(
                try specifications().filter { units.place(of: $0) >= first }.map(\.path)))
    }

    /// The layer that gives the result: the last that has weights.
    ///
    /// - Parameter head: The paths of its variables where they are known (`Architecture.headPaths()`), which may be those of
    ///   several layers, such as of auxiliary classifiers; empty: the last layer with weights is looked for.
    /// - Throws: `GraphError.option` if the model has no layer with weights.
    public func openHead(_ head: [String] = []) throws -> OpenParts {
        let all = try specifications()
        let weights = all.filter { $0.kind == .parameter && $0.shape.rank > 1 }
        let layers =
            head.isEmpty
            ? Set(try lastLayer(of: Set(weights.map(\.layer))).map { [$0] } ?? [])
            : Set(all.filter { head.contains($0.path) }.map(\.layer))
        guard !layers.isEmpty else {
            throw GraphError.option(
                operation: "unfreezing", path: "", found: "a head in a network without weights",
                expected: "a layer that tells classes apart")
        }
        return OpenParts(
            layers: layers, variables: Set(all.filter { layers.contains($0.layer) }.map(\.path)))
    }

    private func lastLayer(of layers: Set<String>) throws -> String? {
        try units().flatMap(\.layers).last(where: layers.contains)
    }

    /// The model with all frozen, parameters and statistics, but for these parts. What its overrides freeze stays frozen.
    public func freezing(allBut open: OpenParts) throws -> Model {
        let leaves = Set(try units().flatMap(\.layers))
        let all = try specifications()
        let owners = Set(all.filter { open.variables.contains($0.path) }.map(\.layer))
        var result = self
        for path in leaves.subtracting(open.layers).commonParts(without: open.layers.union(owners)) {
            result.overrides.append(.freeze(PathPattern(path)))
        }
        // What layers do not decide: variables of layers that contain others, and variables that a pattern names alone.
        for variable in all {
            let (path, isOpen) = (variable.path, open.variables.contains(variable.path))
            let (was, isTrained) = (overrides.train(at: path), result.overrides.train(at: path))
            if !isOpen, isTrained || !result.overrides.freezeStatistics(at: path) {
                result.overrides.append(.freeze(PathPattern(path)))
            } else if isOpen, was, !isTrained {
                result.overrides.append(.unfreeze(PathPattern(path), .parameters))
            }
        }
        return result
    }

    /// For the path of each parameter, how many units of the network come after its own (`units()`).
    public func unitsAfter() throws -> [String: Int] {
        let units = try units()
        return try specifications().filter { $0.kind == .parameter }.reduce(into: [:]) {
            $0[$1.path] = units.count - 1 - units.place(of: $1)
        }
    }
}

extension [NetworkUnit] {
    /// Where the unit of a variable is: that of its layer or, where its layer contains others, of the first of these.
    fileprivate func place(of variable: VariableSpecification) -> Int {
        let layer = variable.layer
        return firstIndex { $0.layers.contains(layer) }
            ?? firstIndex { $0.layers.contains { $0.hasPrefix(layer.isEmpty ? "" : layer + ".") } }
            ?? count - 1
    }
}
