import RenormArrays
import RenormGraphs
import RenormLayers

/// What turns a model into a training step, apart from the batch's size.
public struct TrainingOptions: Sendable, Hashable, Codable {
    /// How gradients change parameters.
    public var optimizer: Optimizer
    /// The learning rate over the steps.
    public var learningRate: Schedule
    /// Weight decay, applied to the weights of convolutions and dense layers.
    public var weightDecay: Double
    /// How much of the target is spread over all classes: 0 to less than 1.
    public var labelSmoothing: Double
    /// The largest norm of all gradients together; larger ones are scaled down to it. `nil` for no limit.
    public var clipNorm: Double?
    /// The rate of exponential averages of all parameters and statistics, new = old + rate · (value − old); `nil` for
    /// no averages.
    public var parameterAveragingRate: Double?
    /// The precision of activations.
    public var precision: Precision
    /// What is kept of the forward part.
    public var memory: MemoryUse
    /// Whether the forward part is computed again, section by section, and only what lies between sections is kept
    /// (see `Recomputation.blocks`).
    public var recomputes: Bool
    /// By how much the learning rate of a unit is less than that of the unit after it: rate · layerDecay^(units after it), units
    /// counted as `Model.units()` does (Howard & Ruder 2018; Bao et al. 2022). Normalizations and biases like weights. 1: all the
    /// same.
    public var layerDecay: Double

    /// Makes options.
    public init(
        optimizer: Optimizer = .sgd(), learningRate: Schedule, weightDecay: Double = 0,
        labelSmoothing: Double = 0,
        clipNorm: Double? = nil, parameterAveragingRate: Double? = nil, precision: Precision = .f32,
        memory: MemoryUse = .fast, recomputes: Bool = false, layerDecay: Double = 1
    ) {
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.layerDecay = layerDecay
        self.weightDecay = weightDecay
        self.labelSmoothing = labelSmoothing
        self.clipNorm = clipNorm
        self.parameterAveragingRate = parameterAveragingRate
        self.precision = precision
        self.memory = memory
        self.recomputes = recomputes
    }
}

extension TrainingOptions {
    /// The names in files, which do not change with those in code.
    private enum CodingKeys: String, CodingKey {
        case optimizer, learningRate, weightDecay, labelSmoothing, clipNorm
        case parameterAveragingRate = "averagingRate"
        case precision, memory, recomputes, layerDecay
    }

    /// Reads what was encoded, also by versions that did not have every option yet: then it has its default.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        optimizer = try container.value(.optimizer)
        learningRate = try container.value(.learningRate)
        weightDecay = try container.value(.weightDecay)
        labelSmoothing = try container.value(.labelSmoothing)
        clipNorm = try container.optional(.clipNorm)
        parameterAveragingRate = try container.optional(.parameterAveragingRate)
        precision = try container.optional(.precision) ?? .f32
        memory = try container.optional(.memory) ?? .fast
        recomputes = try container.optional(.recomputes) ?? false
        layerDecay = try container.optional(.layerDecay) ?? 1
        try requireNoFault(decoder)
    }
}

/// One training step of a model as a graph: forward, loss, gradients, and the updates of everything that changes.
///
/// Inputs: `images` `[N, H, W, C]` of f32 and `labels` `[N]` of i32, and what `Targets` adds. Results, each a number: `loss`,
/// the mean over the batch, those of auxiliary classifiers added; `correct`, how many examples are classified rightly; `gradient_norm`, before clipping. Guards: the batch moments of each normalization by its
/// path, then `loss`, then `gradients`.
///
/// Where gradients are accumulated over several small batches a step takes two graphs: see
/// `init(_:batch:accumulation:options:seed:)`.
public struct TrainingGraph: Sendable {
    /// The step or, where gradients are accumulated, what is run for each small batch.
    public let graph: Graph
    /// Where gradients are accumulated: what is run after a step's last small batch. Else `nil`.
    public let update: Graph?
    /// The number of small batches in a step.
    public let accumulation: Int
    /// What the user should know, such as a normalization of single values.
    public let warnings: [String]
    /// The normalizations whose batch can be looked at after a step; none unless the graph was made to watch them.
    let watched: [WatchedLayer]

    /// What an example is to be classified as.
    public enum Targets: Sendable, Hashable {
        /// Its label.
        case labels
        /// Its label, with a weight: another input `weights`, f32 `[N]`. The loss is Σ weightᵢ·CE(labelᵢ) / N.
        case weightedLabels
        /// Two labels, each with a weight, for mixed images: besides `weights`, `other_labels`, i32 `[N]`, and
        /// `other_weights`, f32 `[N]`. The loss is Σ (weightᵢ·CE(labelᵢ) + otherWeightᵢ·CE(otherLabelᵢ)) / N.
        case mixedLabels
    }

