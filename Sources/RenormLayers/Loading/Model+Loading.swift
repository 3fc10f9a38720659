import RenormArrays
import RenormGraphs

extension Model {
    /// Takes over the parameters, statistics and counters of a file: one that renorm wrote, or one from elsewhere. All or nothing.
    ///
    /// Floating-point types are converted to f32. Where the file has `running_var` and the layer is batch renorm, or the
    /// other way round, the averages are converted so that inference stays as it was: σ = √(running_var + ε). Slots and
    /// averages of a checkpoint and statistics of domains are left out. A file from before PyTorch counted batches may lack
    /// `num_batches_tracked`; then 1 is taken.
    ///
    /// - Parameters:
    ///   - names: What the framework that the file is from calls the variables; files that renorm wrote need none.
    ///   - except: Parts that keep the values they have, such as a classifier for other classes; the file may
    ///     hold anything there.
    ///   - epsilon: The ε of the file's batch normalizations, which the model's get in place of theirs, since averages and weights
    ///     mean something with the ε that they were trained with alone: Keras' is 1e-3, also in weights that others have
    ///     taken from TensorFlow. `nil`: the model's own.
    /// - Returns: What was taken over, and what should be known of it.
    /// - Throws: `VariablesError.unfit` with everything that does not fit: names, shapes, types, values that are not finite,
    ///   statistics that none can be, such as a negative variance. `NormalizationError` if a σ cannot be converted.
    @discardableResult
    public mutating func load(
        _ file: VariablesFile, names: NameTable = .pytorch, except: [PathPattern] = [], epsilon: Double? = nil
    ) throws -> LoadingReport {
        let loading = try Loading(of: file, into: self, names: names, except: except, epsilon: epsilon)
        guard loading.report.fits else { throw VariablesError.unfit(loading.report) }
        self = try loading.result()
        return loading.report
    }

    /// What of a file fits and what does not, without taking anything over.
    ///
    /// - Throws: `VariablesError.sameVariable`; `GraphError` if images do not fit the layers.
    public func loadingReport(
        of file: VariablesFile, names: NameTable = .pytorch, except: [PathPattern] = [],
        epsilon: Double? = nil
    ) throws -> LoadingReport {
        try Loading(of: file, into: self, names: names, except: except, epsilon: epsilon).report
    }
}

/// A file on its way into a model.
private struct Loading {
    private(set) var report: LoadingReport
    private var model: Model
    private var loaded: Variables
    private let isLoaded: (String) -> Bool
    private var conversions: [(record: NormalizationRecord, saved: Normalization)] = []

    init(
        of file: VariablesFile, into target: Model, names: NameTable, except: [PathPattern], epsilon: Double?
    ) throws {
        let isLoaded: (String) -> Bool = { path in !except.contains { $0.matches(path) } }
        self.isLoaded = isLoaded
        model = target
        report = LoadingReport(of: file.path)
        if let epsilon { model.overrides += try target.overrides(settingEpsilon: epsilon, where: isLoaded) }
        var source = try file.state(by: names).filter { isLoaded($0.key) }
        let given = source
        // The model as the file's author had it, so that the file is checked before anything is converted.
        var asSaved = model
        let normalizations = try model.tracedNormalizations().filter { isLoaded($0.path) }
        for record in normalizations {
            guard let saved = record.fit(&source) else { continue }
            asSaved.overrides.append(Override(PathPattern(record.path), normalization: saved))
            conversions.append((record, saved))
        }
        let wanted = try asSaved.specifications().filter { isLoaded($0.path) }
        loaded = try file.match(source, with: wanted, bounds: asSaved.statisticBounds(), &report)
        report.kept = try model.specifications().map(\.path).filter { !isLoaded($0) }
        report.converted = conversions.map(\.record.path)
        for record in try asSaved.tracedNormalizations() where isLoaded(record.path) {
            record.note(loaded, given: given, in: &report)
        }
        if !report.fits {
            report.causes =
                LoadingCauses(
                    report: report, wanted: wanted, arrays: given, normalizations: normalizations
                ).sentences
        }
    }

    /// The model with what the file holds, which has to fit.
    func result() throws -> Model {
        var (result, loaded) = (model, loaded)
        for (record, saved) in conversions {
            try loaded.convert(at: record.path, from: saved, to: record.normalization)
        }
        for specification in try model.specifications() where isLoaded(specification.path) {
            result.variables[specification.path] = loaded[specification.path]!
        }
        return result
    }
}

extension NormalizationRecord {
    /// Notes what should be known of the averages that a file has for this normalization.
    ///
    /// - Parameters:
    ///   - loaded: The variables that fit.
    ///   - given: The arrays of the file before anything was added to them.
    fileprivate func note(_ loaded: Variables, given: [String: NDArray], in report: inout LoadingReport) {
        guard let kind = normalization.kind as? any PopulationNormalization,
            let population = kind.population(
                { loaded[place($0)]?.value }, epsilon: normalization.epsilon)
        else { return }
        let isCounted = given[place(NormalizationStatistic.batchCount.name)] != nil
        if !isCounted { report.uncounted.append(path) }
        if !population.isMeasured, !isCounted || population.batchCount?.doubles == [0] {
            report.neverUpdated.append(path)
        }
        if case .variance(let variance, _) = population.spread, variance.doubles.contains(0) {
            report.zeroVariances.append(path)
        }
    }
}

extension VariablesFile {
    /// What belongs to a model rather than to its training, by our paths.
    fileprivate func state(by names: NameTable) throws -> [String: NDArray] {
        if let kinds {
            return arrays.filter { name, _ in
                kinds[name].map { ![.slot, .average, .domain].contains($0) } ?? true
            }
        }
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

    /// The arrays as the variables that are wanted, floating-point types converted, as far as they fit.
    fileprivate func match(
        _ arrays: [String: NDArray], with wanted: [VariableSpecification], bounds: [String: StatisticBound],
        _ report: inout LoadingReport
    ) -> Variables {
        compare(wanted.map(Wanted.init), with: arrays, bounds: bounds, report: &report) { value, type in
            value.type.isFloatingPoint == type.isFloatingPoint ? value.converted(to: type) : nil
        }
    }
}
