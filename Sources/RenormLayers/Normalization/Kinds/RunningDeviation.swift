import RenormGraphs

/// The moving averages of batch renormalization while a layer is traced: mean and deviation (ε inside) `[C]`.
struct RunningDeviation {
    let mean: Tensor
    let deviation: Tensor
    private let count: Tensor
    private let gains: (state: Tensor, innovations: Tensor)?
    private let layer: NormalizationContext

    /// - Parameter tunes: Whether there are gains that tune themselves.
    init(_ layer: NormalizationContext, tunes: Bool) throws {
        self.layer = layer
        mean = try layer.statistic("running_mean")
        deviation = try layer.statistic("running_std")
        gains = tunes ? (try layer.statistic("gains"), try layer.statistic("innovations")) : nil
        count = try layer.statistic("num_batches_tracked")
    }

    /// γ·(x − μ)/σ + β.
    func normalized(_ x: Tensor) throws -> Tensor {
        try layer.normalized(x, mean: mean, deviation: deviation)
    }

    /// The averages after each group, of a normalization whose gains tune themselves.
    func filtered(_ moments: Moments, _ filter: MomentFilter) throws -> FilteredMoments {
        guard var both = moments.both, let gains else { preconditionFailure("no gains") }
        if moments.count == 1 {
            // One value says nothing of a deviation, which stays as it is.
            let variance = try (deviation.squared() - layer.epsilon).broadcast(to: moments.mean.shape)
            both = try Tensor.concatenate(
                [moments.mean, variance].map { try $0.reshaped(to: [1, $0.shape[0], $0.shape[1]]) }, axis: 0)
        }
        return try both.filteredMoments(
            filter, epsilon: layer.epsilon, averages: (mean, deviation), innovations: gains.innovations,
            gains: gains.state, count: count)
    }

    /// One update a group: the averages after the last one.
    func update(from filtered: FilteredMoments) throws {
        let scope = layer.scope
        try scope.update("running_mean", to: filtered.averages.element(0))
        try scope.update("running_std", to: filtered.averages.element(1))
        try scope.update("gains", to: filtered.gains)
        try scope.update("innovations", to: filtered.innovations)
        try scope.update("num_batches_tracked", to: count + 1)
    }

    /// One update a step, with the mean over groups: μ ← μ + rate·(μ_B − μ), and the same for σ itself (Algorithm 1). The first
    /// batch sets both.
    func update(from moments: Moments, rate: Double) throws {
        let (batchMean, batchDeviation) = try (
            moments.mean.mean(axes: [0]), moments.deviation.mean(axes: [0])
        )
        let (scope, first) = (layer.scope, try isFirst)
        try scope.update("running_mean", to: first.select(batchMean, mean + (batchMean - mean) * rate))
        try scope.update(
            "running_std", to: first.select(batchDeviation, deviation + (batchDeviation - deviation) * rate))
        try scope.update("num_batches_tracked", to: count + 1)
    }

    /// r = clip(σ_B/σ, 1/r_max, r_max) and d = clip((μ_B − μ)/σ, −d_max, d_max), constants to differentiation
    /// (Ioffe 2017, Algorithm 1); r = 1 and d = 0 in the first step, which has no averages to correct towards.
    func correction(of moments: Moments, _ limits: Limits) throws -> (r: Tensor, d: Tensor) {
        let rMax = try limit("r_max", limits.rMax)
        let dMax = try limit("d_max", limits.dMax)
        let r = try (moments.deviation / deviation).clipped(1 / rMax, rMax)
        let d = try ((moments.mean - mean) / deviation).clipped(-dMax, dMax)
        let (builder, first) = (layer.scope.builder, try isFirst)
        return (
            try first.select(builder.constant(1), r).stoppingGradient(),
            try first.select(builder.constant(0), d).stoppingGradient()
        )
    }

    /// A limit is one schedule of the graph, whatever the number of layers; a layer whose limits differ from the first
    /// layer's has one under its own path.
    private func limit(_ name: String, _ schedule: Schedule) throws -> Tensor {
        let builder = layer.scope.builder
        let known = builder.graph.schedules[name]
        let isShared = known == nil || known == schedule
        return try builder.schedule(isShared ? name : "\(layer.scope.path).\(name)", schedule)
    }

    private var isFirst: Tensor {
        get throws { try count.compare(.equal, layer.scope.builder.constant(0)) }
    }
}