    /// Traces and differentiates a model.
    ///
    /// - Parameters:
    ///   - targets: What an example is to be classified as.
    ///   - domains: The number of domains with statistics of their own; then `domain`, f32 `[domains]`, is another input: 1 for the one
    ///     that the batch is from, else 0. Each statistic is a variable `[domains] + shape`. `nil`: statistics are of all together.
    ///   - seed: The seed of random draws such as dropout's.
    ///   - trainedSince: The step, by path, since which parameters are trained that have not been trained from the first on.
    ///   - statisticsStand: Whether statistics that do not move here have moved in earlier steps of the run.
    ///   - watches: Whether the moments that normalizations take of the batch are among the results.
    /// - Throws: `GraphError` if the batch or the options do not fit the model.
    public init(
        _ model: Model, batch: Int, options: TrainingOptions, targets: Targets = .labels,
        domains: Int? = nil, seed: UInt64 = 0, trainedSince: [String: Int] = [:],
        statisticsStand: Bool = false, watches: Bool = false
    ) throws {
        let builder = GraphBuilder()
        let forward = try TrainingGraph.forward(
            model, batch: batch, options, targets, domains: domains, seed: seed, watches: watches,
            on: builder)
        warnings = forward.warnings
        watched = forward.watched
        let parameters = TrainingGraph.trained(builder)
        let gradients = try builder.gradients(
            of: forward.loss, for: parameters.map { try builder.variable(at: $0.path) })
        try TrainingGraph.update(
            parameters, by: gradients, options, ParameterRules(model, options, trainedSince), on: builder)
        if let rate = options.parameterAveragingRate {
            try TrainingGraph.average(builder, rate: rate, statisticsStand: statisticsStand)
        }
        graph = builder.graph.pruned().recomputing(options.recomputation)
        update = nil
        accumulation = 1
    }

    /// The graphs of a step, however many small batches it has.
    init(graph: Graph, update: Graph?, accumulation: Int, warnings: [String], watched: [WatchedLayer]) {
        self.graph = graph
        self.watched = watched
        self.update = update
        self.accumulation = accumulation
        self.warnings = warnings
    }

    /// Traces a model up to its loss, the mean over the batch, with the weighted losses of auxiliary classifiers.
    package static func forward(
        _ model: Model, batch: Int, _ options: TrainingOptions, _ targets: Targets,
        domains: Int?, seed: UInt64, drawNumber: Tensor? = nil, watches: Bool, on builder: GraphBuilder
    ) throws -> (loss: Tensor, warnings: [String], watched: [WatchedLayer]) {
        let images = try builder.images(model.input, batch: batch)
        let labels = builder.input("labels", shape: [batch], type: .i32)
        let traced = try model.trace(
            images, on: builder, phase: .training, seed: seed, drawNumber: drawNumber,
            precision: options.precision,
            domain: domains.map { builder.input("domain", shape: [$0]) })
        let logits = traced.output.converted(to: .f32)
        let loss = try builder.within(path: "loss") {
            func losses(_ labels: Tensor) throws -> Tensor {
                func losses(_ logits: Tensor) throws -> Tensor {
                    try logits.softmaxCrossEntropy(labels: labels, smoothing: options.labelSmoothing)
                }
                return try traced.auxiliaries.reduce(losses(logits)) { sum, auxiliary in
                    try sum + losses(auxiliary.logits.converted(to: .f32)) * auxiliary.weight
                }
            }
            func weighted(_ labels: Tensor, by weights: String) throws -> Tensor {
                try losses(labels) * builder.input(weights, shape: [batch])
            }
            switch targets {
            case .labels: return try losses(labels).mean()
            case .weightedLabels: return try weighted(labels, by: "weights").mean()
            case .mixedLabels:
                let others = builder.input("other_labels", shape: [batch], type: .i32)
                return
                    try (weighted(labels, by: "weights") + weighted(others, by: "other_weights")).mean()
            }
        }
        builder.guardFinite(loss, path: "loss")
        builder.fetch(loss, as: "loss")
        builder.fetch(
            try builder.within(path: "accuracy") { try logits.rightAnswers(labels: labels).sum() },
            as: "correct"
        )
        let watched = watches ? traced.looks.map { WatchedLayer(fetching: $0, on: builder) } : []
        return (loss, traced.warnings, watched)
    }

    /// The parameters that gradients change.
    package static func trained(_ builder: GraphBuilder) -> [VariableSpecification] {
        builder.graph.variables.values.filter { $0.kind == .parameter && $0.isTrainable }
    }

