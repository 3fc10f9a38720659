import Foundation
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers

/// A model that a run has saved, with what is needed to use it: how pixels become input, and what the classes are
/// called.
///
///     let trained = try TrainedModel(reading: RunFolder(url).chosen())
public struct TrainedModel: Sendable {
    /// The network with its values: the exponential averages, if the run kept them.
    public var model: Model
    /// Everything else that was saved with it: input scaling, names of classes, configuration, results.
    public var record: CheckpointRecord
    /// The statistics that it has in each of the domains that it was trained in, where each has its own.
    public var domains: [StatisticsDomain] = []

    /// How pixels become input.
    public var scaling: InputScaling { record.scaling }
    /// How images of any size are brought to the size that the network takes.
    public var framing: Framing { record.data.framingOfImages }
    /// All that happens to a picture before it is the network's input.
    public var preparation: Preparation { Preparation(framing: framing, scaling: scaling) }
    /// What the classes are called.
    public var classNames: [String] { record.data.classNames }
    /// The number of steps that made it.
    public var step: Int { record.step }

    init(model: Model, record: CheckpointRecord) {
        self.model = model
        self.record = record
    }

    /// Reads `model.safetensors` or a checkpoint.
    ///
    /// - Parameter layer: The network, if it is not of the zoo.
    /// - Throws: `TrainingError` if the file was not saved by a run or is of unknown layers, `VariablesError` if the
    ///   variables are not the model's, and what reading a safetensors file throws.
    public init(reading url: URL, layer: (any Layer)? = nil) throws {
        try self.init(VariablesFile(reading: url), layer: layer)
    }

    /// Takes it from the content of a file.
    package init(_ file: VariablesFile, layer: (any Layer)? = nil) throws {
        let record = try CheckpointRecord(in: file)
        guard let layer = try layer ?? record.configuration.architecture?.makeLayer() else {
            throw TrainingError.unknownLayers(path: file.path)
        }
        var model = Model(
            layer, input: record.data.image, overrides: record.overrides, variables: Variables())
        // Nothing is drawn for the network that the file describes, which may be larger than the file.
        let (output, classes) = (try model.outputShape(), record.data.classNames.count)
        guard output.rank == 2, output[1] == classes else {
            throw TrainingError.notACheckpoint(
                path: file.path, reason: "it names \(classes) classes for a network whose output is \(output)"
            )
        }
        // A state has the statistics of all sources in one array each, the network of a run beside its own.
        let isStacked = record.domains != nil && file.kinds?.values.contains(.domain) == false
        let own = try model.specifications()
        let expected = try isStacked ? StatisticsBySource(record.domains ?? [], of: model).stacked : own
        // Averages and slots of a checkpoint are the training step's; the step itself need not be traced for them.
        let averages = expected.compactMap { specification -> VariableSpecification? in
            var average = specification
            average.path = TrainingGraph.averagePath(of: specification.path)
            average.kind = .average
            return file.kinds?[average.path] == .average ? average : nil
        }
        let bounds = try model.statisticBounds().coveringAverages
        model.variables = try file.variables(
            exactly: expected + averages, leavingOut: [.slot, .domain], bounds: bounds
        )
        .forInference(expected.map(\.path)).inStoredTypes
        self.init(model: model, record: record)
        domains = try file.domains(of: own, bounds: bounds)
        if isStacked { self = try unstacked() }
    }

    /// The network of a state that holds statistics by source.
    func unstacked() throws -> TrainedModel {
        guard let names = record.domains else { return self }
        var result = self
        let found = try StatisticsBySource(names, of: model).unstacked(model.variables)
        (result.model.variables, result.domains) = (found.variables.inStoredTypes, found.domains)
        return result
    }

    /// Examples in parts, before each of which a store is given what the part needs: those of sources that the network has
    /// statistics of get these, others the network's own.
    func parts(of dataset: Dataset, on store: any Store) -> [EvaluationPass.Part] {
        guard record.domains != nil else { return [EvaluationPass.Part(dataset)] }
        let names = dataset.domainNames
        let own = model.variables.ofKinds([.statistic, .counter])
        return dataset.bySource.map { source, places, examples in
            let domain = domains.first { $0.name == names[source] }
            return EvaluationPass.Part(examples, at: places) { try store.write(domain?.statistics ?? own) }
        }
    }

    /// Writes parameters, statistics and counters alone, so that the file loads strictly wherever the same names are
    /// spoken, in torchvision's model of this name for example (if its normalizations are batch normalizations).
    public func write(to url: URL) throws {
        try Checkpoint(variables: model.variables.with(domains), record: record).write(to: url)
    }
}

extension Variables {
    /// The values that a model is used with, at the given paths: exponential averages where there are any.
    func forInference(_ paths: [String]) -> Variables {
        var result = Variables()
        for path in paths {
            guard var variable = self[path] else { continue }
            if let average = self[TrainingGraph.averagePath(of: path)], average.kind == .average {
                variable.value = average.value
            }
            result[path] = variable
        }
        return result
    }

    /// The values in the types that files hold, whatever an engine computes in.
    var inStoredTypes: Variables {
        mapValues { _, variable in
            Variable(
                kind: variable.kind,
                value: variable.value.converted(to: variable.kind == .counter ? .i64 : .f32))
        }
    }
}

extension [String: StatisticBound] {
    /// The bounds, also of the exponential averages of what they are of.
    var coveringAverages: Self {
        reduce(into: self) { $0[TrainingGraph.averagePath(of: $1.key)] = $1.value }
    }
}
