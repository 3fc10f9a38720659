import RenormArrays
import RenormGraphs

extension Model {
    /// Takes over the parameters, statistics and counters of a file: one that renorm wrote, or one from elsewhere. All or nothing.
    ///
    /// Floating-point types are converted to f32. Where the file has `running_var` and the layer is batch renorm, or the
    /// other way round, the averages are converted so that inference stays as it was: σ = √(running_var + ε). Slots and
    /// averages of a checkpoint are left out. A file from before PyTorch counted batches may lack
    /// `num_batches_tracked`; then 1 is taken.
    ///
    /// - Parameters:
    ///   - names: What the framework that the file is from calls the variables; files that renorm wrote need none.
    ///   - except: Parts that keep the values they have, such as a classifier for other classes; the file may
    ///     hold anything there.
    /// - Throws: `VariablesError` naming the path and the shapes, a value that is not finite, or a statistic that none can
    ///   be, such as a negative variance; `NormalizationError` if a σ cannot be converted.
    public mutating func load(
        _ file: VariablesFile, names: NameTable = .pytorch, except: [PathPattern] = []
    ) throws {
        let isLoaded: (String) -> Bool = { path in !except.contains { $0.matches(path) } }
        var source = try file.state(by: names).filter { isLoaded($0.key) }
        // The model as the file's author had it, so that the file is checked before anything is converted.
        var asSaved = self
        var conversions: [(record: NormalizationRecord, saved: Normalization)] = []
        for record in try tracedNormalizations() where isLoaded(record.path) {
            guard let saved = record.fit(&source) else { continue }
            asSaved.overrides.append(Override(PathPattern(record.path), normalization: saved))
            conversions.append((record, saved))
        }
        let wanted = try asSaved.specifications().filter { isLoaded($0.path) }
        var loaded = try file.match(source, with: wanted, bounds: asSaved.statisticBounds())
        for (record, saved) in conversions {
            try loaded.convert(at: record.path, from: saved, to: record.normalization)
        }
        let own = conversions.isEmpty ? wanted : try specifications().filter { isLoaded($0.path) }
        for specification in own { variables[specification.path] = loaded[specification.path]! }
    }
}

extension VariablesFile {
    /// What belongs to a model rather than to its training, by our paths.
    fileprivate func state(by names: NameTable) throws -> [String: NDArray] {
        if let kinds { return arrays.filter { kinds[$0.key] != .slot && kinds[$0.key] != .average } }
        var result: [String: NDArray] = [:]
        var origins: [String: String] = [:]
        for (name, array) in arrays {
            let (place, translated) = names.translated(name, array)
            if let other = origins.updateValue(name, forKey: place) {
                throw VariablesError.sameVariable(
                    file: path, path: place, names: [name, other].sorted(), framework: names.framework)
            }
            result[place] = translated
        }
        return result
    }

    /// The arrays as the variables that are wanted, floating-point types converted.
    fileprivate func match(
        _ arrays: [String: NDArray], with wanted: [VariableSpecification], bounds: [String: StatisticBound]
    ) throws -> Variables {
        // A shape says more of what is wrong than which variables are missing.
        let classifier = wanted.last { $0.kind == .parameter && $0.shape.rank == 2 }?.path
        for specification in wanted {
            guard let found = arrays[specification.path]?.shape, found != specification.shape else {
                continue
            }
            let (name, expected) = (specification.path, specification.shape)
            if name == classifier, found.rank == 2, found[1] == expected[1] {
                throw VariablesError.classifier(
                    file: path, path: name, found: found[0], expected: expected[0])
            }
            throw VariablesError.shape(file: path, path: name, found: found, expected: expected)
        }
        return try variables(wanted.map(Wanted.init), of: arrays, bounds: bounds) { value, type in
            value.type.isFloatingPoint == type.isFloatingPoint ? value.converted(to: type) : nil
        }
    }
}