    /// Gives parameters and the optimizer's slots their values after the step.
    static func update(
        _ parameters: [VariableSpecification], by gradients: [Tensor], _ options: TrainingOptions,
        _ rules: ParameterRules, on builder: GraphBuilder
    ) throws {
        try builder.within(path: "gradients", part: .update) {
            let squaredNorm = try gradients.map { try $0.reduce(.sumOfSquares) }
                .reduce(builder.constant(0)) { try $0 + $1 }
            builder.guardFinite(squaredNorm, path: "gradients")
            let norm = squaredNorm.squareRoot()
            builder.fetch(norm, as: "gradient_norm")
            // As torch.nn.utils.clip_grad_norm_ has it, small constant included.
            let factor = try options.clipNorm.map { limit in
                try (limit / (norm + 1e-6)).minimum(builder.constant(1))
            }
            let rate = try builder.schedule("learning_rate", options.learningRate)
            var rates: [Double: Tensor] = [1: rate]
            for factor in Set(rules.rateFactors.values).sorted() where rates[factor] == nil {
                rates[factor] = try rate * factor
            }
            for (specification, gradient) in zip(parameters, gradients) {
                builder.path = specification.path
                let clipped = try factor.map { try gradient * $0 } ?? gradient
                let new = try options.optimizer.updated(
                    builder.variable(at: specification.path), at: specification.path, gradient: clipped,
                    rate: rates[rules.rateFactors[specification.path] ?? 1] ?? rate,
                    weightDecay: specification.decays ? options.weightDecay : 0,
                    since: rules.trainedSince[specification.path] ?? 0)
                try builder.update(specification.path, to: new)
            }
        }
    }

    /// Exponential averages of what the step trains and of every statistic, of their values after the step. A frozen
    /// parameter is its own average.
    ///
    /// - Parameter statisticsStand: Whether statistics without an update have moved in earlier steps, so that their averages have
    ///   still to come to them.
    static func average(_ builder: GraphBuilder, rate: Double, statisticsStand: Bool) throws {
        let averaged = builder.graph.variables.values.filter {
            ($0.kind == .parameter && $0.isTrainable) || $0.kind == .statistic
        }
        let updates = Dictionary(
            builder.graph.updates.map { ($0.path, $0.node) }, uniquingKeysWith: { first, _ in first })
        for specification in averaged {
            try builder.within(path: specification.path, part: .update) {
                let average = try builder.variable(
                    VariableSpecification(
                        path: averagePath(of: specification.path), kind: .average, shape: specification.shape,
                        initializer: specification.initializer))
                // What does not move stays equal to its average, to the bit, if nothing is computed.
                let update = updates[specification.path]
                guard update != nil || (statisticsStand && specification.kind == .statistic) else { return }
                let value = try update.map(builder.tensor) ?? builder.variable(at: specification.path)
                try builder.update(
                    averagePath(of: specification.path), to: average + (value - average) * rate)
            }
        }
    }

    /// For the path of each of a model's variables, the path of what the model is used with in a store of this step: the
    /// exponential average where there is one, else the variable itself.
    func origins(of model: Model) -> [String: String] {
        let averages = (update ?? graph).variables
        return model.variables.reduce(into: [:]) { origins, entry in
            let average = TrainingGraph.averagePath(of: entry.path)
            origins[entry.path] = averages[average]?.kind == .average ? average : entry.path
        }
    }

    /// The path of the exponential average of the variable at `path`.
    public static func averagePath(of path: String) -> String { "average.\(path)" }

    /// The schedules of a step by name.
    public var schedules: [String: Schedule] {
        let all = Array(graph.schedules) + (update.map { Array($0.schedules) } ?? [])
        return Dictionary(all.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// The state to start training from: the model's variables, empty slots, and averages that start at the variables.
    public func initialState(of model: Model) -> Variables {
        var state = Variables()
        let updated = update.map { Array($0.variables) } ?? []
        for (path, specification) in Array(graph.variables) + updated where state[path] == nil {
            state[path] =
                model.variables[path]?.stacked(to: specification.shape)
                ?? Variable(kind: specification.kind, value: specification.initialValue(seed: 0))
        }
        for (path, variable) in model.variables {
            let averagePath = TrainingGraph.averagePath(of: path)
            if state[path] == nil { state[path] = variable }
            if state[averagePath] != nil, let value = state[path]?.value { state[averagePath]?.value = value }
        }
        return state
    }
}

/// A model's outputs on labelled images, without any update.
///
/// Inputs: `images` `[N, H, W, C]` of f32 and `labels` `[N]` of i32. Results: `losses` `[N]`, the cross-entropy of each
/// example, and `logits` `[N, classes]`, all of f32.
public struct EvaluationGraph: Sendable {
    /// The computation.
    public let graph: Graph

    /// Traces a model.
    ///
    /// - Parameter precision: The precision of activations.
    public init(
        _ model: Model, batch: Int, phase: Phase = .inference, precision: Precision = .f32
    ) throws {
        let builder = GraphBuilder()
        let images = try builder.images(model.input, batch: batch)
        let labels = builder.input("labels", shape: [batch], type: .i32)
        let logits = try model.trace(images, on: builder, phase: phase, precision: precision).output
            .converted(to: .f32)
        let losses = try builder.within(path: "loss") { try logits.softmaxCrossEntropy(labels: labels) }
        builder.fetch(losses, as: "losses")
        builder.fetch(logits, as: "logits")
        graph = builder.graph.pruned()
    }
}
