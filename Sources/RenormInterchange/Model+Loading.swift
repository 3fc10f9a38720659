import RenormLayers

extension Model {
    /// Takes over the parameters, statistics and counters of a file: one that renorm wrote, or one of PyTorch's names
    /// from elsewhere. All or nothing.
    ///
    /// Floating-point types are converted to f32. Where the file has `running_var` and the layer is batch renorm, or the
    /// other way round, the averages are converted so that inference stays as it was: σ = √(running_var + ε). Slots and
    /// averages of a checkpoint are left out. A file from before PyTorch counted batches may lack
    /// `num_batches_tracked`; then 1 is taken.
    ///
    /// - Parameter except: Parts that keep the values they have, such as a classifier for other classes; the file may
    ///   hold anything there.
    /// - Throws: `VariablesError` naming the path and the shapes, a value that is not finite, or a statistic that none can
    ///   be, such as a negative variance; `NormalizationError` if a σ cannot be converted.
    public mutating func load(_ file: VariablesFile, except: [PathPattern] = []) throws {
        let isLoaded: (String) -> Bool = { path in !except.contains { $0.matches(path) } }
        let normalizations = try tracedNormalizations().filter { isLoaded($0.path) }
        var source = file.stateArrays.filter { isLoaded($0.key) }
        let expected = variables.filter { path, _ in isLoaded(path) }

        // The model as the file's author had it, so that the file is checked before anything is converted.
        var asSaved = self
        var conversions: [(record: NormalizationRecord, saved: Normalization)] = []
        for record in normalizations where record.normalization.keepsPopulation {
            let saved = record.savedOtherwise(in: source)
            if let saved {
                conversions.append((record, saved))
                asSaved.overrides.append(Override(PathPattern(record.path), normalization: saved))
            }
            record.complete(&source, asSavedBy: saved ?? record.normalization)
        }
        let wanted =
            conversions.isEmpty
            ? expected
            : try asSaved.graph(batch: 1).initialVariables(seed: 0).filter { path, _ in isLoaded(path) }
        var loaded = try file.match(source, with: wanted, bounds: asSaved.statisticBounds())
        for (record, saved) in conversions {
            try loaded.convert(at: record.path, from: saved, to: record.normalization)
        }
        variables = variables.mapValues { path, variable in
            isLoaded(path) ? loaded[path]! : variable
        }
    }
}

extension VariablesFile {
    /// What belongs to a model rather than to its training.
    fileprivate var stateArrays: [String: NDArray] {
        guard let kinds else { return arrays }
        return arrays.filter { kinds[$0.key] != .slot && kinds[$0.key] != .average }
    }

    /// The arrays as the variables that are wanted.
    fileprivate func match(
        _ arrays: [String: NDArray], with wanted: Variables, bounds: [String: StatisticBound]
    ) throws -> Variables {
        let classifier = wanted.last { $0.variable.kind == .parameter && $0.variable.value.shape.rank == 2 }?
            .path
        for (name, variable) in wanted {
            guard let value = arrays[name] else { continue }
            let (found, expected) = (value.shape, variable.value.shape)
            if found == expected { continue }
            if name == classifier, found.rank == 2, found[1] == expected[1] {
                throw VariablesError.classifier(
                    file: path, path: name, found: found[0], expected: expected[0])
            }
            throw VariablesError.shape(file: path, path: name, found: found, expected: expected)
        }
        let missing = wanted.paths.filter { arrays[$0] == nil }
        guard missing.isEmpty else { throw VariablesError.missing(file: path, paths: missing) }
        let unexpected = arrays.keys.filter { wanted[$0] == nil }.sorted()
        guard unexpected.isEmpty else { throw VariablesError.unexpected(file: path, paths: unexpected) }
        return try wanted.mapValues { name, variable in
            let value = arrays[name]!
            if let kind = kinds?[name], kind != variable.kind {
                throw VariablesError.kind(file: path, path: name, found: kind, expected: variable.kind)
            }
            let target = variable.value.type
            guard value.type.isFloatingPoint == target.isFloatingPoint else {
                throw VariablesError.type(file: path, path: name, found: value.type, expected: target)
            }
            let converted = value.converted(to: target)
            try check(converted, at: name, bounds[name])
            return Variable(kind: variable.kind, value: converted)
        }
    }
}
