import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers

/// A network whose normalizations with moving averages can be exchanged for those of a method: with averages as frozen normalization
/// has them, at inference the same to the bit or as near as a conversion is.
struct StreamedNetwork {
    /// The network.
    let model: Model
    /// Its normalizations with moving averages.
    let records: [NormalizationRecord]

    /// - Throws: `StreamError.noAverages`.
    init(_ model: Model) throws {
        let frozen = try model.convertingPopulations(to: .frozen)
        let all = try frozen.tracedNormalizations()
        let kept = all.filter { $0.normalization.kind is any PopulationNormalization }
        guard !kept.isEmpty else { throw StreamError.noAverages(known: all.map(\.normalization.kind.word)) }
        self.model = frozen
        records = kept
    }

    /// An average of a normalization.
    func average(_ name: String, of record: NormalizationRecord) -> [Double] {
        model.variables["\(record.path).\(name)"]?.value.doubles ?? []
    }

    /// The network under a method, and the variables that it needs beside the network's, each with what it begins as.
    ///
    /// - Throws: `StreamError.noSource`, `.foreignSource`.
    func under(
        _ method: any StreamMethod, source: SourceStatistics?
    ) throws -> (model: Model, fixed: Variables, state: Variables) {
        if type(of: method).needsSource, source == nil {
            throw StreamError.noSource(method: type(of: method).name)
        }
        var (result, fixed, state) = (model, Variables(), Variables())
        let known = Dictionary(
            (source?.layers ?? []).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        for record in records {
            let channels = record.input[-1]
            let layer = known[record.path]
            if source != nil {
                guard let layer, layer.meanVariance.elementCount == channels else {
                    throw StreamError.foreignSource(
                        path: record.path,
                        found: layer.map { "\($0.meanVariance.elementCount) channels" } ?? "nothing",
                        expected: "\(channels) channels")
                }
            }
            let variables = try method.variables(
                channels: channels, source: layer, limit: source?.limit ?? SourceStatistics.usualLimit)
            for variable in variables {
                let path = "\(record.path).stream.\(variable.name)"
                switch variable.initial {
                case .fixed(let array): fixed[path] = Variable(kind: .statistic, value: array)
                case .zero: state[path] = Variable(kind: .statistic, value: NDArray(zeros: variable.shape))
                case .sourceMean: state[path] = self.model.variables["\(record.path).running_mean"]
                case .sourceVariance: state[path] = self.model.variables["\(record.path).running_var"]
                }
            }
            var normalization = record.normalization
            normalization.kind = StreamNormalization(method, variables)
            result.overrides.append(
                Override(
                    PathPattern(record.path), phase: StreamedNetwork.phase, normalization: normalization,
                    freezesStatistics: false))
        }
        return (result, fixed, state)
    }

    /// Batches normalize and leave a trace; nothing is dropped.
    static let phase = Phase(statistics: .batch, corrects: false, updatesStatistics: true, dropout: false)
}
