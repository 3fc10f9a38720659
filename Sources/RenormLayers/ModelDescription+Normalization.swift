import RenormArrays
import RenormGraphs

extension ModelDescription {
    /// A normalization: what it normalizes with, and what training changes of it.
    public struct Normalization: Sendable, Hashable, Codable {
        /// What an activation is normalized with.
        public enum Statistics: String, Sendable, Hashable, Codable {
            /// Nothing: it is left as it is.
            case none
            /// The moments of a batch, or of groups of its examples, corrected towards the averages where the kind does so.
            case batch
            /// Moving averages.
            case moving
            /// Moments of each example by itself.
            case example
        }

        /// Where it is.
        public var path: String
        /// Its kind, such as `batch-renorm`.
        public var kind: String
        /// Whether parameters of it, such as γ and β, are trained.
        public var isTrained: Bool
        /// What normalizes in training.
        public var training: Statistics
        /// What normalizes at inference.
        public var inference: Statistics
        /// Whether a training step moves its averages.
        public var updates: Bool

        init(
            _ record: NormalizationRecord, training: NormalizationTraining,
            among specifications: some Sequence<VariableSpecification>
        ) {
            path = record.path
            kind = record.normalization.kind.word
            isTrained = specifications.contains { $0.layer == record.path && $0.isTrainable }
            self.training = record.statistics(in: training.phase)
            inference = record.statistics(in: record.phase)
            updates = !training.updates.isEmpty
        }
    }
}

/// What a training step does with a normalization.
struct NormalizationTraining {
    /// The phase that it is traced in.
    var phase: Phase
    /// The statistics and counters that a step changes.
    var updates: [String]
}

extension NormalizationRecord {
    /// What a training step does with it: found by tracing it alone, since a kind's own code decides.
    func inTraining(_ overrides: [Override]) throws -> NormalizationTraining {
        let builder = GraphBuilder()
        // Whatever its groups and the batch: one group of two examples. The overrides have named the normalization already.
        let others = overrides.map { other in
            var other = other
            other.normalization = nil
            return other
        }
        let trace = Trace(builder: builder, phase: .training, overrides: others, seed: 0)
        let scope = Scope(trace: trace, path: path)
        var (alone, dimensions) = (normalization, input.dimensions)
        alone.examples = nil
        dimensions[0] = 2
        _ = try alone(builder.input("x", shape: TensorShape(dimensions)), scope)
        return NormalizationTraining(phase: scope.phase, updates: builder.graph.updates.map(\.path))
    }

    func statistics(in phase: Phase) -> ModelDescription.Normalization.Statistics {
        if normalization.isNone { return .none }
        guard normalization.keepsPopulation else { return normalization.isBatchwise ? .batch : .example }
        return normalization.isBatchwise && phase.statistics == .batch ? .batch : .moving
    }
}
