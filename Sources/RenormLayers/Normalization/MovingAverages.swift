import RenormGraphs

/// The moving averages of a normalization, as its layer's variables: what the population looks like.
struct MovingAverages {
    /// μ `[C]`.
    let mean: Tensor
    /// σ `[C]`, ε inside.
    let deviation: Tensor
    private let spread: Tensor
    private let count: Tensor
    private let gains: (state: Tensor, innovations: Tensor)?
    private let normalization: Normalization

    /// Declares the averages of a kind that has them; `nil` for other kinds.
    init?(_ normalization: Normalization, channels: Int, _ scope: Scope) throws {
        guard normalization.kind.hasMovingAverages else { return nil }
        self.normalization = normalization
        mean = try scope.statistic("running_mean", shape: [channels], initial: 0)
        if normalization.kind == .batchRenorm {
            spread = try scope.statistic("running_std", shape: [channels], initial: 1)
            deviation = spread
        } else {
            spread = try scope.statistic("running_var", shape: [channels], initial: 1)
            deviation = try (spread + normalization.epsilon).squareRoot()
        }
        gains =
            normalization.tunesItself
            ? (
                try scope.statistic("gains", shape: [2, 3], initial: 0),
                try scope.statistic("innovations", shape: [2, channels], initial: 0)
            ) : nil
        count = try scope.counter("num_batches_tracked")
    }

    /// The averages after each group, of a normalization whose gains tune themselves.
    func filtered(_ moments: Moments, _ filter: MomentFilter) throws -> FilteredMoments {
        guard var both = moments.both, let gains else { preconditionFailure("no gains") }
        if moments.count == 1 {
            // One value says nothing of a deviation, which stays as it is.
            let variance = try (deviation.squared() - normalization.epsilon).broadcast(to: moments.mean.shape)
            both = try Tensor.concatenate(
                [moments.mean, variance].map { try $0.reshaped(to: [1, $0.shape[0], $0.shape[1]]) }, axis: 0)
        }
        return try both.filteredMoments(
            filter, epsilon: normalization.epsilon, averages: (mean, deviation),
            innovations: gains.innovations,
            gains: gains.state, count: count)
    }

    /// One update a group: the averages after the last one.
    func update(from filtered: FilteredMoments, _ scope: Scope) throws {
        try scope.update("running_mean", to: filtered.averages.element(0))
        try scope.update("running_std", to: filtered.averages.element(1))
        try scope.update("gains", to: filtered.gains)
        try scope.update("innovations", to: filtered.innovations)
        try scope.update("num_batches_tracked", to: count + 1)
    }

    /// One update a step, with the mean over groups: μ ← μ + α·(μ_B − μ), and the same for the unbiased variance
    /// (batch, as PyTorch) or for σ itself (batch renorm, Algorithm 1), whose averages the first batch sets.
    func update(from moments: Moments, _ scope: Scope) throws {
        let rate = normalization.averagingRate
        if normalization.kind == .batchRenorm {
            let (batchMean, batchDeviation) = try (
                moments.mean.mean(axes: [0]), moments.deviation.mean(axes: [0])
            )
            let first = try isFirst(scope)
            try scope.update(
                "running_mean", to: first.select(batchMean, mean + (batchMean - mean) * rate))
            try scope.update(
                "running_std", to: first.select(batchDeviation, spread + (batchDeviation - spread) * rate))
        } else {
            let n = Double(moments.count)
            let unbiased = try moments.biasedVariance.mean(axes: [0]) * (n > 1 ? n / (n - 1) : 1)
            try scope.update("running_mean", to: mean + (moments.mean.mean(axes: [0]) - mean) * rate)
            try scope.update("running_var", to: spread + (unbiased - spread) * rate)
        }
        try scope.update("num_batches_tracked", to: count + 1)
    }

    /// r = clip(σ_B/σ, 1/r_max, r_max) and d = clip((μ_B − μ)/σ, −d_max, d_max), constants to differentiation
    /// (Ioffe 2017, Algorithm 1); r = 1 and d = 0 in the first step, which has no averages to correct towards.
    func correction(of moments: Moments, limits: Limits, _ scope: Scope) throws -> (r: Tensor, d: Tensor) {
        let rMax = try limit("r_max", limits.rMax, scope)
        let dMax = try limit("d_max", limits.dMax, scope)
        let r = try (moments.deviation / deviation).clipped(1 / rMax, rMax)
        let d = try ((moments.mean - mean) / deviation).clipped(-dMax, dMax)
        let first = try isFirst(scope)
        return (
            try first.select(scope.builder.constant(1), r).stoppingGradient(),
            try first.select(scope.builder.constant(0), d).stoppingGradient()
        )
    }

    /// A limit is one schedule of the graph, whatever the number of layers; a layer whose limits differ from the first
    /// layer's has one under its own path.
    private func limit(_ name: String, _ schedule: Schedule, _ scope: Scope) throws -> Tensor {
        let known = scope.builder.graph.schedules[name]
        let isShared = known == nil || known == schedule
        return try scope.builder.schedule(isShared ? name : "\(scope.path).\(name)", schedule)
    }

    private func isFirst(_ scope: Scope) throws -> Tensor {
        try count.compare(.equal, scope.builder.constant(0))
    }
}
