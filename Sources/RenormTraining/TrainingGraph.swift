/// What turns a model into a training step, apart from the batch's size.
public struct TrainingOptions: Sendable, Hashable, Codable {
    /// How gradients change parameters.
    public var optimizer: Optimizer
    /// The learning rate over the steps.
    public var learningRate: Schedule
    /// Weight decay, applied to the weights of convolutions and dense layers.
    public var weightDecay: Double
    /// How much of the target is spread over all classes: 0 to 1.
    public var labelSmoothing: Double
    /// The largest norm of all gradients together; larger ones are scaled down to it. `nil` for no limit.
    public var clipNorm: Double?
    /// The rate of exponential averages of all parameters and statistics, new = old + rate · (value − old); `nil` for
    /// no averages.
    public var averagingRate: Double?

    /// Makes options.
    public init(
        optimizer: Optimizer = .sgd(), learningRate: Schedule, weightDecay: Double = 0,
        labelSmoothing: Double = 0,
        clipNorm: Double? = nil, averagingRate: Double? = nil
    ) {
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.labelSmoothing = labelSmoothing
        self.clipNorm = clipNorm
        self.averagingRate = averagingRate
    }
}

/// One training step of a model as a graph: forward, loss, gradients, and the updates of everything that changes.
///
/// Inputs: `images` `[N, H, W, C]` of f32 and `labels` `[N]` of i32. Results: `loss`, the mean over the batch;
/// `logits` `[N, classes]`; `gradient_norm`, before clipping. Guards: the batch moments of each normalization by its
/// path, then `loss`, then `gradients`.
public struct TrainingGraph: Sendable {
    /// The step.
    public let graph: Graph
    /// What the user should know, such as a normalization of single values.
    public let warnings: [String]

    /// Traces and differentiates a model.
    ///
    /// - Parameter seed: The seed of random draws such as dropout's.
    /// - Throws: `GraphError` if the batch or the options do not fit the model.
    public init(_ model: Model, batch: Int, options: TrainingOptions, seed: UInt64 = 0) throws {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([batch] + model.input.dimensions))
        let labels = builder.input("labels", shape: [batch], type: .i32)
        let traced = try model.trace(images, on: builder, phase: .training, seed: seed)
        warnings = traced.warnings

        let loss = try builder.within(path: "loss") {
            try traced.output.softmaxCrossEntropy(labels: labels, smoothing: options.labelSmoothing).mean()
        }
        builder.guardFinite(loss, path: "loss")
        builder.fetch(loss, as: "loss")
        builder.fetch(traced.output, as: "logits")

        let parameters = builder.graph.variables.values.filter { $0.kind == .parameter && $0.isTrainable }
        let values = try parameters.map { try builder.variable(at: $0.path) }
        let gradients = try builder.gradients(of: loss, for: values)
        try builder.within(path: "gradients", role: .update) {
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
            for ((specification, value), gradient) in zip(zip(parameters, values), gradients) {
                builder.path = specification.path
                let clipped = try factor.map { try gradient * $0 } ?? gradient
                let new = try options.optimizer.updated(
                    value, at: specification.path, gradient: clipped, rate: rate,
                    weightDecay: specification.decays ? options.weightDecay : 0)
                try builder.update(specification.path, to: new)
            }
        }
        if let rate = options.averagingRate { try TrainingGraph.average(builder, rate: rate) }
        graph = builder.graph.pruned()
    }

    /// Exponential averages of every parameter and statistic, of their values after the step.
    private static func average(_ builder: GraphBuilder, rate: Double) throws {
        let averaged = builder.graph.variables.values.filter {
            $0.kind == .parameter || $0.kind == .statistic
        }
        let updates = Dictionary(
            builder.graph.updates.map { ($0.path, $0.node) }, uniquingKeysWith: { first, _ in first })
        for specification in averaged {
            try builder.within(path: specification.path, role: .update) {
                let average = try builder.variable(
                    VariableSpecification(
                        path: averagePath(of: specification.path), kind: .average, shape: specification.shape,
                        initializer: specification.initializer))
                let value =
                    try updates[specification.path].map { builder.tensor($0) }
                    ?? builder.variable(at: specification.path)
                try builder.update(
                    averagePath(of: specification.path), to: average + (value - average) * rate)
            }
        }
    }

    /// The path of the exponential average of the variable at `path`.
    public static func averagePath(of path: String) -> String { "average.\(path)" }

    /// The state to start training from: the model's variables, empty slots, and averages that start at the variables.
    public func initialState(of model: Model) -> Variables {
        var state = Variables()
        for (path, specification) in graph.variables {
            state[path] =
                model.variables[path]
                ?? Variable(kind: specification.kind, value: specification.initialValue(seed: 0))
        }
        for (path, variable) in model.variables {
            let averagePath = TrainingGraph.averagePath(of: path)
            if state[path] == nil { state[path] = variable }
            if state[averagePath] != nil { state[averagePath]?.value = variable.value }
        }
        return state
    }
}

/// A model's outputs on labelled images, without any update.
///
/// Inputs: `images` `[N, H, W, C]` of f32 and `labels` `[N]` of i32. Results: `losses` `[N]`, the cross-entropy of each
/// example, and `logits` `[N, classes]`.
public struct EvaluationGraph: Sendable {
    /// The computation.
    public let graph: Graph

    /// Traces a model.
    public init(_ model: Model, batch: Int, phase: Phase = .inference) throws {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([batch] + model.input.dimensions))
        let labels = builder.input("labels", shape: [batch], type: .i32)
        let logits = try model.trace(images, on: builder, phase: phase).output
        let losses = try builder.within(path: "loss") { try logits.softmaxCrossEntropy(labels: labels) }
        builder.fetch(losses, as: "losses")
        builder.fetch(logits, as: "logits")
        graph = builder.graph.pruned()
    }
}
